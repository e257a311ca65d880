"""Issues as answers name them."""

from typing import Any

from rest_framework import serializers


class NamedIssueSerializer(serializers.Serializer[Any]):
    """An issue by what people call it."""

    issue_id = serializers.UUIDField()
    key = serializers.CharField(allow_blank=True, help_text="Of the tracker it was imported from; empty without one.")
    title = serializers.CharField()
