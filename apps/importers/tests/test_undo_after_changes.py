"""An import is taken back after the team went on working: what somebody did stays, what is gone is told."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from apps.accounts.tests.factories import UserFactory
from apps.importers import runs
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue, Person
from apps.importers.services import import_issues
from apps.importers.sources.csv.columns import SYNONYMS
from apps.importers.undoing import batches, taking_back
from apps.projects import services
from apps.projects.models import Issue, IssueChange, IssueType, Sprint, TeamMember
from apps.projects.placeholders import join
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("way_back")]
CREATED = datetime(2025, 1, 6, 9, 0, tzinfo=UTC)
WEEK = timedelta(weeks=1)
ANNA, BERT = Person("Anna One", account="1"), Person("Bert Two", account="2")


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


@pytest.fixture
def lead(project):
    return TeamMemberFactory(project=project, user=UserFactory(), role="lead")


@pytest.fixture
def imported(project, now):
    """The same issue imported twice: as it was, and as it is; the second import."""

    def imported(was, said):
        for day, told in enumerate((was, said)):
            values = {"title": "Label", "created_at": CREATED, "status": "To do", "issue_type": "bug"} | told
            row = ImportedIssue(line=2, external_id=values.pop("key", "A-1"), source_id="1001", **values)
            at = now - WEEK + timedelta(days=day)
            report = import_issues([row], project_key="SHOP", mapped=frozenset(SYNONYMS), now=at)
        return ImportRun.objects.get(pk=report.import_id)

    return imported


def the_issue():
    # What the database defers to the end of a transaction is refused here.
    connection.check_constraints()
    return Issue.objects.get()


def history():
    return list(IssueChange.objects.order_by("pk").values_list("field", "old_value", "new_value"))


def test_who_became_a_members_own_stays_that_member(imported, lead, now):
    second = imported({"assignee": ANNA, "reporter": ANNA}, {"assignee": BERT, "reporter": BERT})
    join(TeamMember.objects.get(user__full_name="Anna One").user, lead, by=lead.user)

    assert runs.undo(second) == 0

    assert (the_issue().assignee_id, the_issue().reporter_id) == (lead.user_id, lead.user_id)
    assert history() == []


def test_who_left_the_team_has_no_open_work_again(imported, lead, now):
    second = imported({"assignee": ANNA}, {"assignee": BERT})
    anna = TeamMember.objects.get(user__full_name="Anna One")
    services.remove_member(anna, by=lead.user, now=now)

    assert runs.undo(second) == 1

    assert the_issue().assignee_id is None
    assert history() == [("assignee", str(anna.user_id), "")]
    assert runs.undo(ImportRun.objects.exclude(pk=second.pk).get()) == 0
    assert not Issue.objects.exists()


def test_who_left_the_team_still_did_what_is_finished(imported, lead, now):
    done = {"status": "Done", "resolved_at": CREATED + WEEK}
    second = imported({"assignee": ANNA} | done, {"assignee": BERT} | done)
    anna = TeamMember.objects.get(user__full_name="Anna One")
    services.remove_member(anna, by=lead.user, now=now)

    assert runs.undo(second) == 0

    assert the_issue().assignee_id == anna.user_id


def test_what_is_open_again_is_not_of_who_left_since(imported, lead, now):
    second = imported({"assignee": ANNA}, {"assignee": ANNA, "status": "Done", "resolved_at": CREATED + WEEK})
    services.remove_member(TeamMember.objects.get(user__full_name="Anna One"), by=lead.user, now=now)

    assert runs.undo(second) == 1

    assert (the_issue().status.category, the_issue().assignee_id) == ("to_do", None)


def test_what_the_import_did_not_touch_is_left_alone(imported, lead, now):
    """Whoever was erased is in no team, and their work stays together."""
    second = imported({"assignee": ANNA}, {"assignee": ANNA, "title": "New"})
    anna = TeamMember.objects.get(user__full_name="Anna One")
    anna.delete()

    assert runs.undo(second) == 0

    assert (the_issue().title, the_issue().assignee_id) == ("Label", anna.user_id)


def test_whose_account_is_gone_has_nothing(imported, lead, now):
    person = Person("Carl Three", email="carl@example.com")
    carl = TeamMemberFactory(project=lead.project, user=UserFactory(email=person.email))
    second = imported({"assignee": person, "reporter": person}, {"assignee": BERT, "reporter": BERT})
    carl.user.delete()

    assert runs.undo(second) == 1

    assert (the_issue().assignee_id, the_issue().reporter_id) == (None, None)


@pytest.mark.parametrize("close", [False, True])
def test_a_sprint_that_was_deleted_or_closed_takes_nothing_back(project, imported, lead, now, close):
    sprint = SprintFactory(project=project, name="One", status="planned")
    second = imported({"sprint": "One"}, {"sprint": "Two"})
    known_as = str(sprint.pk)
    assert IssueChange.objects.get().old_value == known_as
    if close:
        services.close_sprint(services.start_sprint(sprint, now=now), by=lead.user, now=now)
    else:
        services.delete_sprint(sprint, by=lead.user, now=now)

    assert runs.undo(second) == 1

    assert the_issue().sprint_id is None
    assert history() == [("sprint", known_as, "")]
    assert not Sprint.objects.filter(name__contains="Two").exists()


@pytest.mark.parametrize("ended_by", ["the import before", "the import"])
def test_a_sprint_that_an_import_ended_in_a_time_ahead_of_ours_takes_back_what_was_in_it(project, now, ended_by):
    done = {"status": "Done", "sprint": "One", "created_at": now - WEEK, "resolved_at": now + timedelta(hours=9)}
    ended = ImportedIssue(line=2, external_id="A-1", title="a", **done)
    moved, was = (
        ImportedIssue(line=3, external_id="A-2", title="b", status="To do", sprint=at) for at in ("Two", "One")
    )
    if ended_by == "the import before":
        was = ImportedIssue(line=3, external_id="A-2", title="b", **done)
    first = [ended, was] if ended_by == "the import before" else [was]
    for hour, rows in enumerate((first, [ended, moved])):
        at = now + timedelta(hours=hour)
        report = import_issues(rows, project_key="SHOP", mapped=frozenset(SYNONYMS), now=at)
    assert Sprint.objects.get(name="One").completed_at > at

    assert runs.undo(ImportRun.objects.get(pk=report.import_id)) == 0

    assert Issue.objects.get(external_id="A-2").sprint.name == "One"


def test_what_is_open_again_is_in_no_sprint_that_closed_since(project, imported, lead, now):
    sprint = SprintFactory(project=project, name="One", status="planned")
    second = imported({"sprint": "One"}, {"sprint": "One", "status": "Done", "resolved_at": CREATED + WEEK})
    services.close_sprint(services.start_sprint(sprint, now=now), by=lead.user, now=now)

    assert runs.undo(second) == 1

    assert (the_issue().status.category, the_issue().sprint_id) == ("to_do", None)


def test_a_type_that_was_deleted_stays_as_it_is_now_and_the_rest_goes_back(imported, now):
    second = imported({"issue_type": "odd", "title": "Old"}, {"issue_type": "bug", "title": "New"})
    services.delete_issue_type(IssueType.objects.get(name="odd"))

    assert runs.undo(second) == 1

    assert (the_issue().issue_type.name, the_issue().title) == ("bug", "Old")
    assert history() == [("issue_type", "odd", "bug")]
    assert runs.undo(ImportRun.objects.exclude(pk=second.pk).get()) == 1


def test_what_somebody_changed_since_stays_and_the_rest_goes_back(imported, lead, now):
    second = imported({"story_points": 3.0, "title": "Old"}, {"story_points": 8.0, "title": "New"})
    services.update_issue(the_issue(), by=lead.user, now=now, story_points=5.0)

    assert runs.undo(second) == 1

    assert (the_issue().story_points, the_issue().title) == (5.0, "Old")
    assert history() == [("story_points", "3", "8"), ("story_points", "8", "5")]


def test_a_status_that_somebody_changed_since_stays_with_its_times(project, imported, lead, now):
    second = imported({}, {"status": "Done", "resolved_at": CREATED + WEEK})
    open_ = project.statuses.get(name="To do")
    services.update_issue(the_issue(), by=lead.user, now=now, status=open_)
    services.update_issue(the_issue(), by=lead.user, now=now, status=project.statuses.get(name="Done"))

    assert runs.undo(second) == 1

    assert (the_issue().status.category, the_issue().resolved_at) == ("done", now)


def test_what_somebody_changed_before_the_import_goes_back(project, imported, lead, now):
    """Older changes of the same field are no work since."""
    first = imported({"title": "A"}, {"title": "B"})
    services.update_issue(the_issue(), by=lead.user, now=now, title="By hand")
    row = ImportedIssue(line=2, external_id="A-1", source_id="1001", title="C", created_at=CREATED)
    report = import_issues([row], project_key="SHOP", mapped=frozenset({"title"}), now=now)

    assert runs.undo(ImportRun.objects.get(pk=report.import_id)) == 0

    assert the_issue().title == "By hand"
    assert runs.undo(first) == 1
    assert the_issue().title == "By hand"


def test_a_key_that_another_issue_has_now_stays_with_that(project, imported, now):
    second = imported({}, {"key": "B-1", "title": "New"})
    other = IssueFactory(project=project, source="csv", external_id="A-1")

    assert runs.undo(second) == 1

    assert Issue.objects.exclude(pk=other.pk).values_list("external_id", "title").get() == ("B-1", "Label")


def test_a_text_that_a_pseudonym_made_too_long_is_cut(imported, now):
    second = imported({"title": "x" * 500}, {"title": "New"})
    touch = second.touches.get()
    touch.before["title"] += "y" * 30
    touch.save()

    assert runs.undo(second) == 0

    assert the_issue().title == "x" * 500


def test_a_key_that_is_made_too_long_while_an_import_is_taken_back_is_cut(imported, monkeypatch):
    """Names are put back last: an erasure may come before."""
    second = imported({}, {"key": "B-1"})
    before = batches.PHASES

    def erased_meanwhile(run, _back):
        for touch in run.touches.exclude(stays=None):
            touch.before["external_id"] = "x" * 230
            touch.save()

    at = before.index(taking_back.put_names_back)
    monkeypatch.setattr(batches, "PHASES", (*before[:at], erased_meanwhile, *before[at:]))

    assert runs.undo(second) == 0

    assert the_issue().external_id == "x" * 200


def test_a_due_date_that_somebody_set_since_stays_though_no_history_tells_of_it(imported, lead, now):
    first, second, mine = date(2026, 12, 1), date(2026, 12, 24), date(2027, 3, 3)
    again = imported({"due_date": first, "story_points": 3.0}, {"due_date": second, "story_points": 5.0})
    services.update_issue(the_issue(), by=lead.user, now=now, due_date=mine)

    assert runs.undo(again) == 1

    assert (the_issue().due_date, the_issue().story_points) == (mine, 3.0)


def test_a_due_date_that_nobody_touched_goes_back(imported):
    first, second = date(2026, 12, 1), date(2026, 12, 24)

    assert runs.undo(imported({"due_date": first}, {"due_date": second})) == 0
    assert the_issue().due_date == first
