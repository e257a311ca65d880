"""What serializers of requests have in common."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


class RefusesUnknownFields:
    """Misspelt fields are refused: `issue_tpye` would change the answer, or be lost, without a word."""

    fields: Any

    def to_internal_value(self, data: Any) -> Any:
        """Name each field that does not exist, with those that do."""
        unknown = [name for name in data if name not in self.fields] if isinstance(data, Mapping) else []
        if unknown:
            known = ", ".join(self.fields)
            raise serializers.ValidationError(dict.fromkeys(unknown, f"There is no such field. Fields: {known}."))
        return super().to_internal_value(data)  # type: ignore[misc]


class StrictSerializer(RefusesUnknownFields, serializers.Serializer[Any]):
    """A request of which every field is known."""
