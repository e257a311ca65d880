"""Settings and imports: leads change and import, everybody else reads or is refused."""

import re
from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.access.invitations import accept, invitations_to
from apps.accounts.models import User
from apps.dashboard.pages.settings import CHANGES, PEOPLE_A_PAGE
from apps.importers import runs
from apps.importers.models import ImportRun, TakingBack
from apps.importers.runs import execute, forget_uploads
from apps.notifications.tests.factories import WebhookFactory
from apps.projects.models import Issue, Project, TeamMember
from apps.projects.tests.factories import DayOffFactory, IssueFactory, ProjectFactory, TeamMemberFactory, UserFactory

pytestmark = pytest.mark.django_db
FILE = b"Key,Headline,Status,Resolved,Hours\nA-1,Fix the door,Done,2026-02-03,5\nA-2,Paint it,Open,,\n"


@pytest.fixture
def project() -> Project:
    return ProjectFactory(time_zone="Europe/Berlin")


@pytest.fixture
def lead(project, client):
    client.force_login(TeamMemberFactory(project=project, role="lead").user)
    return client


def address(name: str, project: Project, **more: object) -> str:
    return reverse(f"dashboard:{name}", kwargs={"key": project.key, **more})


def save(client, project: Project, what: str, **values: object):
    return client.post(address("settings-change", project, what=what), values, follow=True)


def test_a_lead_sets_target_board_and_what_is_shown(lead, project):
    save(lead, project, "general", name="Shop", time_zone="Europe/Vienna", target_date="2026-06-01")
    save(lead, project, "board", waiting_statuses=["To do"], blocked_labels="vendor, impediment", agent_labels="agent")
    page = save(lead, project, "shown", hides_until_voted="on")

    project.refresh_from_db()
    assert (project.name, project.time_zone, project.target_date) == ("Shop", "Europe/Vienna", date(2026, 6, 1))
    assert (project.waiting_statuses, project.blocked_labels) == (["To do"], ["vendor", "impediment"])
    assert project.agent_labels == ["agent"]
    assert (project.hides_until_voted, project.hides_names) == (True, False)
    assert "Saved." in page.content.decode()


def test_people_days_and_types_are_changed_in_place(lead, project):
    joined = UserFactory()
    save(lead, project, "invite", email=joined.email, role="member")
    (invited,) = invitations_to(joined, now=timezone.now())
    member = accept(invited, by=joined, now=timezone.now())
    save(lead, project, "member", member=member.pk, role="viewer", absent_from="2026-03-02", absent_until="2026-03-06")
    save(lead, project, "add-day-off", day="2026-12-24", name="Party")
    save(lead, project, "remove-day-off", day_off=DayOffFactory(project=project).pk)
    task, *others = project.issue_types.order_by("name")
    save(lead, project, "types", counts=[each.pk for each in others])

    member.refresh_from_db()
    assert (member.role, member.absent_until, member.available_for_assignment) == ("viewer", date(2026, 3, 6), False)
    assert [each.name for each in project.days_off.all()] == ["Party"]
    assert not project.issue_types.get(pk=task.pk).counts

    save(lead, project, "remove-member", member=member.pk)
    assert not project.team.filter(user=joined).exists()


def test_the_work_of_whom_an_import_named_is_given_to_a_member(lead, project):
    named = TeamMemberFactory(
        project=project,
        user=UserFactory(email="a@x.imported.invalid", full_name="Ada Named", is_active=False, is_placeholder=True),
    )
    member = TeamMemberFactory(project=project)
    issue = IssueFactory(project=project, assignee=named.user)
    page = f"/projects/{project.key}/settings/"
    assert "Named by an import" in lead.get(page).content.decode()

    answer = lead.post(f"{page}join/", {"member": named.pk, "with": member.pk}, follow=True)

    issue.refresh_from_db()
    assert issue.assignee == member.user
    assert "Named by an import" not in answer.content.decode()
    assert "1 issue is now this member&#x27;s." in answer.content.decode()


