"""What a site of a tracker has no place for stays as the team entered it here, however often its issues come."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from apps.accounts.tests.factories import UserFactory
from apps.importers import runs
from apps.importers.connections import connect
from apps.importers.keeping import begun, failing
from apps.importers.management.commands import import_issues
from apps.importers.models import Connection
from apps.importers.sources import github
from apps.importers.sources.reading import told_by_labels
from apps.importers.syncing import import_told
from apps.importers.tests.trackers import jira_site, test_azure, test_github, test_gitlab, test_linear
from apps.importers.tests.trackers.server import LOCAL, Reply, tracker
from apps.importers.tests.trackers.sites import SITES
from apps.importers.tracked import Change, TrackedIssue, TrackedSprint
from apps.projects.models import Issue
from apps.projects.tests.factories import IssueFactory, SprintFactory
from conftest import NOW

LAST = {"hasNextPage": False, "endCursor": None}
REFUSED = Reply({"message": "403 Forbidden"}, 403)


#: What a project of Jira hides is in none of its rows.
HIDDEN = ("duedate", "priority", "components")


def jira(request):
    """A business project: no sprints, no points; and hidden fields."""
    if request.path.endswith("/field"):
        return [{"id": "summary", "name": "Summary"}]
    if "agile" in request.path:
        return REFUSED
    found = (jira_site.data_center if "/rest/api/2/" in request.path else jira_site.cloud)(request)
    if isinstance(found, dict) and "issues" in found:
        found["issues"] = [
            row
            | {
                "fields": {
                    name: said
                    for name, said in row["fields"].items()
                    if "customfield" not in name and name not in HIDDEN
                }
            }
            for row in found["issues"]
        ]
    return found


def gitlab(request):
    """Without the paid tier."""
    name = request.path.rpartition("/")[2]
    if name in ("iterations", "resource_weight_events", "resource_iteration_events"):
        return REFUSED
    if name == "issues":
        row = test_gitlab.row(labels=[])
        del row["weight"], row["iteration"]
        return [row]
    return SITES["gitlab"].healthy(request)


def azure(request):
    """Nobody has made an iteration."""
    if request.path.endswith("/iterations"):
        return {"id": 1, "name": "Shop", "path": "\\Shop\\Iteration"}
    found = test_azure.answer(request)
    for row in found.get("values", []):
        row["fields"] = row["fields"] | {"System.IterationPath": "Shop"}
    for update in found.get("value", []):
        (update.get("fields") or {}).pop("System.IterationPath", None)
    return found


def linear(request):
    """A team without cycles."""
    found = test_linear.answer(request)
    if "cycles" in found["data"]:
        return {"data": {"cycles": {"nodes": [], "pageInfo": LAST}}}
    bare = test_linear.ISSUE | {"cycle": None, "history": {"nodes": [], "pageInfo": LAST}}
    return {"data": {"issues": {"nodes": [bare], "pageInfo": LAST}}}


def github_alone(request):
    """Neither projects nor fields of an organisation."""
    if request.path == "/graphql":
        return {"data": {"repository": {"projectsV2": {"nodes": [], "pageInfo": LAST}}}}
    return test_github.site(request)


#: Of each tracker an issue, a site that lacks things, and for what it has no place.
LACKING = {
    "jira": ("A-2", jira, {"sprint", "story_points", "priority", "due_date", "component"}),
    "jira_dc": ("A-2", jira, {"sprint", "story_points", "parent", "priority", "due_date", "component"}),
    "github": ("#2", github_alone, {"sprint", "story_points", "parent", "estimated_hours", "priority"}),
    "gitlab": ("#7", gitlab, {"sprint", "story_points", "parent", "priority"}),
    "azure": ("9", azure, {"sprint"}),
    "linear": ("TM-1", linear, {"sprint", "estimated_hours"}),
}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", SITES)
def test_what_has_no_place_there_stays_as_it_is_here(kind, project, lead, now, settings):
    settings.TRACKER_ALLOWED_NETWORKS, settings.CONNECTION_KEYS = list(LOCAL), ["first key"]
    key, site, lacking = LACKING[kind]
    with tracker(site) as served:
        connection = connect(project, SITES[kind].place(kind, served), "a@b.c:secret", by=lead, now=now)
        assert runs.execute(runs.ask_sync(connection, by=None, now=now).pk, now=now).status == "completed"
        entered = {
            "sprint_id": SprintFactory(project=project).pk, "parent_id": IssueFactory(project=project).pk,
            "story_points": 5.0, "estimated_hours": 3.0, "priority": 1, "due_date": now.date(), "component": "Ours",
        }  # fmt: skip
        ours = {name: value for name, value in entered.items() if name.removesuffix("_id") in lacking}
        Issue.objects.filter(source=connection.source, external_id=key).update(title="Old", **ours)
        later = now + timedelta(hours=2)
        for is_full in (False, True):
            again = runs.ask_sync(Connection.objects.get(), by=None, now=later, is_full=is_full)
            assert runs.execute(again.pk, now=later).status == "completed"
            issue = Issue.objects.get(source=connection.source, external_id=key)
            assert issue.title != "Old"
            assert {name: getattr(issue, name) for name in ours} == ours


@pytest.mark.django_db
@pytest.mark.parametrize("kind", SITES)
def test_a_pull_that_was_saved_empties_what_a_direct_one_does_and_no_more(
    kind, project, settings, tmp_path, monkeypatch
):
    settings.TRACKER_ALLOWED_NETWORKS, path = list(LOCAL), tmp_path / "pull.jsonl"
    monkeypatch.setenv("TRACKER_TOKEN", "a@b.c:secret")
    entered = {
        "sprint_id": SprintFactory(project=project).pk, "parent_id": IssueFactory(project=project).pk,
        "story_points": 5.0, "estimated_hours": 3.0, "actual_hours": 4.0, "priority": 1, "due_date": NOW.date(),
        "component": "Ours", "started_at": NOW, "resolved_at": NOW, "description": "Ours",
        "assignee_id": UserFactory().pk,
    }  # fmt: skip

    def left(where, **options):
        issues = Issue.objects.filter(source=kind)
        issues.update(**entered)
        call_command("import_issues", where, project=project.key, **options)
        return {each["external_id"]: each for each in issues.values("external_id", *entered)}

    with tracker(SITES[kind].healthy) as served:
        place = SITES[kind].place(kind, served)
        monkeypatch.setattr(import_issues, "place_in", lambda text: place if text == kind else None)
        call_command("import_issues", kind, project=project.key)
        directly = left(kind, save_as=path)

    assert left(str(path), source=kind) == directly
    assert any(each[name] == value for each in directly.values() for name, value in entered.items())


def test_a_label_that_told_points_and_is_gone_tells_that_there_are_none():
    label = {"label": {"name": "estimate: 3"}}
    story = [test_github.event("labeled", 2, **label), test_github.event("unlabeled", 3, **label)]
    assert told_by_labels(github.read_issue(1, test_github.row(), story)) == {"story_points"}
    assert told_by_labels(github.read_issue(1, test_github.row(), [])) == set()


# --- A paid tier of GitLab that has ended ----------------------------------------------------------------------------
MILESTONE = {"id": 5, "iid": 1, "title": "March", "start_date": "2026-03-02", "due_date": "2026-03-15"}
PUT, TAKEN = (test_gitlab.event(day, action=action, milestone=MILESTONE) for day, action in ((3, "add"), (4, "remove")))


OTHER = MILESTONE | {"id": 6, "iid": 2, "title": "April", "start_date": "2026-04-02", "due_date": "2026-04-15"}
LONG = MILESTONE | {"due_date": "2026-08-15"}


def free_gitlab(milestone, *events, listed=(MILESTONE,)):
    """Of the free tier, with a milestone that the issue is in, or was."""
    told = {"milestones": list(listed), "resource_milestone_events": list(events)}

    def answer(request):
        name = request.path.rpartition("/")[2]
        if name == "issues":
            return [row | {"milestone": milestone} for row in gitlab(request)]
        return told[name] if name in told else gitlab(request)

    return answer


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sites", "sprint"),
    [
        ((SITES["gitlab"].healthy, free_gitlab(None)), "iteration-2"),
        ((SITES["gitlab"].healthy, free_gitlab(None, PUT, TAKEN)), "iteration-2"),
        ((SITES["gitlab"].healthy, free_gitlab(MILESTONE, PUT)), "milestone-5"),
        ((free_gitlab(MILESTONE, PUT), free_gitlab(None, PUT, TAKEN)), None),
        ((free_gitlab(MILESTONE), free_gitlab(None, TAKEN)), None),
        # Deleted, with its events or their names; and planned for so long that it is no sprint any more.
        ((free_gitlab(MILESTONE, PUT), free_gitlab(None, listed=[OTHER])), None),
        ((free_gitlab(MILESTONE, PUT), free_gitlab(None, PUT | {"milestone": None}, listed=[OTHER])), None),
        ((free_gitlab(MILESTONE, PUT), free_gitlab(LONG, PUT | {"milestone": LONG}, listed=[LONG, OTHER])), None),
    ],
)
def test_what_iterations_told_stays_without_them_and_milestones_are_believed(sites, sprint, project, lead, settings):
    settings.TRACKER_ALLOWED_NETWORKS, settings.CONNECTION_KEYS = list(LOCAL), ["first key"]
    before, after = sites
    with tracker(before) as served:
        connect(project, SITES["gitlab"].place("gitlab", served), "secret", by=lead, now=test_gitlab.at(20))
        for day, answer in enumerate((before, after, after), start=20):
            served.answer, at = answer, test_gitlab.at(day)
            run = runs.ask_sync(Connection.objects.get(), by=None, now=at, is_full=True)
            assert runs.execute(run.pk, now=at).status == "completed"
    issue = Issue.objects.get(external_id="#7")
    assert (issue.sprint.external_id if issue.sprint else None) == sprint
    if sprint == "iteration-2":
        # What it was in beside iterations is no move out of one.
        assert issue.changes.filter(field="sprint").count() == 2


# --- A project of Jira that hides sprints, and tells their moves ------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("later", "sprint"),
    [((), "Two"), ((("Two", ""), ("", "Two")), "Two"), ((("Two", ""),), None), ((("Two", "One"),), "One"),
     ((("Two", ""), ("", "One"), ("One", "Two")), "Two")],
)  # fmt: skip
def test_an_issue_is_where_its_last_move_led(later, sprint, project):
    ids = {"": "", "One": "1", "Two": "2"}
    sprints = [TrackedSprint(external_id=ids[name], name=name, state="active") for name in ("One", "Two")]

    def told(*moves, **said):
        changes = [Change("sprint", ids[old], ids[new], test_gitlab.at(1 + n)) for n, (old, new) in enumerate(moves)]
        return TrackedIssue(
            line=1, external_id="A-1", source_id="1", title="One", created_at=test_gitlab.at(1), issue_type="Story",
            level=0, status="To do", status_category="to_do", changes=tuple(changes),
            recorded=frozenset({"sprint"}), **said,
        )  # fmt: skip

    first = ("", "Two")
    for issue in (told(first, sprint_id="2"), *[told(first, *later, untold=frozenset({"sprint"}))] * 2):
        run = begun(project, "jira", now=test_gitlab.at(20))
        with failing(run):
            import_told([*sprints, issue], project=project, source="jira", fields={"sprint"},
                        now=test_gitlab.at(20), run=run)  # fmt: skip

    issue = Issue.objects.get()
    assert (issue.sprint.name if issue.sprint else None) == sprint
