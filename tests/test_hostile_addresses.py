"""Whatever stands in a part of an address, or in one of its parameters, no answer is a fault: every address by every
method, from the URL configuration. The administration has a test of its own."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver

from apps.common.api.query import parameters_of
from tests.matrix_world import MatrixWorld, matrix
from tests.test_access_matrix import FOR_PROGRAMS, addresses, methods_of
from tests.test_page_matrix import PAGES, address_of, ids

__all__ = ["ids", "matrix"]
pytestmark = pytest.mark.django_db

#: What no column of PostgreSQL takes, and what no text holds: none of it is the name of anything.
NULS = ["%00", "a%00b", "%00" * 200]
#: No UTF-8, halves of characters, percents and quotes, what turns a line, other folders, numbers and texts too long.
ODD = [
    "%FF",
    "%C0%80",
    "%ED%A0%80",
    "%",
    "%2500",
    "%27%3B--",
    "%E2%80%AE%0A",
    "..%2F..",
    "9" * 400,
    "%F0%9F%98%80" * 64,
]
#: Answered before anybody reads what was asked.
READ_NO_PARAMETER = ("/health/live", "/health/ready", "/metrics")
PART = re.compile(r"\{\w+\}")
#: Every address by every method, with what answers there.
ASKED = [
    (route, method, view)
    for route, view in addresses(get_resolver())
    if not route.startswith("/admin/")
    for method in (methods_of(view) if route.startswith(FOR_PROGRAMS) else [PAGES[route][0]])
]


@pytest.fixture
def lead(matrix: MatrixWorld) -> Callable[[str, str], int]:
    """Asks as somebody in the team, so that an address is read to its end: the status, and nothing is kept."""
    page, program = Client(raise_request_exception=False), matrix.client("lead")
    page.force_login(matrix.people["lead"])
    program.raise_request_exception = False

    def ask(method: str, address: str) -> int:
        session = page.cookies.copy()
        client = program if address.startswith(FOR_PROGRAMS) else page
        with transaction.atomic():
            answer = client.generic(method, address, "{}", content_type="application/json")
            transaction.set_rollback(True)
        page.cookies = session
        return answer.status_code

    return ask


@pytest.fixture
def things(matrix: MatrixWorld, ids: dict[str, Any]) -> Callable[[str], dict[str, Any]]:
    """What stands in the other parts of an address; of endpoints and pages some are called the same."""
    return lambda route: {**ids, **(matrix.ids if route.startswith(FOR_PROGRAMS) else {})}


@pytest.mark.parametrize("part", [*NULS, *ODD], ids=lambda part: part[:12])
def test_no_part_of_an_address_is_answered_by_a_fault(lead: Any, things: Any, part: str) -> None:
    hostile = {
        (method, address_of(route.replace(name, part), things(route)))
        for route, method, _ in ASKED
        for name in PART.findall(route)
    }
    answers = {(method, address): lead(method, address) for method, address in hostile}

    assert len(answers) > 100
    assert {asked: status for asked, status in answers.items() if status >= 500} == {}
    assert part not in NULS or set(answers.values()) == {404}


def test_a_nul_in_a_parameter_is_refused_everywhere(lead: Any, things: Any) -> None:
    answers = {
        (method, f"{route}?{name}"): lead(method, f"{address_of(route, things(route))}?{name}=a%00b")
        for route, method, view in ASKED
        for name in [*known_to(view, method), "anything"]
    }

    assert len(answers) > 200
    assert {asked for asked, status in answers.items() if status != 400} == {
        ("GET", f"{route}?anything") for route in READ_NO_PARAMETER
    }


def known_to(view: Any, method: str) -> tuple[str, ...]:
    """The parameters that an endpoint says it takes."""
    shown = getattr(view, "cls", None)
    return parameters_of(shown, getattr(view, "actions", {}).get(method.lower(), method.lower())) if shown else ()