def test_whom_an_import_names_by_an_address_alone_is_shown_with_it(lead, project):
    made_up = UserFactory(
        email="7dde@x.imported.invalid", named_address="zoe@x.example", full_name="", is_active=False,
        is_placeholder=True,
    )  # fmt: skip
    TeamMemberFactory(project=project, user=made_up)

    page = lead.get(f"/projects/{project.key}/settings/").content.decode()

    assert "zoe@x.example" in page
    assert "7dde@" not in page


def test_a_webhook_becomes_what_its_button_said_whatever_it_is_by_now(lead, project):
    """A rule stops what a removed lead made: who saw it on and presses "Switch off" must not switch it on."""
    webhook = WebhookFactory(project=project, is_active=False)

    for said, is_active in (("off", False), ("on", True), ("on", True), ("off", False)):
        save(lead, project, "switch-webhook", webhook=webhook.pk, to=said)
        webhook.refresh_from_db()
        assert webhook.is_active == is_active
    assert save(lead, project, "switch-webhook", webhook=webhook.pk).status_code == 404


def test_what_cannot_be_is_said_on_the_page_and_changes_nothing(lead, project):
    wrong_zone = save(lead, project, "general", name="Shop", time_zone="Mars/Base")
    last_lead = save(lead, project, "member", member=project.team.get().pk, role="viewer")

    assert "time zone: A name of the time zone database is needed" in wrong_zone.content.decode()
    assert "A project keeps at least one lead" in last_lead.content.decode()
    project.refresh_from_db()
    assert (project.time_zone, project.team.get().role) == ("Europe/Berlin", "lead")


def test_members_read_settings_and_choose_only_what_they_are_sent(project, client):
    member = TeamMemberFactory(project=project).user
    client.force_login(member)

    page = client.get(address("settings", project)).content.decode()
    refused = {what: save(client, project, what).status_code for what in CHANGES}

    assert "Leads of the project change these." in page
    assert "webhooks" not in page
    assert {what for what, status in refused.items() if status != 403} == {"notifications"}
    assert client.get(address("import", project)).status_code == 403


def test_a_file_is_tried_mapped_by_hand_imported_and_taken_back(lead, project):
    upload = SimpleUploadedFile("board.csv", FILE)
    lead.post(address("import-upload", project), {"file": upload})
    tried = execute(ImportRun.objects.get().pk, now=timezone.now())
    page = lead.get(address("import-run", project, run_id=tried.pk)).content.decode()

    assert "<b>2 new issues</b> would come" in page
    assert 'name="map-title"' in page
    assert not Issue.objects.filter(project=project).exists()

    lead.post(address("import-confirm", project, run_id=tried.pk), {"map-title": "auto", "map-actual_hours": ""})
    imported = execute(ImportRun.objects.first().pk, now=timezone.now())

    assert (imported.mapping, imported.upload, imported.status) == ({"actual_hours": ""}, None, "completed")
    assert sorted(Issue.objects.filter(project=project).values_list("title", "actual_hours")) == [
        ("Fix the door", None), ("Paint it", None),
    ]  # fmt: skip
    gone = lead.post(address("import-confirm", project, run_id=tried.pk), {}, follow=True).content.decode()
    assert "This file is gone: upload it again." in gone

    assert "Take this import back" in lead.get(address("import-run", project, run_id=imported.pk)).content.decode()
    lead.post(address("import-undo", project, run_id=imported.pk))
    assert not Issue.objects.filter(project=project).exists()


def test_the_unit_of_a_column_that_nothing_tells_is_asked_for_and_chosen_on_the_page(lead, project):
    rows = b"Key,Title,Dauer\nA-1,Fix,1831\nA-2,Mend,1130\n"
    lead.post(address("import-upload", project), {"file": SimpleUploadedFile("board.csv", rows)})
    tried = execute(ImportRun.objects.get().pk, now=timezone.now())
    chosen = {"map-title": "auto", "map-actual_hours": "Dauer", "unit-actual_hours": "", "try": "1"}
    lead.post(address("import-confirm", project, run_id=tried.pk), chosen)
    untold = execute(ImportRun.objects.first().pk, now=timezone.now())

    page = lead.get(address("import-run", project, run_id=untold.pk)).content.decode()
    assert "Dauer is left out: nothing says whether it is in hours, minutes or seconds." in page
    assert 'name="unit-actual_hours"' in page
    lead.post(
        address("import-confirm", project, run_id=untold.pk), chosen | {"unit-actual_hours": "seconds", "try": "1"}
    )
    told = execute(ImportRun.objects.first().pk, now=timezone.now())
    page = lead.get(address("import-run", project, run_id=told.pk)).content.decode()
    assert '<option value="Dauer" selected>' in page
    assert '<option value="seconds" selected>' in page
    lead.post(
        address("import-confirm", project, run_id=told.pk),
        {"map-actual_hours": "Dauer", "unit-actual_hours": "seconds"},
    )
    execute(ImportRun.objects.first().pk, now=timezone.now())
    assert sorted(Issue.objects.filter(project=project).values_list("actual_hours", flat=True)) == pytest.approx(
        [1130 / 3600, 1831 / 3600]
    )


