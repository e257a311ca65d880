"""What was said is kept, and why it changed is told."""

from datetime import timedelta

import pytest

from apps.common.exceptions import NotEnoughData
from apps.ml.models import KeptForecast
from apps.ml.selectors.forecasts import unfinished, unfinished_as_of
from apps.ml.selectors.kept_forecasts import due_projects
from apps.ml.services.forecasts.keeping import forget_inputs, keep_due_forecasts, kept_answer, moved_answer, why_moved
from apps.ml.services.forecasts.parts import forecast_parts, parts_answer
from apps.ml.services.forecasts.service import ForecastService
from apps.ml.tests.forecasts.teams import a_team
from apps.projects.models import Issue, Project
from apps.projects.services import close_sprint, create_issue, update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(now):
    """Thirty open issues of two points, to be done within ten weeks."""
    project = a_team(now - timedelta(days=7))
    project.target_date = now.date() + timedelta(weeks=10)
    project.save()
    IssueFactory.create_batch(30, project=project, story_points=2, created_at=now - timedelta(days=30))
    return project


def due(now):
    return list(due_projects(Project.objects.all(), now=now))


def test_a_days_forecast_is_what_is_shown_that_day_and_is_kept_once(project, now):
    assert due(now) == [project.pk]

    assert (keep_due_forecasts(project, now=now), keep_due_forecasts(project, now=now)) == (1, 0)

    row = KeptForecast.objects.get(project=project)
    shown = ForecastService().forecast_work(project.pk, unfinished(project.pk), by=project.target_date, now=now)
    assert row.finishes == [{"percent": each["percent"], "date": each["date"]} for each in shown["when"]["percentiles"]]
    assert (row.chance, row.issues) == (shown["when"]["probability_in_time"], len(unfinished(project.pk)))
    assert {item["title"] for item in kept_answer(row)["items"]} == set(
        Issue.objects.exclude(status__category="done").values_list("title", flat=True)
    )
    assert due(now) == []
    assert due(now + timedelta(days=1)) == [project.pk]


def test_the_start_and_the_end_of_a_sprint_keep_a_forecast_of_their_own_for_good(project, now):
    keep_due_forecasts(project, now=now)
    sprint = SprintFactory(project=project, start_date=now.date(), active=True)
    turned = due(now)
    keep_due_forecasts(project, now=now)
    close_sprint(sprint, by=None, now=now + timedelta(hours=1))
    keep_due_forecasts(project, now=now + timedelta(hours=2))

    assert turned == [project.pk]
    assert sorted(sprint.kept_forecasts.values_list("occasion", flat=True)) == ["sprint_close", "sprint_start"]

    forget_inputs(now=now + timedelta(days=400))

    assert {row.occasion: bool(row.inputs) for row in KeptForecast.objects.all()} == {
        "day": False, "sprint_close": True, "sprint_start": True,
    }  # fmt: skip


def test_a_project_without_a_past_says_why_it_has_no_forecast(now):
    project = ProjectFactory()

    keep_due_forecasts(project, now=now)

    row = KeptForecast.objects.get(project=project)
    assert (row.finishes, row.inputs) == ([], {})
    assert row.no_forecast_because.startswith("12 weeks")
    with pytest.raises(NotEnoughData):
        why_moved(project, now=now)


def test_the_parts_of_two_kept_forecasts_add_up_to_what_was_said(project, now):
    before = now - timedelta(days=7)
    keep_due_forecasts(project, now=before)
    done = Issue.objects.filter(project=project, story_points=2).exclude(status__category="done").order_by("id")[:2]
    for issue in done:
        update_issue(issue, by=None, now=now, status=project.statuses.get(category="done"))
    kind = project.issue_types.first()
    for number in range(8):
        create_issue(project, by=None, now=now, title=f"New {number}", issue_type=kind, story_points=2)
    keep_due_forecasts(project, now=now)

    moved = why_moved(project, now=now)
    shown = moved_answer(project, now=now)

    first, last = (moved.before.row, moved.after.row)
    assert first is not None
    assert last is not None
    for percent, parts in moved.split.days.items():
        said = [each["date"] for row in (first, last) for each in row.finishes if each["percent"] == percent]
        assert parts.total == (moved.after.kept.answer.days[percent] - moved.before.kept.answer.days[percent]).days
        assert said == [str(side.kept.answer.days[percent]) for side in (moved.before, moved.after)]
    assert shown["scope"] == {"added": 8, "removed": 0, "resized": 0, "finished": 2}
    assert shown["days"][0]["parts"]["scope"] > 0
    assert "8 added" in shown["in_words"]


def test_where_nothing_was_kept_the_history_tells_it_again_and_the_answer_says_so(project, now):
    IssueFactory.create_batch(5, project=project, story_points=2, created_at=now - timedelta(days=1))
    done = Issue.objects.filter(project=project, created_at=now - timedelta(days=30)).first()
    update_issue(done, by=None, now=now, status=project.statuses.get(category="done"))

    shown = moved_answer(project, now=now)

    assert (shown["before"]["was_said"], shown["after"]["was_said"]) == (False, False)
    assert shown["after"]["issues"] - shown["before"]["issues"] == 4
    assert shown["scope"] == {"added": 5, "removed": 0, "resized": 0, "finished": 1}
    assert str(done.pk) in {item.issue_id for item in unfinished_as_of(project.pk, now - timedelta(days=7))}


def test_each_part_is_forecast_as_the_endpoint_forecasts_it(project, now, django_assert_max_num_queries):
    for number, issue in enumerate(Issue.objects.filter(project=project).exclude(status__category="done")):
        issue.component, issue.labels = "core" if number % 3 else "web", ["beta"] if number % 2 else []
        issue.save()
    labelled = unfinished(project.pk, label="beta")

    with django_assert_max_num_queries(17):
        by_component = forecast_parts(project, "component", now=now)
    shown = parts_answer(project, "label", now=now)

    asked = ForecastService().forecast_work(project.pk, labelled, by=project.target_date, now=now)["when"]
    assert [part.part.name for part in by_component.parts] == ["core", "web"]
    assert shown["parts"][0]["percentiles"] == asked["percentiles"]
    assert shown["parts"][0]["probability_in_time"] == asked["probability_in_time"]


def test_an_epic_is_a_part_with_the_issues_below_it(project, now):
    kind = project.issue_types.create(name="Epic", level="epic", counts=False)
    epic = IssueFactory(project=project, issue_type=kind, title="Checkout")
    story, *others = Issue.objects.filter(project=project, issue_type__counts=True).exclude(status__category="done")
    Issue.objects.filter(pk__in=[story.pk, others[0].pk]).update(parent=epic)
    Issue.objects.filter(pk=others[1].pk).update(parent=story)

    [part] = forecast_parts(project, "epic", now=now).parts

    assert (part.part.name, part.part.issue_id, part.forecast.issues) == ("Checkout", str(epic.pk), 3)
