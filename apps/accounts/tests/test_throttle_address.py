"""Whose guesses are counted."""

import pytest
from rest_framework.test import APIRequestFactory
from rest_framework.throttling import SimpleRateThrottle

pytestmark = pytest.mark.django_db


class AnyThrottle(SimpleRateThrottle):
    rate = "1/min"


def test_a_header_that_anybody_can_write_makes_no_new_address():
    requests = [APIRequestFactory().get("/", HTTP_X_FORWARDED_FOR=f"10.0.0.{n}") for n in range(2)]

    assert {AnyThrottle().get_ident(request) for request in requests} == {"127.0.0.1"}
