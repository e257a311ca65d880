"""What an import could not tell is written down, and the figures that rest on it say so."""

import pytest

from apps.importers.records import ImportedIssue
from apps.importers.services import import_issues
from apps.importers.syncing import import_told
from apps.importers.tracked import Gap
from apps.ml.selectors.forecasts import unfinished
from apps.ml.services.flow import flow_answer
from apps.ml.services.forecasts.service import ForecastService, Scenario
from apps.ml.services.sprints.outcome import SprintOutcomeService
from apps.ml.tests.forecasts.teams import a_running_sprint, a_team
from apps.projects.models import Project
from apps.projects.tests.factories import ProjectFactory
from apps.projects.unknown_past import seen_at, unknown_to

pytestmark = pytest.mark.django_db
HOLES = Gap("the history of status has holes", ("throughput", "forecasts"), ("A-1",))
BATCH = Gap("a batch is missing", ("all figures",))
BOARDS = Gap("the boards cannot be read", ("sprint outcomes",))


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


def told(project, now, *gaps, **options):
    import_told(gaps, project=project, source="jira", fields=(), now=now, **options)
    return Project.objects.get()


def test_a_gap_is_told_by_the_figures_that_it_touches_and_by_no_other(project, now):
    project = told(project, now, HOLES, BATCH, BOARDS)
    holes = "the history of status has holes (1 issue: A-1)"
    assert unknown_to(project, "forecast") == [BATCH.what, holes]
    assert unknown_to(project, "flow") == [BATCH.what, holes]
    assert unknown_to(project, "sprint") == [BATCH.what, BOARDS.what]


def test_a_whole_import_tells_anew_and_a_part_adds(project, now):
    told(project, now, BATCH)
    assert unknown_to(told(project, now, BOARDS, is_whole=False), "sprint") == [BATCH.what, BOARDS.what]
    assert unknown_to(told(project, now, BOARDS), "sprint") == [BOARDS.what]
    assert unknown_to(told(project, now, dry_run=True), "sprint") == [BOARDS.what]


@pytest.mark.parametrize(
    ("mapped", "is_recorded", "figures"),
    [
        ({"started_at", "resolved_at"}, True, {"forecast": 0, "flow": 0, "sprint": 1}),
        ({"resolved_at"}, True, {"forecast": 0, "flow": 1, "sprint": 1}),
        ({"started_at"}, True, {"forecast": 1, "flow": 1, "sprint": 2}),
        ({"started_at", "resolved_at", "sprint"}, False, {"forecast": 0, "flow": 0, "sprint": 3}),
    ],
)
def test_a_file_says_what_its_columns_cannot_tell(mapped, is_recorded, figures, project, now):
    report = import_issues(
        [ImportedIssue(line=2, external_id="A-1", title="x")], project_key="SHOP", mapped=mapped, now=now,
        scope_is_recorded=is_recorded,
    )  # fmt: skip
    project = Project.objects.get()
    assert {figure: len(unknown_to(project, figure)) for figure in figures} == figures
    assert report.as_dict()["ledger"][0]["what"] == "a file tells how issues are, not what they were before"


def test_examples_are_shown_with_how_many_there_are():
    assert seen_at("holes", 0, ()) == "holes"
    assert seen_at("holes", 7, ("A-1", "A-2")) == "holes (7 issues: A-1, A-2, …)"


def test_forecasts_what_ifs_sprint_outcomes_and_the_flow_say_what_they_do_not_know(now):
    project = a_team(now)
    sprint = a_running_sprint(project, now)
    line = {"what": "a batch is missing", "touches": ["all figures"], "issues": 0, "examples": []}
    Project.objects.update(unknown_past={"jira": [line]})

    answers = [
        ForecastService().how_many(project.pk, by=now.date(), now=now),
        ForecastService().forecast_work(project.pk, unfinished(project.pk), now=now),
        ForecastService().what_if(sprint.pk, Scenario(), now=now),
        SprintOutcomeService().predict(sprint.pk, now=now),
        flow_answer(Project.objects.get(), now=now),
    ]

    assert [answer["unknown_past"] for answer in answers] == [["a batch is missing"]] * 5
