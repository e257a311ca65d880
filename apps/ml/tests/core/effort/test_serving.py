"""Serving the effort model: from arrays alone, fast, explained, corrected by what came of earlier answers."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apps.ml.core import artifact
from apps.ml.core.effort import EffortModel, RecentOutcomes
from apps.ml.core.effort.experts import static_row, without_trees
from apps.ml.core.effort.features import read
from apps.ml.core.effort.naive import NaiveLevels
from apps.ml.core.effort.neighbours import Neighbourhood
from apps.ml.core.effort.training import train_effort_model
from apps.ml.core.records import IssueFacts
from apps.ml.tests.core.effort.factories import NOW, team
from apps.ml.tests.core.layouts import assert_layout_has_its_number

ISSUES = team(500, seed=2, description=True)
HELD_OUT = team(900, seed=2, description=True)[500:]


@pytest.fixture(scope="module")
def serving():
    return train_effort_model(ISSUES, now=NOW, version="1.0.0").serving


@pytest.fixture(scope="module")
def model(serving):
    return EffortModel.from_bytes(serving)


def blind(facts):
    return replace(facts, estimated_hours=None)


def outcomes(errors, *, scale=0.5, used_estimate=False):
    n = len(errors)
    return RecentOutcomes.of(
        log_errors=errors,
        log_scales=[scale] * n,
        inside=np.abs(errors) < scale,
        used_estimate=[used_estimate] * n,
    )


def test_serving_imports_neither_scikit_learn_nor_pandas(serving, tmp_path):
    stored = tmp_path / "model.bin"
    stored.write_bytes(serving)
    program = (
        "import sys; from pathlib import Path; from apps.ml.core.effort import EffortModel, RecentOutcomes;"
        "from apps.ml.core.records import IssueFacts;"
        "from apps.ml.core import similarity;from apps.ml.core.effort import without_model;"
        "model = EffortModel.from_bytes(Path(sys.argv[1]).read_bytes());"
        "model.estimate(IssueFacts(title='fix login page'));"
        "print([name for name in ('sklearn', 'pandas', 'scipy', 'joblib') if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(stored)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[5],
    )

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("facts", [blind(ISSUES[0].facts), ISSUES[0].facts, ISSUES[1].facts, ISSUES[7].facts])
def test_contributions_add_up_to_the_prediction(model, facts):
    estimate = model.estimate(facts)

    assert sum(part.effect for part in estimate.contributions) == pytest.approx(estimate.predicted_hours, abs=1e-9)


@pytest.mark.parametrize("facts", [blind(ISSUES[0].facts), ISSUES[0].facts])
def test_a_team_too_small_for_trees_is_told_of_none(facts):
    small = EffortModel.from_bytes(train_effort_model(ISSUES[:100], now=NOW).serving)

    estimate = small.estimate(facts)

    assert sum(part.effect for part in estimate.contributions) == pytest.approx(estimate.predicted_hours, abs=1e-9)
    assert not any("trees" in part.name for part in estimate.contributions)
    assert estimate.method == "ml_model"


def test_without_trees_near_neighbours_speak_and_else_the_linear_expert():
    near, far, level = Neighbourhood(2.0, 0.9, 0.1, 0.0), Neighbourhood(0.5, 0.0, 0.0, 1.0), 0.5
    levels = NaiveLevels(level, level, {})

    rows = np.array([static_row(read(IssueFacts(title="fix")), nearby, levels) for nearby in (near, far)])

    assert without_trees(np.array([1.0, 1.0]), rows).tolist() == [2.0, 1.0]


@pytest.mark.parametrize("estimated_hours", [1e-4, 1e3, 1e5])
def test_an_estimate_such_as_nobody_gave_makes_no_answer_surer(model, estimated_hours):
    known, strange = (
        model.estimate(replace(ISSUES[0].facts, estimated_hours=hours))
        for hours in (ISSUES[0].facts.estimated_hours, estimated_hours)
    )

    assert strange.used_estimate
    assert strange.confidence < known.confidence
    assert strange.log_scale > 1


def test_a_contribution_names_what_moved_the_answer(model):
    story = next(
        issue.facts for issue in ISSUES if issue.facts.issue_type == "story" and "billing" in issue.facts.title
    )

    parts = {part.name: part.effect for part in model.estimate(blind(story)).contributions}

    assert parts["issue type"] > 0
    assert parts["component"] > 0


def test_type_and_words_change_the_answer(model):
    facts = IssueFacts(title="fix billing page", issue_type="bug")

    bug, story = (model.estimate(replace(facts, issue_type=kind)) for kind in ("bug", "story"))
    billing, login = (model.estimate(replace(facts, title=f"fix {topic} page")) for topic in ("billing", "login"))

    assert story.predicted_hours > 1.5 * bug.predicted_hours
    assert billing.predicted_hours > login.predicted_hours


@pytest.mark.parametrize(
    "facts",
    [
        IssueFacts(title=""),
        IssueFacts(
            title="完全に未知の言葉", description="\x00\ufffd", issue_type="epic", component="?", labels=("x", "")
        ),
        IssueFacts(title="fix", priority=-7.0, story_points=0.0, reporter="nobody", assignee="nobody"),
        IssueFacts(title="word " * 5_000, description="log line\n" * 50_000, estimated_hours=1e6),
        IssueFacts(title="fix login", estimated_hours=0.0),
        IssueFacts(title="fix login", estimated_hours=-3.0),
    ],
)
def test_unknown_and_odd_values_are_a_case_not_a_crash(model, facts):
    estimate = model.estimate(facts)

    assert math.isfinite(estimate.expected_hours)
    assert 0 < estimate.interval.low <= estimate.predicted_hours <= estimate.interval.high
    assert 0 < estimate.confidence < 1


def test_an_estimate_that_is_no_number_of_hours_is_not_used(model):
    assert not model.estimate(IssueFacts(title="fix login", estimated_hours=0.0)).used_estimate


def test_ranges_hold_what_they_promise_on_later_issues(model):
    held = [_inside(model.estimate(blind(issue.facts)), issue) for issue in HELD_OUT]

    assert np.mean(held) == pytest.approx(0.8, abs=0.06)


def _inside(estimate, issue):
    return estimate.interval.low <= issue.actual_hours <= estimate.interval.high


def test_confidence_is_the_share_within_a_factor_of_two(model):
    estimates = [(model.estimate(blind(issue.facts)), issue) for issue in HELD_OUT]

    hits = [abs(math.log(issue.actual_hours / one.predicted_hours)) <= math.log(2) for one, issue in estimates]

    assert np.mean([one.confidence for one, _ in estimates]) == pytest.approx(np.mean(hits), abs=0.07)


def test_expected_hours_sum_up_to_the_truth(model):
    expected = sum(model.estimate(blind(issue.facts)).expected_hours for issue in HELD_OUT)

    assert expected == pytest.approx(sum(issue.actual_hours for issue in HELD_OUT), rel=0.12)


def test_a_higher_level_gives_a_wider_range(model):
    narrow, wide = (model.estimate(HELD_OUT[0].facts, level=level).interval for level in (0.5, 0.95))

    assert (narrow.level, wide.level) == (0.5, 0.95)
    assert wide.low < narrow.low
    assert wide.high > narrow.high


def test_larger_errors_lately_make_wider_ranges_and_less_confidence(model):
    facts = blind(HELD_OUT[0].facts)

    before, after = model.estimate(facts), model.estimate(facts, recent=outcomes(np.linspace(-3, 3, 200)))

    assert after.interval.high / after.interval.low > 1.5 * before.interval.high / before.interval.low
    assert after.confidence < before.confidence


def test_ranges_that_held_too_little_in_training_are_wider_before_any_outcome_is_known(model):
    head = replace(model.plain, header=replace(model.plain.header, missing_coverage=0.05))
    facts = blind(HELD_OUT[0].facts)

    said, corrected = (each.estimate(facts).interval for each in (model, replace(model, plain=head)))

    assert corrected.level == said.level == 0.8
    assert corrected.high / corrected.low > 1.05 * said.high / said.low


def test_the_coverage_of_the_last_outcomes_is_returned_beside_the_level(model):
    recent = RecentOutcomes.of(
        log_errors=[0.1] * 10, log_scales=[0.5] * 10, inside=[True] * 7 + [False] * 3, used_estimate=[False] * 10
    )

    interval = model.estimate(blind(HELD_OUT[0].facts), recent=recent).interval

    assert (interval.level, interval.measured_coverage, interval.n_outcomes) == (0.8, 0.7, 10)


def test_outcomes_of_answers_with_an_estimate_correct_only_such_answers(model):
    recent = outcomes(np.linspace(-3, 3, 200), used_estimate=True)
    facts = HELD_OUT[0].facts

    assert model.estimate(blind(facts), recent=recent).interval.n_outcomes == 0
    assert model.estimate(facts, recent=recent).interval.n_outcomes == 200


def test_similar_issues_are_shown_with_what_they_took(model):
    estimate = model.estimate(ISSUES[3].facts)

    taken = {issue.issue_id: issue.actual_hours for issue in ISSUES}
    assert estimate.similar_issues
    assert all(found.actual_hours == pytest.approx(taken[found.issue_id]) for found in estimate.similar_issues)


def test_unrelated_text_has_no_similar_issues(model):
    assert model.estimate(IssueFacts(title="zebra giraffe")).similar_issues == ()


def test_the_reasoning_gives_the_numbers_of_the_model(model):
    head = model.plain.header
    off_by, alone = math.exp(head.measured_malr), math.exp(head.baseline_malr)

    assert model.estimate(blind(ISSUES[0].facts)).reasoning.startswith(
        f"Learned from 500 finished issues; on the last {head.n_measured} issues it was typically off by a factor of "
        f"{off_by:.1f}, the team's typical hours alone by a factor of {alone:.1f}."
    )


def test_what_other_points_would_change_is_told_where_points_were_learned(model):
    pointed = EffortModel.from_bytes(train_effort_model(team(200, points=True), now=NOW).serving)
    facts = IssueFacts(title="fix billing page", issue_type="bug", component="billing")

    assert "With 8 points instead of none:" in pointed.estimate(facts).reasoning
    assert "With 5 points instead of 3:" in pointed.estimate(replace(facts, story_points=3.0)).reasoning
    assert "points" not in model.estimate(facts).reasoning


def test_a_counterfactual_is_what_would_be_answered(model):
    pointed = EffortModel.from_bytes(train_effort_model(team(200, points=True), now=NOW).serving)
    facts = IssueFacts(title="fix billing page", issue_type="bug", component="billing")

    asked = pointed.estimate(replace(facts, story_points=8.0))

    assert f"instead of none: {asked.predicted_hours:.1f} h" in pointed.estimate(facts).reasoning


def test_damaged_bytes_are_refused(serving):
    with pytest.raises(artifact.ArtifactCorrupted):
        EffortModel.from_bytes(serving[: len(serving) // 2])


def test_an_artefact_that_lacks_a_part_is_refused(serving):
    found = artifact.loads(serving, kind="effort")
    arrays = {name: array for name, array in found.arrays.items() if name != "plain_weights"}

    with pytest.raises(artifact.ArtifactCorrupted, match="incomplete"):
        EffortModel.from_bytes(artifact.dumps("effort", arrays, found.meta))


def test_the_model_tells_the_memory_of_its_arrays(model, serving):
    arrays = artifact.loads(serving, kind="effort").arrays

    assert model.nbytes == sum(array.nbytes for array in arrays.values())


def test_an_answer_takes_as_many_steps_however_many_issues_were_learned_from(model):
    young = EffortModel.from_bytes(train_effort_model(ISSUES[:150], now=NOW).serving)

    for facts in (issue.facts for issue in HELD_OUT[:10]):
        # What can differ are single steps: looking up a word that only one of the two knows, halving a range once more.
        assert _calls(model, facts) == pytest.approx(_calls(young, facts), rel=0.2)


def _calls(model, facts):
    """Functions called for an answer, of Python and of C: the same on every machine, however busy.

    The least of three: what measures the lines that tests run looks through all functions once in a while.
    """
    model.estimate(facts)
    return min(_calls_of_one(model, facts) for _ in range(3))


def _calls_of_one(model, facts):
    events = []
    sys.setprofile(lambda frame, event, argument: events.append(event))
    try:
        model.estimate(facts)
    finally:
        sys.setprofile(None)
    return sum(event in ("call", "c_call") for event in events)


def test_what_an_issue_does_not_have_is_named_as_its_absence(model):
    names = {part.name for part in model.estimate(IssueFacts(title="fix billing page", issue_type="bug")).contributions}

    assert names.isdisjoint({"labels", "story points", "component", "words of the description"})


def test_its_layout_has_its_number(serving):
    assert_layout_has_its_number(serving)