def test_a_unit_is_chosen_for_the_column_that_is_recognised(lead, project):
    rows = b"Issue key,Summary,Time Spent\nA-1,Fix,6.5\nA-2,Mend,2.25\n"
    lead.post(address("import-upload", project), {"file": SimpleUploadedFile("board.csv", rows)})
    refused = execute(ImportRun.objects.get().pk, now=timezone.now())
    assert refused.status == "failed"

    chosen = {"map-actual_hours": "auto", "read-actual_hours": "Time Spent", "unit-actual_hours": "hours", "try": "1"}
    lead.post(address("import-confirm", project, run_id=refused.pk), chosen)
    told = execute(ImportRun.objects.first().pk, now=timezone.now())

    assert (told.status, told.mapping) == ("completed", {"actual_hours": "Time Spent:hours"})


def test_a_large_import_is_taken_back_by_a_worker_and_the_page_says_how_far_it_is(lead, project, monkeypatch):
    monkeypatch.setattr(runs, "MOST_ROWS_AT_ONCE", 0)
    lead.post(address("import-upload", project), {"file": SimpleUploadedFile("board.csv", FILE)})
    tried = execute(ImportRun.objects.get().pk, now=timezone.now())
    lead.post(address("import-confirm", project, run_id=tried.pk), {"map-title": "auto"})
    imported = execute(ImportRun.objects.first().pk, now=timezone.now())

    answer = lead.post(address("import-undo", project, run_id=imported.pk))
    place = address("import-run", project, run_id=imported.pk)
    under_way = lead.get(place).content.decode()
    TakingBack.objects.update(rows=4_000, rows_left=1_000, asked_at=timezone.now() - timedelta(minutes=5))
    alone = lead.get(place).content.decode()

    assert answer["Location"] == place
    assert "It is being taken back: <b>0</b> of " in under_way
    assert "No worker has taken it" not in under_way
    assert "Take this import back" not in under_way
    assert "It is being taken back: <b>3,000</b> of 4,000 rows so far." in alone
    assert '<progress aria-label="Import" value="3000" max="4000">' in alone
    assert "No worker has taken it" in alone

    execute(imported.pk, now=timezone.now())
    assert "It was taken back." in lead.get(place).content.decode()
    assert not Issue.objects.filter(project=project).exists()


@pytest.mark.parametrize(
    ("rows_left", "status", "told"),
    [(9, "completed", "It was not taken back:</b> Why"), (4, "failed", "a part was taken back, 5 of 9 rows:</b> Why")],
)
def test_what_was_not_taken_back_to_its_end_is_told(lead, project, rows_left, status, told):
    run = ImportRun.objects.create(project=project, source="csv", status=status)
    TakingBack.objects.create(
        run=run, asked_at=timezone.now(), was="completed", rows=9, rows_left=rows_left, error="Why"
    )

    assert told in lead.get(address("import-run", project, run_id=run.pk)).content.decode()


def test_a_file_that_is_refused_gets_its_columns_chosen_by_hand(lead, project):
    upload = SimpleUploadedFile("board.csv", FILE.replace(b"Headline", b"Was"))
    lead.post(address("import-upload", project), {"file": upload})
    refused = execute(ImportRun.objects.get().pk, now=timezone.now())
    page = lead.get(address("import-run", project, run_id=refused.pk)).content.decode()

    assert "No column holds titles. The file has: Key, Was, Status" in page
    assert '<option value="Was">' in page
    assert "Import it" not in page

    lead.post(address("import-confirm", project, run_id=refused.pk), {"map-title": "Was", "try": "1"})
    tried = execute(ImportRun.objects.exclude(pk=refused.pk).get().pk, now=timezone.now())

    assert (
        "<b>2 new issues</b> would come" in lead.get(address("import-run", project, run_id=tried.pk)).content.decode()
    )


