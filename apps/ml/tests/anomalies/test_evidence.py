"""Nothing is stalled or stale without evidence: a source that does not say when an issue changed is not silence."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.ml.core.anomalies.rules import stale_issues
from apps.ml.core.forecasts.calendar import WorkingCalendar
from apps.ml.core.sprints.risks import stalled_issues
from apps.ml.core.sprints.untold import untold_risks
from apps.ml.selectors.anomalies import project_snapshot
from apps.ml.selectors.forecasts import in_progress
from apps.ml.selectors.projects import project_counts
from apps.ml.selectors.sprints import sprint_past, sprint_state
from apps.projects.models import Issue, Sprint
from apps.projects.services import update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
LONG_AGO, LATELY = NOW - timedelta(days=90), NOW - timedelta(days=2)


@pytest.fixture
def project():
    return ProjectFactory()


def some(project, n=6, *, source="csv", **fields):
    """Issues in progress that were created and begun long ago."""
    told = {"created_at": LONG_AGO, "started_at": LONG_AGO, "source": source, "in_progress": True, **fields}
    return [IssueFactory(project=project, external_id=f"{source}-{n}", **told) for n in range(n)]


@pytest.mark.parametrize(
    ("fields", "n_stale"),
    [
        ({}, 0),
        ({"last_touched_at": LATELY}, 0),
        ({"last_touched_at": LONG_AGO}, 6),
        ({"last_moved_at": LONG_AGO}, 6),
        ({"last_moved_at": LONG_AGO, "last_touched_at": LATELY}, 0),
        ({"source": ""}, 6),
    ],
)
def test_an_issue_is_stale_only_where_its_last_change_is_known(project, fields, n_stale):
    some(project, **fields)

    found = stale_issues(project_snapshot(project.pk, now=NOW))

    assert (int(found.evidence["count"]) if found else 0) == n_stale
    assert project_counts(project.pk, now=NOW).stale == n_stale
    # What is known to lie idle is not being worked on.
    assert len(in_progress(project.pk, now=NOW)) == 6 - n_stale


@pytest.mark.parametrize(
    ("fields", "n_stalled", "n_unknown"),
    [
        ({}, 0, 6),
        ({"last_touched_at": LONG_AGO}, 6, 0),
        # Edited lately, and nobody knows whether that moved it.
        ({"last_touched_at": LATELY}, 0, 0),
        ({"last_moved_at": LONG_AGO, "last_touched_at": LATELY}, 6, 0),
        ({"last_moved_at": LATELY, "last_touched_at": LATELY}, 0, 0),
        ({"source": ""}, 6, 0),
    ],
)
def test_an_issue_is_stalled_only_where_its_last_move_is_known(project, fields, n_stalled, n_unknown):
    sprint = SprintFactory(project=project, active=True, start_date=LONG_AGO.date(), end_date=NOW.date())
    some(project, sprint=sprint, **fields)
    sprint = Sprint.objects.select_related("project").get(pk=sprint.pk)
    state = sprint_state(sprint, sprint_past(sprint, now=NOW), now=NOW, calendar=WorkingCalendar())

    found = stalled_issues(state)
    unknown = [each.because for each in untold_risks(state) if each.risk_types == ("stalled_issues",)]
    told = f"Cannot tell of {n_unknown} of the 6 issues in progress"

    assert (found.actual if found else 0) == n_stalled
    assert [why.startswith(told) for why in unknown] == [True] * bool(n_unknown)


def test_what_an_import_recorded_is_evidence(project):
    for issue in some(project):
        update_issue(issue, by=None, now=NOW - timedelta(days=40), title="Changed then")

    assert Issue.objects.count() == project_counts(project.pk, now=NOW).stale == 6
