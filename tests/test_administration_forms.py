"""What no endpoint takes is no value of a form of the administration either: the field says so, in the same words.

The fields come from the administration itself. A new one that can be written fails the test until it stands here.
"""

from typing import Any, NamedTuple

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import reverse
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.tests.factories import PASSWORD, UserFactory
from apps.ml.services.upkeep.installation import note_started_workers
from apps.projects.admin import IssueAdmin
from apps.projects.models import Issue
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory

#: Nothing to be seen, a turned direction, a control character.
LINES = ["\u200b\u200b", "A\u202eB", "A\x07B"]
TEXTS = ["A\x07B", "x" * 100_001]
HOURS = ["1e300", "100001", "0.00001", "-1", "nan", "inf"]
REFUSED: dict[str, list[str]] = {
    "auth.Group.name": LINES,
    "accounts.User.email": ["A\u202eB@x.example", "a b@x.example", "a"],
    "accounts.User.full_name": LINES,
    "projects.Project.name": LINES,
    "projects.Project.description": TEXTS,
    "projects.Issue.title": [*LINES, ""],
    "projects.Issue.description": TEXTS,
    "projects.Issue.component": LINES,
    "projects.Issue.story_points": ["1e308", "10001", "-1", "nan", "inf"],
    "projects.Issue.estimated_hours": HOURS,
    "projects.Issue.actual_hours": HOURS,
}
#: Yes or no, one of the rows that are there, a new password: nothing else is taken, and no rule of ours is about them.
WITHOUT_RULE = {
    "auth.Group.permissions",
    *(f"accounts.User.{name}" for name in ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")),
    *(f"accounts.User.{name}" for name in ("password", "password1", "password2", "usable_password")),
}
#: Where rows are deleted: what hangs on them goes with them by a rule of the table, or by their own `delete`. All
#: others have a service that knows more.
DELETED_HERE = {"access.ApiKey", "accounts.User", "auth.Group"}
CASES = [(field, value) for field, values in REFUSED.items() for value in values]


class Form(NamedTuple):
    address: str
    #: As it is sent if nothing is changed.
    values: dict[str, Any]


@pytest.fixture
def superuser(client, db):
    user = UserFactory(is_staff=True, is_superuser=True)
    assert client.login(username=user.email, password=PASSWORD)
    return user


@pytest.fixture
def form_of(client, superuser):
    """The form of a row, by its table."""
    issue = IssueFactory(sprint=None, title="Fix the log-in", story_points=3)
    rows = {"auth.Group": Group.objects.create(name="Auditors"), "accounts.User": UserFactory()}
    rows |= {"projects.Project": issue.project, "projects.Issue": issue}

    def find(table: str) -> Form:
        address = reverse(f"admin:{table.lower().replace('.', '_')}_change", args=[rows[table].pk])
        page = client.get(address).context
        parts = [page["adminform"].form, *(each.formset.management_form for each in page["inline_admin_formsets"])]
        values = {each.html_name: each.value() for part in parts for each in part}
        sent = {name: value for name, value in values.items() if value not in (None, []) and value is not False}
        return Form(address, sent)

    return find


def written_fields(rf, superuser):
    """Every field of every form that can be written, to change a row and to add one."""
    request = rf.get("/")
    request.user = superuser
    for model, shown in admin.site._registry.items():
        row = model()
        forms = [shown.get_form(request, row, change=True)] if shown.has_change_permission(request) else []
        forms += [shown.get_form(request, None, change=False)] if shown.has_add_permission(request) else []
        names = {name for form in forms for name in form.base_fields}
        for inline in shown.get_inline_instances(request, row):
            may = [inline.has_add_permission(request, row), inline.has_change_permission(request, row)]
            names |= {f"{inline.model.__name__} (inline)"} if any(may) else set()
        yield from (f"{model._meta.label}.{name}" for name in [*names, *shown.list_editable])


def test_every_field_that_can_be_written_is_tried(rf, superuser):
    assert set(written_fields(rf, superuser)) == {*REFUSED, *WITHOUT_RULE}


@pytest.mark.parametrize("table", sorted({field.rpartition(".")[0] for field in REFUSED}))
def test_a_form_is_saved_as_it_is(client, form_of, table):
    form = form_of(table)

    assert client.post(form.address, form.values).status_code == 302


@pytest.mark.parametrize(("field", "value"), CASES, ids=lambda each: repr(each)[:40])
def test_the_field_says_what_is_wrong(client, form_of, field, value):
    table, _, name = field.rpartition(".")
    form = form_of(table)

    answer = client.post(form.address, {**form.values, name: value})

    assert (answer.status_code, set(answer.context["adminform"].form.errors)) == (200, {name})
    assert form_of(table).values.get(name) == form.values.get(name)


@pytest.mark.parametrize(("name", "value"), [("email", "A\u202eB@x.example"), *(("full_name", each) for each in LINES)])
def test_nobody_is_added_by_such_a_name(client, superuser, name, value):
    form = {"email": "new@example.com", "full_name": "New", "usable_password": "true"}
    form |= {"password1": PASSWORD, "password2": PASSWORD, name: value}

    answer = client.post(reverse("admin:accounts_user_add"), form)

    assert (answer.status_code, set(answer.context["adminform"].form.errors)) == (200, {name})
    assert User.objects.get() == superuser


@pytest.mark.parametrize(
    ("name", "value"),
    [("title", "A\u202eB"), ("description", "x" * 100_001), ("story_points", "10001"), ("actual_hours", "0.00001")],
)
def test_the_words_are_those_of_the_endpoint(client, superuser, form_of, name, value):
    form, issue = form_of("projects.Issue"), Issue.objects.get()
    team = APIClient()
    team.force_authenticate(TeamMemberFactory(project=issue.project).user)

    answer = team.patch(f"/api/v1/projects/{issue.project_id}/issues/{issue.pk}/", {name: value})
    page = client.post(form.address, {**form.values, name: value})

    assert page.context["adminform"].form.errors[name] == [answer.json()["errors"][0]["detail"]]


def test_what_a_service_refuses_is_told_on_the_page(client, form_of, monkeypatch):
    note_started_workers()
    form = form_of("projects.Issue")
    save_form = IssueAdmin.save_form

    def deleted_meanwhile(*form: Any, **options: Any) -> Issue:
        Issue.objects.all().delete()
        return save_form(*form, **options)

    monkeypatch.setattr(IssueAdmin, "save_form", deleted_meanwhile)
    answer = client.post(form.address, {**form.values, "title": "Other"}, follow=True)

    assert [code for _, code in answer.redirect_chain] == [302]
    assert [str(each) for each in answer.context["messages"]] == ["Somebody else has just deleted this."]


def test_what_a_service_deletes_is_not_deleted_past_it(client, rf, superuser, form_of):
    issue = form_of("projects.Issue") and Issue.objects.get()
    part = IssueFactory(project=issue.project, type_name="task", sprint=None, parent=issue)
    request = rf.get("/")
    request.user = superuser

    deleting = {m._meta.label for m, shown in admin.site._registry.items() if shown.has_delete_permission(request)}
    one = client.post(reverse("admin:projects_issue_delete", args=[part.pk]), {"post": "yes"})
    many = {"action": "delete_selected", "_selected_action": [part.pk], "post": "yes"}
    client.post(reverse("admin:projects_issue_changelist"), many)

    assert (deleting, one.status_code) == (DELETED_HERE, 403)
    assert Issue.objects.filter(pk=part.pk).exists()
