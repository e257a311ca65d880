"""Whatever is done to issues later, nothing that is said of the past changes."""

import copy
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.accounts.models import User
from apps.ml.core.sprints.burndown import burndown
from apps.ml.selectors.forecasts import issues_by_week, throughput
from apps.ml.selectors.issues import (
    completed_for_evidence,
    completed_with_hours,
    completed_with_people,
    completed_with_points,
    facts_of,
)
from apps.ml.selectors.sprints import completed_sprints, sprint_past, sprint_pasts
from apps.projects.history.snapshots import books_of
from apps.projects.models import Issue, Project, Sprint, WorkflowStatus
from apps.projects.services import close_sprint, create_issue, create_status, delete_issue, start_sprint, update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory
from tests.made_once import rows_of_a_file

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
FIRST_END, THEN, MUCH_LATER = START + timedelta(days=14), START + timedelta(days=20), START + timedelta(days=60)


class Story:
    """A team that does anything to its issues, at random."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.people = [TeamMemberFactory(project=ProjectFactory(), role="lead").user]
        self.project: Project = self.people[0].projects.get()
        self.people += [TeamMemberFactory(project=self.project).user for _ in range(2)]
        create_status(self.project, name="Released", category="done")
        self.first, self.second = (
            SprintFactory(project=self.project, start_date=day.date()) for day in (START, FIRST_END)
        )

    @property
    def lead(self) -> User:
        return self.people[0]

    def live(self, since: datetime, until: datetime, *, steps: int) -> None:
        """So many acts, spread evenly over a stretch of time."""
        for number in range(steps):
            now = since + (until - since) * (number + 0.5) / steps
            issues = list(Issue.objects.filter(project=self.project).order_by("created_at", "id"))
            if len(issues) < 4 or self.random.random() < 0.15:
                self._create(now)
            else:
                self._edit(self.random.choice(issues), now)

    def _create(self, now: datetime) -> None:
        issue_type = self.random.choice(list(self.project.issue_types.all()))
        sprint = self.random.choice([None, *self._open_sprints()])
        create_issue(self.project, title=f"At {now}", by=self.lead, now=now, issue_type=issue_type, sprint=sprint)

    def _edit(self, issue: Issue, now: datetime) -> None:
        choices: dict[str, list[Any]] = {
            "title": ["One", "Another"], "description": ["", "Long " * 90, "Short"],
            "issue_type": list(self.project.issue_types.all()), "status": self._statuses(),
            "priority": [None, 1, 3], "assignee": [None, *self.people], "sprint": [None, *self._open_sprints() * 2],
            "story_points": [None, 0.5, 3.0, 8.0], "estimated_hours": [None, 2.5, 8.0],
            "actual_hours": [None, 1.25, 6.0], "component": ["", "web"], "labels": [[], ["a"], ["b", "a"]],
        }  # fmt: skip
        chosen = self.random.sample(sorted(choices), 4)
        fields = {name: self.random.choice(choices[name]) for name in chosen}
        update_issue(issue, by=self.lead, now=now, **fields)

    def _statuses(self) -> list[WorkflowStatus]:
        """Work is rather finished than not."""
        done = self.project.statuses.filter(category="done")
        return [*self.project.statuses.all(), *done, *done]

    def _open_sprints(self) -> list[Sprint]:
        return list(self.project.sprints.exclude(status=Sprint.Status.COMPLETED).order_by("start_date"))


@pytest.fixture(scope="module", params=range(3))
def seed(request):
    return request.param


@pytest.fixture(scope="module")
def lived(seed, django_db_setup, django_db_blocker):
    """Two weeks of planning, a sprint that is closed, six days of the next."""
    with rows_of_a_file(django_db_blocker):
        told = Story(seed)
        told.live(START - timedelta(days=14), START, steps=30)
        start_sprint(told.first, now=START)
        told.live(START, FIRST_END, steps=50)
        close_sprint(told.first, by=told.lead, now=FIRST_END, move_to=told.second)
        start_sprint(told.second, now=FIRST_END)
        told.live(FIRST_END, THEN, steps=25)
        yield told


@pytest.fixture
def story(lived):
    """Each test goes on from there in its own way."""
    return copy.deepcopy(lived)


def closed_sprint(story: Story, now: datetime) -> dict[str, Any]:
    """All that is said of the closed sprint."""
    sprint = Sprint.objects.select_related("snapshot", "project").get(pk=story.first.pk)
    return {
        "velocity": completed_sprints(story.project.id, now=now)[0],
        "books": books_of([sprint], now=now),
        "burndown": burndown(sprint_past(sprint, now=now), now=now),
        "past": sprint_pasts(story.project.id, now=now)[0],
    }


def everything(story: Story, now: datetime) -> dict[str, Any]:
    """All that is said of the project as of a moment."""
    project, sprint = story.project.id, Sprint.objects.get(pk=story.second.pk)
    return closed_sprint(story, now) | {
        "running": burndown(sprint_past(sprint, now=now), now=now),
        "sprints": len(completed_sprints(project, now=now)),
        "throughput": throughput(project, now=now),
        "finished": issues_by_week(project, "resolved_at", now=now, weeks=20),
        "hours": completed_with_hours(project, now=now),
        "points": completed_with_points(project, now=now),
        "people": completed_with_people(project, now=now),
        "evidence": completed_for_evidence(project, newest=7, now=now),
    }


def test_no_later_edit_move_hand_over_or_reopening_changes_what_is_said_of_the_past(story):
    before = everything(story, THEN)
    assert before["hours"]
    assert before["points"]
    assert sum(before["throughput"].issues)

    story.live(THEN, MUCH_LATER, steps=60)
    close_sprint(story.second, by=story.lead, now=MUCH_LATER)
    story.live(MUCH_LATER, MUCH_LATER + timedelta(days=9), steps=15)

    assert everything(story, THEN) == before


def test_of_a_closed_sprint_not_even_the_deletion_of_its_issues_changes_anything(story):
    before = closed_sprint(story, THEN)
    assert before["past"].issues

    story.live(THEN, MUCH_LATER, steps=15)
    for issue in Issue.objects.filter(project=story.project):
        delete_issue(issue)

    assert closed_sprint(story, MUCH_LATER) | {"past": None} == before | {"past": None}
    assert closed_sprint(story, THEN) == before


def test_asked_as_of_the_present_the_rows_are_those_of_the_present(story):
    project, now = story.project.id, THEN + timedelta(days=1)

    for select in (completed_with_hours, completed_with_points, completed_with_people):
        assert select(project, now=now) == select(project)


def test_a_training_row_knows_an_issue_as_it_was_when_its_work_began():
    lead = TeamMemberFactory(project=ProjectFactory(), role="lead")
    types = {kind.name: kind for kind in lead.project.issue_types.all()}
    issue = create_issue(
        lead.project, title="Before", by=lead.user, now=START, description="Plain", issue_type=types["bug"], priority=2,
        story_points=3.0, estimated_hours=4.0, component="web", labels=["a"],
    )  # fmt: skip
    known = facts_of(issue)
    later = iter(START + timedelta(hours=hour) for hour in range(1, 9))

    update_issue(issue, by=lead.user, now=next(later), status=lead.project.statuses.get(name="In progress"))
    update_issue(
        issue, by=lead.user, now=next(later), title="After", description="It took 9 hours", issue_type=types["story"],
        priority=1, story_points=8.0, estimated_hours=9.0, component="api", labels=["took-long"], assignee=lead.user,
    )  # fmt: skip
    update_issue(issue, by=lead.user, now=next(later), status=lead.project.statuses.get(name="Done"), actual_hours=9.0)

    (row,) = completed_with_hours(lead.project.id)
    assert row.facts == known
    assert (row.actual_hours, row.story_points) == (9.0, 8.0)


def test_a_corrected_outcome_is_the_outcome_and_the_past_keeps_the_one_it_had():
    lead = TeamMemberFactory(project=ProjectFactory(), role="lead")
    issue = IssueFactory(project=lead.project, completed=True, created_at=START, actual_hours=5.0)

    update_issue(issue, by=lead.user, now=MUCH_LATER, actual_hours=8.0)

    assert [row.actual_hours for row in completed_with_hours(lead.project.id)] == [8.0]
    assert [row.actual_hours for row in completed_with_hours(lead.project.id, now=THEN)] == [5.0]


def test_work_that_is_opened_again_is_finished_once_more_and_was_finished_before():
    lead = TeamMemberFactory(project=ProjectFactory(), role="lead")
    issue = IssueFactory(project=lead.project, completed=True, created_at=START)
    first_end = issue.resolved_at
    for days, name in ((30, "In progress"), (40, "Done")):
        status = lead.project.statuses.get(name=name)
        update_issue(issue, by=lead.user, now=START + timedelta(days=days), status=status)

    asked = [START + timedelta(days=days) for days in (20, 35, 45)]
    rows = [completed_with_hours(lead.project.id, now=now) for now in asked]

    assert [[row.completed_at for row in found] for found in rows] == [[first_end], [], [START + timedelta(days=40)]]


@pytest.mark.parametrize("n", [1, 30])
def test_the_past_costs_the_same_queries_for_any_number_of_issues(n, django_assert_num_queries):
    lead = TeamMemberFactory(project=ProjectFactory(), role="lead")
    for issue in IssueFactory.create_batch(n, project=lead.project, completed=True, created_at=START):
        update_issue(issue, by=lead.user, now=MUCH_LATER, story_points=5.0)

    with django_assert_num_queries(7):
        completed_with_hours(lead.project.id, now=THEN)
