"""What a global model may learn from: nothing that fewer than five projects use."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.core.text import tokens
from apps.ml.core.training.shared_words import Shared, shared_by_projects, without_what_few_use

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def issue(name: str, **facts) -> CompletedIssue:
    return CompletedIssue(name, IssueFacts(**{"title": "Change", **facts}), NOW, NOW, actual_hours=3.0)


def of_projects(n: int, **facts) -> tuple[list[CompletedIssue], dict[str, str]]:
    """One issue each in `n` projects."""
    issues = [issue(f"i{number}", **facts) for number in range(n)]
    return issues, {each.issue_id: f"p{number}" for number, each in enumerate(issues)}


@pytest.mark.parametrize(("projects", "is_shared"), [(4, False), (5, True)])
def test_five_projects_make_a_thing_common(projects, is_shared):
    facts = {"title": "Export", "component": "Api", "labels": ("Slow",), "issue_type": "bug"}
    issues, project_of = of_projects(projects, **facts)

    [masked, *_] = without_what_few_use(issues, shared_by_projects(issues, project_of))

    kept = (masked.facts.title, masked.facts.component, masked.facts.labels, masked.facts.issue_type)
    assert (kept == ("Export", "Api", ("Slow",), "bug")) is is_shared
    assert is_shared or kept[1:] == ("", (), "")


@pytest.mark.parametrize(
    ("mine", "is_shared"),
    [
        (0, True),
        (1, True),
        # With four of one's own, the fifth would be told to use it.
        (2, False),
        (4, False),
        # Nobody else is left to be told of.
        (5, True),
    ],
)
def test_for_whoever_asks_their_own_projects_count_as_one(mine, is_shared):
    issues, project_of = of_projects(5, title="Zorblax")
    own = {f"p{number}" for number in range(mine)} | {"another, which does not use it"}

    shared = shared_by_projects(issues, project_of, projects_of_people=[own, {"p4"}])

    assert ("zorblax" in shared.words) is is_shared


def test_four_other_projects_are_enough_beside_ones_own():
    issues, project_of = of_projects(8, title="Export")

    shared = shared_by_projects(issues, project_of, projects_of_people=[{"p0", "p1", "p2", "p3"}])

    assert "export" in shared.words


def test_many_issues_of_one_project_make_nothing_common():
    issues = [issue(f"i{number}", title="Merger with Initech") for number in range(50)]

    shared = shared_by_projects(issues, {each.issue_id: "p" for each in issues})

    assert shared == Shared(frozenset(), frozenset(), frozenset(), frozenset())


def test_a_text_keeps_its_shape_and_its_common_words_and_loses_the_rest():
    issues, project_of = of_projects(5, title="Change the export")
    secret = issue("own", title="Change Initech-42: the export", description="Call Bob_Smith at 5551234", reporter="r")
    shared = shared_by_projects([*issues, secret], {**project_of, "own": "p0"})

    [*_, masked] = without_what_few_use([*issues, secret], shared)

    assert masked.facts.title.startswith("Change x")
    assert masked.facts.title.endswith("-00: the export")
    assert len(masked.facts.title) == len(secret.facts.title)
    assert len(tokens(masked.facts.title)) == len(tokens(secret.facts.title))
    assert masked.facts.reporter == ""
    for word in ("initech", "bob", "smith", "call", "5551234"):
        assert word not in f"{masked.facts.title} {masked.facts.description}".lower()


def test_the_same_issues_give_the_same_training_set_and_a_word_no_sign_of_itself():
    shared = Shared(frozenset(), frozenset(), frozenset(), frozenset())

    first, again = (without_what_few_use([issue("a", title="Secret word")], shared) for _ in range(2))
    [other] = without_what_few_use([issue("a", title="Hidden text")], shared)

    assert first == again
    assert first[0].facts.title == other.facts.title, "words of one length at one place look alike"


@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_but_shared_words_and_fillers_is_left(title, description):
    [masked] = without_what_few_use(
        [issue("a", title=title, description=description)],
        Shared(frozenset({"export"}), frozenset(), frozenset(), frozenset()),
    )

    left = set(tokens(masked.facts.title)) | set(tokens(masked.facts.description))
    assert all(word == "export" or word[0] == "x" for word in left)
