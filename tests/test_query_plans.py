"""No hot request reads issues, history or answers of other projects: what the databases say they would do."""

import random
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.accounts.models import User
from apps.projects.models import Issue, IssueLink, Project
from apps.projects.selectors import open_blockers_elsewhere
from performance.growth import Ask, requests_of, sender
from performance.installation import make_project
from tests.made_once import rows_of_a_file

#: Tables that grow with every issue of an installation, whoever asks.
LARGE = ("projects_issue", "projects_issuechange", "ml_predictionhistory")
#: Of the project that is asked about, of the large one beside it, and of some others: SQLite knows but the mean size.
SMALL, LARGE_ONE, OTHERS = 300, 3_000, (100,) * 6


@pytest.fixture(scope="module")
def small_beside_large(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[Any, User]]:
    """A small project beside a large one, with the statistics that a database gathers by itself."""
    with pytest.MonkeyPatch.context() as patch, rows_of_a_file(django_db_blocker):
        patch.setattr("performance.installation.MEMBERS", 4)
        login, now = User.objects.create_user("plans@example.com", "no-matter"), timezone.now()
        for number, size in enumerate((LARGE_ONE, *OTHERS)):
            make_project(f"OTHER{number}", size, now=now, login=login, rng=random.Random(number))
        small = make_project("SMALL", SMALL, now=now, login=login, rng=random.Random(SMALL))
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
            if connection.vendor == "postgresql":
                # As on the disks of today; the usual 4.0 makes reading everything look cheap while tables are small.
                cursor.execute("SET LOCAL random_page_cost = 1.1")
        yield small, login


@pytest.mark.django_db
def test_no_hot_request_reads_other_projects_rows(small_beside_large):
    # given
    small, login = small_beside_large
    plans = {}

    # when
    for ask in requests_of(small):
        for sql, parameters in statements_of(ask, login):
            plans.setdefault(sql, (ask.name, plan_of(sql, parameters)))

    # then
    scans = [f"{name}: {scan}\n{sql}" for sql, (name, plan) in plans.items() for scan in whole_scans(plan, sql)]
    assert len(plans) > 50
    assert not scans, "\n\n".join(scans)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query", ["page=3", "ordering=title", "ordering=-title", "ordering=updated_at", "ordering=-created_at"]
)
@pytest.mark.parametrize("follow", ["", "next"])
def test_lists_of_issues_come_from_an_index_in_their_order(small_beside_large, query, follow):
    # given
    small, login = small_beside_large
    ask = Ask("issues", "get", f"/api/v1/projects/{small.key}/issues/?{query}", follow=follow)

    # when
    sent = [(sql, values) for sql, values in statements_of(ask, login) if "LIMIT 51" in sql or "LIMIT 26" in sql]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # So few rows are sorted in no time: asked is whether they could come in order.
            cursor.execute("SET LOCAL enable_sort = off")
    plans = [plan_of(sql, values) for sql, values in sent if "projects_issue" in sql]

    # then
    assert plans
    sorts = [line for plan in plans for line in plan if re.search(r"TEMP B-TREE FOR ORDER BY|^\s*(->)?\s*Sort  ", line)]
    assert not sorts, plans


@pytest.mark.django_db
def test_what_a_project_waits_for_elsewhere_is_found_by_an_index_among_all_links(small_beside_large):
    # given
    small = Project.objects.get(pk=small_beside_large[0].project)
    own, others = small.issues.all()[:5], Issue.objects.filter(project__key="OTHER0")
    IssueLink.objects.bulk_create(IssueLink(blocker=one, blocked=other) for one, other in pairwise(others))
    for blocker, blocked in zip(others, own, strict=False):
        IssueLink.objects.create(blocker=blocker, blocked=blocked)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    # when
    sql, parameters = open_blockers_elsewhere(small).query.sql_with_params()
    plan = plan_of(sql, parameters)

    # then
    assert any("projects_link_elsewhere" in line for line in plan), plan
    assert not whole_scans(plan, sql), plan


def statements_of(ask, login):
    """The reads of a request in a process that remembers nothing."""
    sent = []

    def note(execute, sql, parameters, many, context):
        if sql.lstrip().upper().startswith("SELECT"):
            sent.append((sql, parameters))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(note):
        sender(ask, login, SMALL)()
    return sent


def plan_of(sql, parameters):
    """What the database would do."""
    with connection.cursor() as cursor:
        cursor.execute(("EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN ") + sql, parameters)
        return [str(row[-1]) for row in cursor.fetchall()]


def whole_scans(plan, sql):
    """Lines that read a large table from its beginning to its end."""
    names = {alias: table for table, alias in re.findall(r'"(\w+)" ([UVT]\d+)', sql)} | {name: name for name in LARGE}
    if connection.vendor == "postgresql":
        return [line.strip() for line in plan if re.search(rf"Seq Scan on ({'|'.join(LARGE)})\b", line)]
    return [line for line in plan if (found := re.match(r"SCAN (\w+)$", line)) and names.get(found[1]) in LARGE]


@pytest.mark.parametrize("line", ["SCAN projects_issue", "SCAN U0"])
def test_a_scan_is_seen_under_the_table_s_name_and_under_an_alias(line, monkeypatch):
    monkeypatch.setattr(connection, "vendor", "sqlite")

    assert whole_scans([line], 'SELECT 1 FROM "projects_issue" U0') == [line]
