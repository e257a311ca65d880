"""The benchmark of similar issues, on projects written for it."""

import io
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command

from apps.ml.benchmarks import similar
from apps.ml.benchmarks.similar.data import UnreadableData, read_projects
from apps.ml.benchmarks.similar.references import earlier, rank_of
from apps.ml.core.meaning import load_meaning
from apps.ml.core.text_index import IssueText, Texts

HEADER = "issue_key,created,title,description\n"


def write_project(path: Path, key: str, *, n: int = 120) -> None:
    """Every third issue speaks of the one before it by key, and shares its rare word."""
    rows = []
    for number in range(n):
        refers = number % 3 == 2
        word = f"widget{number - refers}"
        text = f"see {key}-{number - 1} at https://tracker.example/{key}-{number - 1}" if refers else "as usual"
        rows.append(f"{key}-{number},2024-01-01 {number // 60:02}:{number % 60:02},Change {word} of the page,{text}")
    path.write_text(HEADER + "\n".join(rows) + "\n")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_project(tmp_path / "ALPHA.csv", "ALPHA")
    write_project(tmp_path / "BETA.csv", "BETA")
    return tmp_path


def test_the_benchmark_tells_every_method_and_every_target(directory: Path) -> None:
    out = io.StringIO()

    call_command("benchmark", "similar", "--data", str(directory), "--json", str(directory / "out.json"), stdout=out)

    told = out.getvalue()
    assert "jaccard" in told
    assert "the table less words alone, MRR" in told
    assert "strangers: of 10 questions" in told
    assert (directory / "out.json").exists()


def test_a_rare_word_finds_the_issue_that_is_spoken_of(directory: Path) -> None:
    found = similar.run({"data": directory}, lambda line: None)["references"]

    # 40 references a project, 33 of them with 20 issues before; the later half is 17 of each.
    assert found["n"] == 34
    assert found["methods"]["words"] == {"mrr": 1.0, "hit_at_5": 1.0}
    assert found["served_hit_at_5"] == 1.0


def test_keys_and_addresses_are_no_part_of_what_is_compared(directory: Path) -> None:
    project, _ = read_projects(directory)

    assert project.referred[2] == {1}
    assert project.descriptions[2].split() == ["see", "at"]


def test_the_later_asks_for_the_earlier_whichever_names_the_other(tmp_path: Path) -> None:
    rows = [f"AB-{number},2024-01-{number + 1:02},x,{'AB-9' if number == 3 else ''}" for number in range(28)]
    rows += [f"AB-{number},2024-02-01,y," for number in range(28, 110)]
    (tmp_path / "a.csv").write_text(HEADER + "\n".join(reversed(rows)))

    (project,) = read_projects(tmp_path)

    assert project.referred == {9: {3}}


def test_what_is_known_when_an_issue_is_written_are_the_earlier_ones() -> None:
    table = load_meaning()
    issues = [IssueText(str(number), f"title {word}", "") for number, word in enumerate(("one", "two", "three"))]

    known = earlier(Texts.read(issues, table), 2)

    anew = Texts.read(issues[:2], table)
    assert (known.issue_ids, known.keys.tolist(), known.starts.tolist()) == (
        anew.issue_ids,
        anew.keys.tolist(),
        anew.starts.tolist(),
    )


def test_of_equal_scores_the_later_issue_ranks_first() -> None:
    scores = np.array([0.5, 0.2, 0.5, 0.9])

    assert (rank_of(scores, [0]), rank_of(scores, [2]), rank_of(scores, [1, 3])) == (3, 2, 1)


@pytest.mark.parametrize(
    ("content", "told"), [("issue_key,title\n", "lacks the columns"), (HEADER + "A-1,2024,x,y\n", "100 issues")]
)
def test_data_that_cannot_be_used_are_named(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "a.csv").write_text(content)

    with pytest.raises(UnreadableData, match=told):
        read_projects(tmp_path)
