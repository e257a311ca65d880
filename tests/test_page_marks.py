"""Where numbered pages ended: for minutes, and nothing that was read before an erasure."""

import sqlite3
import time

import pytest
from django.conf import settings
from django.db import connection
from rest_framework.test import APIClient

from apps.common import page_marks
from apps.common.api.keyset import Order
from apps.common.passing import run
from apps.common.tasks import empty_logs
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory
from conftest import NOW

pytestmark = pytest.mark.django_db
MOMENT, MINUTE = NOW.timestamp(), 60


@pytest.fixture(autouse=True)
def no_marks():
    page_marks.forget_old(now=0.0)


def marks() -> int:
    row = run(f"SELECT count(*) FROM {page_marks.TABLE} WHERE key <> {{0}}", [page_marks._ERASED])
    assert row is not None
    return int(row[0])


def erase(now: float) -> None:
    page_marks.forget_all(now=now, patience_seconds=0)


def test_what_was_read_before_an_erasure_is_not_remembered_after_it():
    page_marks.keep("before", "Ann", now=MOMENT - 1)
    erase(MOMENT)
    page_marks.keep("read before", "Ann", now=MOMENT - 30)
    page_marks.keep("read long before", "Ann", now=MOMENT - 10 * MINUTE)
    page_marks.keep("read in its second", "Ann", now=MOMENT)

    assert marks() == 0
    later = MOMENT + 2 * MINUTE
    page_marks.keep("after", "somebody", now=later)
    assert page_marks.mark_of("after", now=later) == "somebody"


def test_an_erasure_by_a_clock_that_was_ahead_lets_pages_be_remembered():
    erase(MOMENT + 60 * MINUTE)
    page_marks.keep("a page", "somebody", now=MOMENT)

    assert page_marks.mark_of("a page", now=MOMENT) == "somebody"


def test_a_page_that_is_read_while_somebody_is_erased_leaves_no_mark(monkeypatch):
    member = TeamMemberFactory()
    IssueFactory.create_batch(3, project=member.project)
    client, place_of = APIClient(), Order.place_of
    client.force_authenticate(member.user)

    def erased_meanwhile(order, row):
        erase(time.time())
        return place_of(order, row)

    def titles():
        query = {"ordering": "title", "page_size": 2}
        return client.get(f"/api/v1/projects/{member.project_id}/issues/", query).json()["results"]

    assert len(titles()) == 2
    assert marks() == 1
    monkeypatch.setattr(Order, "place_of", erased_meanwhile)
    assert len(titles()) == 2
    assert marks() == 0


def test_what_is_over_goes_with_the_next_minute_though_nobody_turns_pages():
    now = time.time()
    for moment in (now - 16 * MINUTE, now + 60 * MINUTE, now):
        page_marks.keep(f"{moment}", "somebody", now=moment)

    empty_logs()

    assert marks() <= 1
    assert page_marks.mark_of(f"{now}", now=now) == "somebody"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="Only SQLite has a file of its own for them.")
def test_an_erasure_is_told_that_the_file_is_held():
    page_marks.keep("a page", "Ann", now=MOMENT)
    holder = sqlite3.connect(settings.VAR_DIR / "throttle.sqlite3", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            erase(MOMENT)
    finally:
        holder.close()
    assert marks() == 1
