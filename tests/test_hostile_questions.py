"""Whatever is asked, valid by the OpenAPI document or not, no answer is a fault and each is as the document says."""

import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from apps.accounts.log_ins import access_token
from apps.notifications.services.webhooks import require_reachable
from conftest import NOW
from tests.api_world import World, world
from tests.test_every_answer import OPERATIONS

__all__ = ["world"]
pytestmark = pytest.mark.django_db

#: Questions to each operation. The same ones at every run: what is found once is found again.
EXAMPLES = 6


class Api:
    """The service behind its WSGI entry, what its document says, and what is looked at in each answer.

    What asks takes a second to load: only the process that runs these tests waits for it.
    """

    def __init__(self) -> None:
        import schemathesis
        from schemathesis.specs.openapi import checks

        self.service = get_wsgi_application()
        self.modes = list(schemathesis.GenerationMode)
        self.paths = schemathesis.openapi.from_wsgi("/api/schema/", self.answer)
        self.checks = [
            schemathesis.checks.not_a_server_error,
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_headers_conformance,
            checks.response_schema_conformance,
        ]

    def answer(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """Closed as a web server does it: what asks here closes nothing, and uploads would stay open."""
        answered = self.service(environ, start_response)
        try:
            return [b"".join(answered)]
        finally:
            answered.close()


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    for signal in (request_started, request_finished):
        # As Django's own test client does: the connection is in the transaction of the test.
        signal.disconnect(close_old_connections)
    yield Api()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(autouse=True)
def no_name_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses of webhooks are read as ever, but no name server is asked."""

    def unknown(*_: Any) -> Iterator[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setitem(require_reachable.__kwdefaults__, "resolve", unknown)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_question_is_answered_by_a_fault(world: World, api: Api, operation: str) -> None:
    method, _, path = operation.partition(" ")
    asked = api.paths[path][method]
    # The first of each is what a client would do, the second what it should not.
    cases = st.one_of(asked.as_strategy(mode) for mode in api.modes)
    headers = {"Authorization": f"Bearer {access_token(world.lead, now=NOW)}"}

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, about_the_team=st.sampled_from([True, True, True, False]))
    def ask(case: Any, about_the_team: bool) -> None:
        if about_the_team:
            _name_the_team(case, world.ids())
        with transaction.atomic():
            case.call_and_validate(headers=headers, checks=api.checks)
            transaction.set_rollback(True)

    ask()


def _name_the_team(case: Any, ids: Mapping[str, Any]) -> None:
    """Known ids in place of invented ones, which are not found before anything else is looked at."""
    for place in (case.path_parameters, case.body):
        if isinstance(place, dict):
            place.update({name: str(ids[name]) for name in place if name in ids})