def test_a_run_that_no_worker_takes_says_so(lead, project):
    lead.post(address("import-upload", project), {"file": SimpleUploadedFile("board.csv", FILE)})
    ImportRun.objects.update(created_at=timezone.now() - timedelta(minutes=5))

    page = lead.get(address("import-run", project, run_id=ImportRun.objects.get().pk)).content.decode()

    assert "No worker has taken it" in page


@pytest.mark.parametrize("content", [FILE, b"Key,Was\nA-1,Fix the door\n"])
def test_files_that_were_only_tried_are_let_go_after_a_day(lead, project, content):
    lead.post(address("import-upload", project), {"file": SimpleUploadedFile("board.csv", content)})
    tried = execute(ImportRun.objects.get().pk, now=timezone.now())

    forget_uploads(now=timezone.now() + timedelta(hours=25))

    tried.refresh_from_db()
    assert tried.upload is None


def test_a_bad_connection_is_refused_in_words(lead, project):
    asked = {"kind": "github", "scope": "no place", "token": "secret"}

    page = lead.post(address("import-connect", project), asked, follow=True).content.decode()

    assert "is no place in GitHub: write it like" in page


# --- The team in parts ------------------------------------------------------------------------------------------------
def named_by_an_import(project, n):
    users = User.objects.bulk_create(
        User(email=f"p{k}@x.imported.invalid", full_name=f"Named {k:04}", is_active=False, is_placeholder=True)
        for k in range(n)
    )
    TeamMember.objects.bulk_create(TeamMember(project=project, user=user) for user in users)


def test_the_page_costs_the_same_however_many_people_an_import_named(lead, project, django_assert_num_queries):
    named_by_an_import(project, PEOPLE_A_PAGE)
    page = address("settings", project)
    few = lead.get(page).content
    with CaptureQueriesContext(connection) as asked:
        lead.get(page)
    User.objects.filter(is_placeholder=True).delete()
    named_by_an_import(project, 40 * PEOPLE_A_PAGE)

    with django_assert_num_queries(len(asked)):
        many = lead.get(page).content

    # The pages of the list, and fields that keep the place.
    assert len(many) < len(few) + 2_000


def test_members_with_an_account_come_first_and_the_others_page_by_page(lead, project):
    named_by_an_import(project, 2 * PEOPLE_A_PAGE)
    last = f"Named {2 * PEOPLE_A_PAGE - 1:04}"
    TeamMemberFactory(project=project, user__full_name="Zoe Last")
    page = address("settings", project)

    first, third = (lead.get(page, {"page": n}).content.decode() for n in (1, 3))

    assert ("Zoe Last" in first, "Page 1 of 3" in first, last in first) == (True, True, False)
    assert last in third


def test_people_are_found_by_name_or_by_the_address_that_is_told_of_them(lead, project):
    named_by_an_import(project, PEOPLE_A_PAGE + 10)
    User.objects.filter(full_name="Named 0008").update(named_address="zoe@x.example")
    TeamMemberFactory(project=project, user__full_name="Ann", user__email="ann@example.com")

    def found(text):
        page = lead.get(address("settings", project), {"q": text}).content.decode()
        return re.findall(r"<summary><b>([^<]*)</b>", page)

    assert (found("named 0009"), found("zoe@x"), found("ann@ex")) == (["Named 0009"], ["Named 0008"], ["Ann"])
    # Addresses that are made for placeholders are none of theirs.
    assert found("imported.invalid") == []


def test_who_changes_somebody_comes_back_to_the_same_part_of_the_team(lead, project):
    member = TeamMemberFactory(project=project)

    answer = lead.post(
        address("settings-change", project, what="member"),
        {"member": member.pk, "role": "viewer", "page": "3", "q": "zoë"},
    )

    assert answer.url == f"{address('settings', project)}?q=zo%C3%AB&page=3#team"
