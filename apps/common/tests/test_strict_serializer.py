"""What a request's texts become is what Django REST framework makes of them, whichever way they are read."""

from copy import deepcopy
from typing import Any

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from apps.common.api.serializers import StrictSerializer


class Request(StrictSerializer):
    title = serializers.CharField(max_length=8)
    kind = serializers.CharField(max_length=8, required=False, allow_blank=True)
    word = serializers.CharField(max_length=8, min_length=2, required=False)
    text = serializers.CharField(required=False, allow_blank=True)
    renamed = serializers.CharField(max_length=8, required=False, source="other")
    checked = serializers.CharField(max_length=8, required=False)

    def validate_checked(self, value: str) -> str:
        if value == "bad":
            raise serializers.ValidationError("Not this one.")
        return value.upper()


class Usual(serializers.Serializer[Any]):
    """The same fields, read by Django REST framework alone."""

    validate_checked = Request.validate_checked

    def get_fields(self) -> dict[str, Any]:
        return deepcopy(Request._declared_fields)


VALUES = ["a", " a ", "12345678", " 12345678", "123456789", "", "   ", "é", "123456789é", 7, 1.5, True, None, [], {}]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", ["title", "kind", "word", "text", "renamed", "checked"])
def test_a_text_is_read_as_ever(name: str, value: Any) -> None:
    body = {"title": "x"} | {name: value}
    usual = Usual(data=body)

    if usual.is_valid():
        assert Request.read(body) == dict(usual.validated_data)
    else:
        with pytest.raises(ValidationError) as error:
            Request.read(body)
        assert set(error.value.detail) == set(usual.errors)


@pytest.mark.parametrize("value", ["a\0", "\ud800", "bad"])
def test_what_is_no_text_is_refused_as_ever(value: str) -> None:
    with pytest.raises(ValidationError):
        Request.read({"title": "x", "checked": value})


def test_a_title_that_is_missing_is_asked_for() -> None:
    with pytest.raises(ValidationError) as error:
        Request.read({"kind": "a"})

    assert set(error.value.detail) == {"title"}
