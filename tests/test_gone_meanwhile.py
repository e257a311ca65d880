"""Whose account is deleted, or key withdrawn, in the middle of a request gets an answer, and nothing half is left.

Every endpoint is asked; the person or the key goes just before the request writes for the first time, which is as if
another process had removed it a moment ago.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, models
from django.utils import timezone
from rest_framework.test import APIClient

from apps.access.keys import create_key
from apps.access.models import ApiKey
from apps.accounts.models import LogIn, User
from apps.accounts.scopes import Scope
from apps.accounts.tests.factories import UserFactory
from apps.projects.models import Project, TeamMember
from conftest import NOW
from tests import api_world
from tests.test_every_answer import OPERATIONS, QUESTIONS

pytestmark = pytest.mark.django_db(transaction=True)
#: After all others: what those ask about is gone afterwards.
WHOLE_PROJECT = "DELETE /api/v1/projects/{project_id}/"


def test_no_endpoint_fails_when_who_asks_is_gone_by_the_first_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    world = api_world.made(NOW)
    faults = [
        f"{operation} {fault}"
        for operation in sorted(OPERATIONS, key=lambda each: (each == WHOLE_PROJECT, each.startswith("DELETE")))
        for question in QUESTIONS.get(operation, (lambda w: {},))
        for fault in faults_of(world, operation, question)
    ]

    assert not faults, faults
    connection.check_constraints()


def faults_of(world: Any, operation: str, question: Callable[[Any], dict[str, Any]]) -> Iterator[str]:
    """Which of them went, and what was answered."""
    for goes in (person_goes, key_goes):
        status, has_gone = asked(world, operation, question, goes)
        if status >= 500:
            yield f"{goes.__name__}: {status}"
        if not has_gone:
            # What writes nothing asks nobody to go, the second time neither.
            return


def asked(
    world: Any, operation: str, question: Callable[[Any], dict[str, Any]], goes: Callable[[User], None]
) -> tuple[int, bool]:
    """The status of the answer, and whether it came to a first write; 0 where there is nothing to ask about."""
    person = UserFactory()
    for project in Project.objects.filter(pk__in=[world.project.pk, world.learned.pk]):
        TeamMember.objects.create(project=project, user=person, role="lead")
    client = APIClient(raise_request_exception=False)
    if goes is key_goes:
        _, text = create_key(person, name="k", scopes=[scope.value for scope in Scope], project=None, days=30, now=NOW)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    else:
        client.force_authenticate(person)
    try:
        body = dict(question(world))
    except (AttributeError, models.ObjectDoesNotExist):
        # An earlier question has removed what this one is about.
        return 0, False
    method, path = operation.split(" ", 1)
    path = path.format(**{name: str(value) for name, value in (world.ids() | body.pop("ids", {})).items()})
    with before_the_first_write(lambda: goes(person)) as gone:
        answer = getattr(client, method.lower())(path, json.loads(json.dumps(body, default=str)))
    return answer.status_code, bool(gone)


@contextmanager
def before_the_first_write(act: Callable[[], None]) -> Iterator[list[str]]:
    """Act once, when the first row is about to be written; that statement is in the list afterwards."""
    first: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        # When a key was last used is noted before the request begins.
        if not first and sql.startswith(("INSERT", "UPDATE", "DELETE")) and "access_apikey" not in sql:
            first.append(sql)
            act()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield first


def person_goes(person: User) -> None:
    """As a deletion does it, without the search of an erasure."""
    for table in (TeamMember, ApiKey, LogIn):
        models.QuerySet(table).filter(user=person)._raw_delete(connection.alias)
    models.QuerySet(User).filter(pk=person.pk)._raw_delete(connection.alias)


def key_goes(person: User) -> None:
    ApiKey.objects.filter(user=person).delete()
