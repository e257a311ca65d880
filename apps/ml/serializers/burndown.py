"""The burndown of a sprint as the API shows it."""

from typing import Any

from rest_framework import serializers


class AmountSerializer(serializers.Serializer[Any]):
    """Some issues, in both units."""

    issues = serializers.IntegerField()
    points = serializers.FloatField(help_text="Issues without points add none.")


class BurndownStartSerializer(serializers.Serializer[Any]):
    """The sprint when planning ended."""

    at = serializers.DateTimeField()
    committed = AmountSerializer()


class BurndownDaySerializer(serializers.Serializer[Any]):
    """The sprint at the end of a day; today as of now."""

    day = serializers.DateField()
    scope = AmountSerializer(help_text="What was in the sprint.")
    remaining = AmountSerializer(help_text="Of it not done.")
    done = AmountSerializer()


class IdealDaySerializer(serializers.Serializer[Any]):
    """What would be left had the committed work gone evenly over the days."""

    day = serializers.DateField()
    issues = serializers.FloatField()
    points = serializers.FloatField()


class BurndownResponse(serializers.Serializer[Any]):
    """As the history stood at the end of each day: later edits change none of it."""

    sprint_id = serializers.UUIDField()
    is_frozen = serializers.BooleanField(help_text="Whether the sprint's history was kept when it was closed.")
    start = BurndownStartSerializer(allow_null=True, help_text="None for a sprint without a start.")
    days = BurndownDaySerializer(many=True)
    ideal = IdealDaySerializer(many=True)
    days_left_out = serializers.IntegerField(help_text="Of a sprint of more than a year the latest days are shown.")
