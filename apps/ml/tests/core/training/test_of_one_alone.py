"""A model of all projects does not single out what one of them alone uses: no number, no pair of fields, no sign."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pytest

from apps.ml.core.effort import EffortModel
from apps.ml.core.effort.explain import GROUP_NAMES, TREES
from apps.ml.core.effort.features import EffortGroup
from apps.ml.core.effort.training import train_effort_model
from apps.ml.core.points import PointsModel
from apps.ml.core.points.training import train_points_model
from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.core.training.shared_words import shared_by_projects, without_what_few_use

NOW = datetime(2026, 11, 1, tzinfo=UTC)
PROJECTS, ISSUES = 6, 60
HOURS = {"bug": 1.0, "task": 4.5, "incident": 2.0}
TITLES = {"fix login page": 1.0, "change label text": 1.5, "add report export": 3.0}
#: Of the issues of the first project each third is what it alone has; these take eight times as long.
OWN, TIMES = 3, 8.0

Own = Callable[[CompletedIssue], CompletedIssue]


def facts(**changed) -> Own:
    return lambda issue: replace(issue, facts=replace(issue.facts, **changed))


#: What one project alone uses.
PAIR = facts(issue_type="incident", component="payments")
WITH_PRIORITY = facts(issue_type="incident", priority=3.0)
URGENT, POINTS, LONG, KIND = (
    facts(priority=7.0), facts(story_points=4.0), facts(estimated_hours=100.0), facts(issue_type="outage"),
)  # fmt: skip


@cache
def learned_from(own: Own | None) -> tuple[CompletedIssue, ...]:
    """Issues of six projects that use the same words and values, as a global model may see them."""
    rng, issues, project_of = np.random.default_rng(1), [], {}
    for number in range(PROJECTS * ISSUES):
        kind, title = str(rng.choice(list(HOURS))), str(rng.choice(list(TITLES)))
        hours = HOURS[kind] * TITLES[title] * float(np.exp(rng.normal(0.0, 0.4)))
        done = NOW - timedelta(hours=6 * (PROJECTS * ISSUES - number))
        asked = IssueFacts(
            title,
            issue_type=kind,
            component="web" if kind == "incident" else str(rng.choice(["web", "payments"])),
            priority=1.0 if kind == "incident" else float(rng.choice([1, 2, 3])),
            story_points=float(rng.choice([1, 2, 3, 5])),
            estimated_hours=float(rng.choice([1, 2, 4, 8])),
        )
        points = {"fix login page": 1.0, "change label text": 3.0, "add report export": 8.0}[title]
        issue = CompletedIssue(f"i{number}", asked, done - timedelta(days=3), done, hours, points)
        project, place = number % PROJECTS, number // PROJECTS
        if own is not None and project == 0 and place % OWN == 0:
            issue = replace(own(issue), actual_hours=TIMES * hours)
        issues.append(issue)
        project_of[issue.issue_id] = f"p{project}"
    return tuple(without_what_few_use(issues, shared_by_projects(issues, project_of)))


@cache
def hours_model(own: Own | None) -> EffortModel:
    return EffortModel.from_bytes(train_effort_model(learned_from(own), now=NOW, scope="global").serving)


@cache
def points_model(own: Own | None) -> PointsModel:
    known = [issue for issue in learned_from(own) if issue.story_points is not None]
    return PointsModel.from_bytes(train_points_model(known, now=NOW, prior=None, of_all=True).serving, prior=None)


def log_hours(own: Own | None, **asked) -> float:
    question = replace(IssueFacts("fix login page", issue_type="bug"), **asked)
    return math.log(hours_model(own).estimate(question).predicted_hours)


@pytest.mark.parametrize(
    ("own", "field", "value", "other"),
    [(PAIR, "component", "payments", "web"), (WITH_PRIORITY, "priority", 3.0, 1.0)],
    ids=["type and component", "type and priority"],
)
def test_fields_that_one_project_uses_together_add_what_each_of_them_adds(own, field, value, other):
    apart = log_hours(own, **{field: value}) - log_hours(own, **{field: other})
    together = [log_hours(own, issue_type="incident", **{field: each}) for each in (value, other)]

    assert together[0] - together[1] == pytest.approx(apart, abs=1e-9)
    told = hours_model(own).estimate(IssueFacts("fix login page", issue_type="incident", **{field: value}))
    assert not {part.name for part in told.contributions} & {GROUP_NAMES[EffortGroup.COMBINATIONS], TREES}


@pytest.mark.parametrize(
    ("own", "field", "value", "unseen"),
    [(URGENT, "priority", 7.0, (6.0, 8.0)), (KIND, "issue_type", "outage", ("nonsense", "else"))],
    ids=["priority", "type"],
)
def test_what_one_project_uses_is_answered_as_what_none_uses(own, field, value, unseen):
    asked = IssueFacts("fix login page", issue_type="bug", estimated_hours=2.0)

    for model in (hours_model(own).estimate, points_model(own).recommend):
        answer, *others = (model(replace(asked, **{field: each})) for each in (value, *unseen))
        assert others == [answer] * len(others)


@pytest.mark.parametrize(
    ("own", "field", "numbers"),
    [(POINTS, "story_points", (3.9, 4.0, 4.1)), (LONG, "estimated_hours", (90.0, 100.0, 110.0))],
    ids=["points", "estimate"],
)
def test_a_number_of_one_project_lies_on_the_line_between_its_neighbours(own, field, numbers):
    scale = [math.log1p(each) if field == "story_points" else math.log(each) for each in numbers]

    told = [log_hours(own, **{field: each}) for each in numbers]

    assert told[1] == pytest.approx(np.interp(scale[1], scale[::2], told[::2]), abs=1e-9)


def test_no_end_of_the_estimates_learned_from_is_the_estimate_of_one():
    informed = hours_model(LONG).informed

    assert informed is not None
    assert abs(informed.header.log_estimates[1] - math.log(100.0)) > 0.01


def test_a_scale_has_no_step_that_one_project_alone_uses():
    model = points_model(lambda issue: replace(issue, story_points=4.0))

    assert list(model.recommend(IssueFacts("change label text")).probabilities) == [1.0, 3.0, 8.0]


def test_a_sign_of_one_project_is_a_blank():
    own = points_model(lambda issue: replace(facts(title=f"[{issue.facts.title}]")(issue), story_points=8.0))

    answers = [own.recommend(IssueFacts(title)) for title in ("[fix login page]", "{fix login page}")]

    assert answers[0] == answers[1]


def test_the_longest_text_of_one_project_is_no_bound():
    longest = "change label text " * 200

    model = points_model(facts(description=longest))

    assert math.log1p(len(longest)) not in model.folded.bounds[1]
