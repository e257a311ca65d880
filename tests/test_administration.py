"""The administration answers what no browser sends with 400, whatever list or form it is sent to."""

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import DateField
from django.urls import reverse
from django.utils import timezone

from apps.accounts.tests.factories import PASSWORD, UserFactory
from apps.ml.selectors.workers import IMPORTS, LONG, SHORT
from apps.ml.services.upkeep.installation import note_worker

#: No identifier, no letter of a database's text, half a character, a number beyond any column, nothing at all.
HOSTILE = ["x" * 5_000, "a\0b", "\ud800", "99999999999999999999", "-1", "", "1e309", "²", "x", "1.5"]
#: What every list reads of its address: the search, the page, the order, and words of its own.
ADDRESSES = [
    "q=%00", "q=%ED%A0%80", "q=" + "x" * 3_000, "p=-1", "p=" + "9" * 25, "p=x", "o=999.999", "o=x", "o=-", "all=x",
    "e=", "e=1", "_popup", "_popup=%00", "_to_field=password", "_to_field=%00", "_to_field=",
    "q=" + "a+b+" * 900, "_facets=x", "_changelist_filters=%00",
    "id=nope", "pk__in=,", "pk__isnull=x", "id__exact=%00", "nothing=1", "nothing__year=1", "project__key__year=1",
]  # fmt: skip
#: Of a field of any kind, and what only dates know.
OF_ANY_FIELD = ["=x", "=%00", "__in=,", "__gte=" + "9" * 25, "__isnull=x", "__regex=("]
OF_A_DATE = [
    "__year=99999", "__year=9999", "__year=0", "__year=-1", "__year=x", "__month=99", "__month=0", "__gte=99999-01-01",
    "__lt=0001-01-01", "__year__gt=99999", "__date=9999-12-31",
]  # fmt: skip
#: What addresses of one row are asked with.
NO_ROWS = ["nope", "%00", "9" * 25, "-1", "_", "_00", "x" * 3_000, "%ED%A0%80"]


@pytest.fixture
def superuser(client, db):
    user = UserFactory(is_staff=True, is_superuser=True)
    assert client.login(username=user.email, password=PASSWORD)
    return user


@pytest.fixture
def lists():
    """The name of each list, as addresses write it."""
    return [f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry]


def test_every_page_says_once_that_no_worker_is_there_until_one_is(client, superuser, lists):
    pages = [reverse("admin:index"), *(reverse(f"admin:{name}_changelist") for name in lists)]
    pages.append(reverse("admin:accounts_user_change", args=[superuser.pk]))

    # What leads on to another page leaves nothing to be told twice.
    client.get(reverse("admin:password_change"))
    assert [client.get(page).content.count(b"No worker has been seen") for page in pages] == [1] * len(pages)

    for queue in (SHORT, LONG, IMPORTS):
        note_worker(queue, timezone.now())
    assert not any(b"No worker" in client.get(page).content for page in pages)


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:12])
def test_an_action_on_what_is_no_row_is_a_fault_of_the_sender(client, superuser, lists, value):
    client.raise_request_exception = False

    for name in lists:
        form = {"action": "delete_selected", "_selected_action": _sent(value)}
        assert client.post(reverse(f"admin:{name}_changelist"), form).status_code in (200, 302, 400, 403), name


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:12])
def test_a_choice_of_what_is_no_row_is_a_fault_of_the_sender(client, superuser, value):
    client.raise_request_exception = False
    address = reverse("admin:accounts_user_change", args=[superuser.pk])
    fields = ["groups", "user_permissions", "email", "full_name", "date_joined_0", "last_login_1"]

    for field in fields:
        assert client.post(address, {"email": superuser.email, field: _sent(value)}).status_code in (200, 302, 400)


def test_a_new_password_is_chosen_on_the_page_that_counts_guesses(client, superuser):
    """Django's own form takes any number of them from whoever has the session."""
    form = {"old_password": PASSWORD, "new_password1": "a brand new one", "new_password2": "a brand new one"}

    answer = client.post(reverse("admin:password_change"), form)

    assert (answer.status_code, answer["Location"]) == (302, "/password/")
    superuser.refresh_from_db()
    assert superuser.check_password(PASSWORD)


def test_the_page_of_a_bad_value_says_what_is_wrong(client, superuser):
    form = {"action": "delete_selected", "_selected_action": "a\0b"}

    answer = client.post(reverse("admin:accounts_user_changelist"), form)

    assert answer.status_code == 400


@pytest.mark.parametrize("shown", admin.site._registry.values(), ids=lambda shown: shown.opts.label)
def test_no_list_breaks_by_its_address(client, superuser, rf, shown):
    client.raise_request_exception = False
    address = reverse(f"admin:{shown.opts.label_lower.replace('.', '_')}_changelist")
    fields = [field.name for field in shown.opts.fields]
    offered = [name for name in fields if shown.lookup_allowed(name, "x", rf.get("/"))]
    dates = [field.name for field in shown.opts.fields if isinstance(field, DateField)]
    queries = ADDRESSES + [f"{name}=x" for name in fields]
    queries += [f"{name}{asked}" for name in offered for asked in OF_ANY_FIELD]
    queries += [f"{name}{asked}" for name in dates for asked in OF_A_DATE]
    queries += [f"{name}__year=2026&{name}__{asked}" for name in dates for asked in ("month=99", "month=2&day=31")]
    queries += [f"{name}__year={year}&{name}__month=12&{name}__day=31" for name in dates for year in (1, 9999)]

    assert broken(client, (f"{address}?{query}" for query in queries)) == {}


@pytest.mark.parametrize("shown", admin.site._registry.values(), ids=lambda shown: shown.opts.label)
def test_a_list_is_filtered_by_what_it_shows_and_nothing_else(client, superuser, rf, shown):
    request = rf.get("/")
    request.user = superuser
    changes = shown.get_changelist_instance(request)
    asked = {name for spec in changes.filter_specs for name in spec.expected_parameters()}
    asked |= {f"{shown.date_hierarchy}__{part}" for part in ("year", "month", "day") if shown.date_hierarchy}
    slow = [f"{field.name}__{lookup}" for field in shown.opts.fields for lookup in ("regex", "iregex", "contains")]

    assert {name for name in [*asked, *slow] if shown.lookup_allowed(name, "1", request)} == asked


@pytest.mark.parametrize("shown", admin.site._registry.values(), ids=lambda shown: shown.opts.label)
def test_no_row_breaks_by_its_address(client, superuser, shown):
    client.raise_request_exception = False
    address = reverse(f"admin:{shown.opts.label_lower.replace('.', '_')}_changelist")
    pages = [f"{address}{row}/{page}/" for row in NO_ROWS for page in ("change", "history", "delete")]
    pages += [f"{address}nope/change/?{query}" for query in ("_to_field=", "_to_field=%00", "_popup=%00")]

    assert broken(client, pages) == {}
    assert not LogEntry.objects.exists()


def broken(client, addresses):
    """Addresses that are answered with neither a page, nor another address, nor a fault of the sender."""
    asked = {address: client.get(address).status_code for address in addresses}
    return {address: status for address, status in asked.items() if status not in (200, 302, 400, 403, 404)}


def _sent(value: str) -> str | bytes:
    return value.encode(errors="surrogatepass")
