"""Answers about kept forecasts, why a date moved, and parts of a project."""

from typing import Any

from rest_framework import serializers

from apps.common.api.answers import Answer, Number
from apps.ml.core.forecasts.moved import CHANCE_STEPS
from apps.ml.selectors.kept_forecasts import COMPARED_DAYS, INPUTS_KEPT_DAYS
from apps.ml.serializers.forecasts import FinishSerializer

#: More parts are no overview; the largest are told.
MAX_PARTS = 30


class SaidFinishSerializer(Answer):
    """By when all was said to be done in so many percent of the futures."""

    percent = serializers.IntegerField()
    date = serializers.DateField(allow_null=True, help_text="Null for not within ten years.")


class KeptSprintSerializer(Answer):
    """A sprint by its name."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class KeptForecastSerializer(Answer):
    """What was said on a day of when all open work is done."""

    id = serializers.UUIDField()
    occasion = serializers.CharField(help_text="'day'; 'sprint_start' and 'sprint_close' are kept for good.")
    sprint = KeptSprintSerializer(allow_null=True, help_text="The sprint that began or ended.")
    day = serializers.DateField(help_text="Of the project.")
    made_at = serializers.DateTimeField()
    percentiles = SaidFinishSerializer(many=True, source="finishes", help_text="Empty where nothing could be said.")
    target = serializers.DateField(allow_null=True, help_text="The project's target date as it was then.")
    chance = Number(allow_null=True, help_text="Of being done by the target; null without one.")
    issues = serializers.IntegerField(help_text="Open issues that were counted.")
    work = Number()
    unit = serializers.CharField()
    no_forecast_because = serializers.CharField(help_text="Empty where there was a forecast.")


class CountedIssueSerializer(Answer):
    """An issue that a forecast counted."""

    issue_id = serializers.UUIDField()
    key = serializers.CharField(help_text="Empty without one, and for issues that were deleted since.")
    title = serializers.CharField()
    story_points = Number(allow_null=True, help_text="As they were then.")


class KeptForecastDetailSerializer(KeptForecastSerializer):
    """A kept forecast with what it counted."""

    items = CountedIssueSerializer(
        many=True,
        help_text=f"Of a mere day, forgotten after {INPUTS_KEPT_DAYS} days; of a sprint's start and end kept.",
    )


class MovedRequest(serializers.Serializer[Any]):
    """Query of why the date moved."""

    since = serializers.DateField(
        required=False,
        default=None,
        help_text=f"A day before today, within a year; {COMPARED_DAYS} days ago where not given.",
    )


class ComparedSerializer(Answer):
    """One of the two forecasts."""

    day = serializers.DateField()
    was_said = serializers.BooleanField(
        help_text="Kept as it was given; else told again from the history, with the models and days off of today."
    )
    issues = serializers.IntegerField()
    percentiles = SaidFinishSerializer(many=True)
    chance = Number(allow_null=True)


class PartsSerializer(Answer):
    """Whole numbers that add up to the difference."""

    scope = serializers.IntegerField(help_text="Issues that were added, dropped or sized anew.")
    speed = serializers.IntegerField(
        help_text="What was finished in the time between, and the weeks that speak for it."
    )
    calendar = serializers.IntegerField(help_text="Days off, absences and the target.")
    order = serializers.IntegerField(help_text="Work in progress that comes first.")
    model = serializers.IntegerField(help_text="The rest: what models say of sizes, the unit, the engine.")
    total = serializers.IntegerField()


class MovedDaysSerializer(Answer):
    """How far one of the dates moved, in calendar days; later is positive."""

    percent = serializers.IntegerField()
    parts = PartsSerializer(allow_null=True, help_text="Null where one of the dates is not within ten years.")


class ScopeChangeSerializer(Answer):
    """What became of the issues in between, in issues."""

    added = serializers.IntegerField()
    removed = serializers.IntegerField(help_text="Dropped, deleted, or not counted any more.")
    resized = serializers.IntegerField()
    finished = serializers.IntegerField()


class MovedResponse(Answer):
    """Why the date moved between two days."""

    project_id = serializers.UUIDField()
    before = ComparedSerializer()
    after = ComparedSerializer()
    days = MovedDaysSerializer(many=True)
    chance = PartsSerializer(
        allow_null=True, help_text=f"Of the target's chance, in parts of {CHANCE_STEPS}; null without a target."
    )
    scope = ScopeChangeSerializer()
    in_words = serializers.CharField()


class PartsRequest(serializers.Serializer[Any]):
    """Query of the parts of a project."""

    by = serializers.ChoiceField(choices=["epic", "label", "component", "type"], required=False, default="epic")


class PartSerializer(Answer):
    """A part with its forecast."""

    name = serializers.CharField(source="part.name", help_text="The label, component or type; of an epic its title.")
    key = serializers.CharField(source="part.key", help_text="Of an epic in its tracker; else empty.")
    issue_id = serializers.UUIDField(source="part.issue_id", allow_null=True, help_text="Of an epic; null for others.")
    issues = serializers.IntegerField(source="forecast.issues", help_text="Open ones.")
    work = Number(source="forecast.work")
    unit = serializers.CharField(source="forecast.history.unit")
    percentiles = FinishSerializer(many=True, source="forecast.finishes")
    probability_in_time = Number(source="forecast.probability_in_time", allow_null=True)


class PartsResponse(Answer):
    """When each part is done, as if it came next; forecasts of parts are not to be added up."""

    project_id = serializers.UUIDField()
    by = serializers.CharField()
    target = serializers.DateField(allow_null=True)
    parts = PartSerializer(many=True, help_text=f"The {MAX_PARTS} with the most open issues.")
    left_out = serializers.IntegerField(help_text="How many more parts there are.")
