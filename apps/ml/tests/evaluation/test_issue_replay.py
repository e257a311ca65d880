"""A team's past replayed: as of then, beside simple methods, honest about too little."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from apps.common.exceptions import NotEnoughData
from apps.ml.core.points import PointsPrior
from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.models import ModelType, PredictionHistory
from apps.ml.reports.issue_replay_page import page
from apps.ml.services.evaluation.issue_replay import EFFORT_BASELINES, LEVELS, NothingToReplay, plan_of, replay
from apps.ml.services.evaluation.issue_replay_figures import backtest_of, figures
from apps.ml.tests.teams import learnable_team
from apps.projects.tests.factories import ProjectFactory

EFFORT, POINTS = ModelType.EFFORT_PREDICTION, ModelType.STORY_POINTS
FIRST = datetime(2025, 9, 1, 9, 0, tzinfo=UTC)


def ignored(step, text):
    """Nobody watches."""


def finished(number, rng):
    """The `number`th issue of a team that finishes one each twelve hours; its type decides most of the hours."""
    kind = str(rng.choice(["bug", "task", "story"]))
    hours = float(np.exp({"bug": 0.7, "task": 1.4, "story": 2.2}[kind] + 0.35 * rng.standard_normal()))
    completed_at = FIRST + timedelta(hours=12 * number)
    # Every other issue was estimated by the team, at half of what it took.
    estimate = hours / 2 if number % 2 else None
    facts = IssueFacts(title=f"Change part {number % 17}", issue_type=kind, estimated_hours=estimate)
    points = min((1.0, 2.0, 3.0, 5.0, 8.0, 13.0), key=lambda step: abs(np.log(step / hours)))
    known_at = completed_at - timedelta(hours=30)
    return CompletedIssue(f"issue-{number}", facts, known_at, completed_at, actual_hours=hours, story_points=points)


@pytest.fixture(scope="module")
def history():
    rng = np.random.default_rng(0)
    return [finished(number, rng) for number in range(160)]


@pytest.fixture(scope="module")
def replayed(history):
    return replay(plan_of(EFFORT, history), progress=ignored)


@pytest.fixture(scope="module")
def replayed_points(history):
    return replay(plan_of(POINTS, history), progress=ignored)


def with_other_outcomes_after(history, moment, **outcome):
    return [replace(each, **outcome) if each.known_at >= moment else each for each in history]


def test_only_issues_begun_after_the_first_fifty_were_finished_are_asked_about(history):
    plan = plan_of(EFFORT, history)

    # Each began 30 hours before its end, so that the 50th ends in the middle of the third after it.
    assert [each.issue_id for each in plan.asked] == [f"issue-{number}" for number in range(52, 160)]
    assert plan.months[0] == plan.asked[0].known_at


def test_the_newest_issues_can_be_asked_for_and_learn_from_all_before(history):
    plan = plan_of(EFFORT, history, newest=20)

    assert [each.issue_id for each in plan.asked] == [f"issue-{number}" for number in range(140, 160)]
    assert len(plan.issues) == 160


def test_too_little_history_says_how_much_there_is(history):
    with pytest.raises(NotEnoughData) as raised:
        plan_of(EFFORT, history[:49])

    assert (raised.value.have, raised.value.needed) == (49, 50)


def test_work_that_all_began_before_anything_was_finished_cannot_be_replayed(history):
    with pytest.raises(NothingToReplay):
        plan_of(EFFORT, [replace(each, known_at=FIRST - timedelta(days=1)) for each in history])


def test_answers_know_nothing_of_what_was_finished_later(history, replayed):
    """Were the later outcomes of any use to earlier answers, changing them would change those."""
    later = replayed.asked_at[60]

    again = replay(plan_of(EFFORT, with_other_outcomes_after(history, later, actual_hours=400.0)), progress=ignored)

    assert again.served.predicted[:60].tolist() == replayed.served.predicted[:60].tolist()
    assert again.served.low[:60].tolist() == replayed.served.low[:60].tolist()
    assert again.served.predicted[-1] != replayed.served.predicted[-1]


def test_every_simple_method_answers_beside_the_predictions(replayed):
    found = backtest_of(replayed, project="TEAM")

    assert [rival.name for rival in found.rivals] == list(EFFORT_BASELINES.values())
    assert [rival.n for rival in found.rivals] == [108] * 5 + [54]
    # The team's hours can be learned, and its estimates are half of what it took.
    assert found.score.against_baseline.value > 0.2
    assert found.score.against_team.value > 0


def test_the_naive_baseline_is_the_median_of_what_was_known(history, replayed):
    known = [each.actual_hours for each in history if each.completed_at < replayed.asked_at[0]]

    assert replayed.served.baseline[0] == pytest.approx(np.median(known))
    assert replayed.n_known == len(known) == 50


def test_wider_ranges_hold_more(replayed):
    shares = [share.observed for share in backtest_of(replayed, project="TEAM").ranges]

    assert replayed.inside.shape == (len(replayed.asked_at), len(LEVELS))
    assert shares == sorted(shares)
    assert [share.promised for share in backtest_of(replayed, project="TEAM").ranges] == list(LEVELS)


def test_points_are_replayed_through_training_and_serving(replayed_points):
    found = backtest_of(replayed_points, project="TEAM")

    assert (found.unit, found.score.n, found.score.confidence.n) == ("points", 108, 108)
    assert found.score.against_team is None
    names = {rival.name for rival in found.rivals}
    assert {"median", "median of last 50", "jaccard", "average of the issue type"} <= names
    # Points follow from the type in this team.
    assert found.score.against_baseline.value > 0


def test_answers_about_points_know_nothing_of_what_was_finished_later(history, replayed_points):
    later = replayed_points.asked_at[60]

    again = replay(plan_of(POINTS, with_other_outcomes_after(history, later, story_points=13.0)), progress=ignored)

    assert again.served.predicted[:60].tolist() == replayed_points.served.predicted[:60].tolist()
    assert again.served.confidence[:60].tolist() == replayed_points.served.confidence[:60].tolist()
    assert again.served.predicted[-1] != replayed_points.served.predicted[-1]


def test_knowledge_that_was_learned_on_these_very_issues_is_left_out(history, monkeypatch):
    monkeypatch.setattr(PointsPrior, "knows", lambda self, keys: "KEY-1" in keys)

    found = replay(plan_of(POINTS, history, newest=3, source_keys=["KEY-1"]), progress=ignored)

    assert "learned on these very issues" in found.notes[0]


def test_the_figures_are_one_json_document_shaped_as_the_benchmarks(replayed):
    document = json.loads(json.dumps(figures(backtest_of(replayed, project="TEAM")), allow_nan=False))

    (project,) = document["projects"]
    assert project["n"] == len(replayed.asked_at)
    assert {"mae", "rmae", "malr", "coverage", "width", "ece"} <= set(project["served"])
    assert project["served"]["rmae"] == pytest.approx(project["served"]["mae"] / project["baselines"]["median"]["mae"])
    assert project["verdict"].startswith(f"Over {project['n']} outcomes the predictions were off by")


class Balance(HTMLParser):
    """Counts elements and fails on a wrong end tag."""

    VOID = ("meta", "circle", "line", "rect", "polyline")

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def without_figures(text):
    """A page without the figures that are folded below its pictures."""
    return re.sub("<details>.*?</details>", "", text, flags=re.DOTALL)


def test_the_page_holds_verdict_table_and_three_charts_and_loads_nothing(replayed, now):
    found = backtest_of(replayed, project="<TEAM>")

    text = page(found, made_at=now)

    parser = Balance()
    parser.feed(text)
    assert parser.open == []
    assert parser.seen.count("figure") == 3
    assert without_figures(text).count("<tr>") == 2 + len(found.rivals)
    assert "&lt;TEAM&gt;" in text
    assert "<TEAM>" not in text
    assert "src=" not in text
    assert "href=" not in text


def run(*arguments):
    out = StringIO()
    call_command("backtest", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def team(db, now):
    return learnable_team(80, until=now)


def test_the_command_prints_the_verdict_and_writes_both_files(team, tmp_path, capsys):
    files = tmp_path / "figures.json", tmp_path / "page.html"

    printed = run("--project", team.key.lower(), "--newest", "20", "--json", str(files[0]), "--html", str(files[1]))

    assert "20 issues from" in printed
    assert "average of the issue type" in printed
    assert "Outcomes inside the ranges, at the promised level:" in printed
    assert "the naive baseline by" in printed
    assert json.loads(files[0].read_text())["projects"][0]["n"] == 20
    assert files[1].read_text().startswith("<!DOCTYPE html>")
    assert "[1/" in capsys.readouterr().err
    assert not PredictionHistory.objects.exists()


def test_the_command_replays_points(team):
    printed = run("--project", team.key, "--type", "points", "--newest", "20")

    assert "mean error, points" in printed
    assert run("--project", team.key, "--type", "story_points", "--newest", "20") == printed


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "what"), [("effort", "completed issues with hours"), ("points", "completed issues with story points")]
)
def test_the_command_says_what_is_missing_and_ends_with_one(kind, what):
    project = ProjectFactory()

    with pytest.raises(CommandError, match=f"50 {what} are needed .* has 0") as raised:
        run("--project", project.key, "--type", kind)

    assert raised.value.returncode == 1


def test_a_file_that_cannot_be_written_is_named(team, tmp_path):
    with pytest.raises(CommandError, match=r"page\.html cannot be written"):
        run("--project", team.key, "--newest", "5", "--html", str(tmp_path / "missing" / "page.html"))


def test_a_file_that_cannot_be_written_is_noticed_before_the_replay(team, tmp_path, monkeypatch):
    monkeypatch.setattr("apps.ml.management.commands.backtest.replay", None)

    with pytest.raises(CommandError, match="cannot be written: Is a directory"):
        run("--project", team.key, "--html", str(tmp_path))


def test_a_refused_replay_leaves_no_empty_file(db, tmp_path):
    with pytest.raises(CommandError, match="50 completed issues"):
        run("--project", ProjectFactory().key, "--json", str(tmp_path / "figures.json"))

    assert list(tmp_path.iterdir()) == []


def test_a_truth_at_the_very_edge_of_what_was_promised_is_a_hit_in_terminal_and_page_alike(replayed):
    served = replace(replayed.served, actual=replayed.served.near_high * (1 + 1e-12))

    found = backtest_of(replace(replayed, served=served), project="TEAM")

    assert found.score.confidence.came_true == 1.0
    assert {share.observed for share in found.calibration} == {1.0}


def test_a_number_of_issues_that_makes_no_sense_is_refused(team):
    with pytest.raises(CommandError, match="a number of issues from 1 is needed, not '0'"):
        run("--project", team.key, "--newest", "0")
