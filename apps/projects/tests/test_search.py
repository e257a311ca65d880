"""What a search of issues finds, the same on every engine, and what it costs whoever changes an issue."""

import json
import random
import string

import pytest
from django.db import connection

from apps.common.plausible import LONGEST_TEXT
from apps.projects.filters import SEARCHED_CHARACTERS, IssueFilter
from apps.projects.models import Issue
from apps.projects.tests.factories import IssueFactory
from tests.test_text_growth import seconds

pytestmark = pytest.mark.django_db
#: Bytes of PostgreSQL's log that a change may take at once. The words of a whole description took 1.3 MB, and 28 MB
#: when they were put into their places.
MOST_LOGGED = 200_000
only_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="A search waits for its turn there.")
only_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no index of words.")


@pytest.mark.parametrize(
    ("before", "is_found"), [(0, True), (SEARCHED_CHARACTERS - 6, True), (SEARCHED_CHARACTERS - 5, False)]
)
def test_a_search_reads_the_beginning_of_a_description(before, is_found, as_, project, url):
    IssueFactory(project=project, description="é" * before + "needle" + "é" * 200)

    assert as_("viewer").get(url("issues"), {"search": "Needle"}).json()["count"] == is_found


@only_postgresql
def test_all_that_a_search_reads_is_in_the_index():
    with connection.cursor() as cursor:
        # So few rows are read in no time: asked is whether they could be found by the index.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")

    plan = IssueFilter({"search": "needle"}, queryset=Issue.objects.order_by()).qs.explain()

    assert plan.count("Bitmap Index Scan on projects_issue_search") == len(("title", "description", "key"))


@only_postgresql
def test_a_change_of_another_field_costs_the_same_however_long_the_description_is(project):
    letters = random.Random(1).choices(f"{string.ascii_lowercase}{string.digits}äöüßéèàñабвгдежзиклмно", k=LONGEST_TEXT)
    issue = IssueFactory(project=project, description="".join(letters))

    with connection.cursor() as cursor:
        cursor.execute(
            "EXPLAIN (ANALYZE, WAL, FORMAT JSON) UPDATE projects_issue SET priority = 1, updated_at = now() "
            "WHERE id = %s",
            [issue.pk],
        )
        told = cursor.fetchone()[0]
    plan = json.loads(told) if isinstance(told, str) else told

    assert 0 < plan[0]["Plan"]["WAL Bytes"] < MOST_LOGGED, plan[0]["Plan"]["WAL Bytes"]


@only_sqlite
def test_a_search_that_nearly_fits_everywhere_costs_no_reading_a_letter(project):
    first = IssueFactory(project=project)
    same = {field: getattr(first, f"{field}_id") for field in ("project", "issue_type", "status", "reporter")}
    Issue.objects.bulk_create(
        Issue(**{f"{name}_id": key for name, key in same.items()}, title="a", description="a" * SEARCHED_CHARACTERS,
              created_at=first.created_at)
        for _ in range(200)
    )  # fmt: skip

    def search(letters):
        assert not IssueFilter({"search": "a" * letters + "b"}, queryset=Issue.objects.order_by()).qs.exists()

    # By LIKE it takes some ten times as long.
    assert seconds(search, 190) / seconds(search, 10) < 190 / 10 / 4
