"""Requests and answers of a project's flow and reference stories."""

from typing import Any

from rest_framework import serializers

from apps.common.api.answers import Answer, Number
from apps.ml.core.flow.cycle import MIN_FOR_PERCENTILES
from apps.ml.core.flow.references import MAX_REFERENCES, MIN_OF_A_VALUE
from apps.ml.serializers.predictions import NamedIssueSerializer

#: A quarter of a year, as most teams look back.
DEFAULT_DAYS = 90
#: Two years: beyond, no picture shows a day.
MAX_DAYS = 730
#: Finished issues that an answer names; more dots than that are one cloud.
MAX_SHOWN = 1000

_FEW = f"Empty below {MIN_FOR_PERCENTILES} issues."


class FlowRequest(serializers.Serializer[Any]):
    """Query of the flow."""

    days = serializers.IntegerField(
        required=False,
        default=DEFAULT_DAYS,
        min_value=1,
        max_value=MAX_DAYS,
        help_text="The last so many days of the project, today counted.",
    )


class DaysPercentileSerializer(Answer):
    """So many percent took at most so many days."""

    percent = serializers.IntegerField()
    days = serializers.IntegerField()


class CycleTimeSerializer(NamedIssueSerializer):
    """A finished issue."""

    started_on = serializers.DateField()
    finished_on = serializers.DateField()
    days = serializers.IntegerField(help_text="Days of the project's time zone, first and last counted.")


class CycleTimesSerializer(Answer):
    """From the first start of work to the last end, of what was finished in these days."""

    issues = serializers.IntegerField(help_text="How many there are.")
    items = CycleTimeSerializer(many=True, help_text=f"The latest {MAX_SHOWN:,} of them, oldest first.")
    percentiles = DaysPercentileSerializer(many=True, help_text=_FEW)
    without_start = serializers.IntegerField(help_text="Finished issues of which no start of work is known.")


class PaceBandsSerializer(Answer):
    """Ages at which the finished issues left a state for the last time."""

    state = serializers.CharField()
    issues = serializers.IntegerField()
    percentiles = DaysPercentileSerializer(many=True, help_text=_FEW)


class AgeingIssueSerializer(NamedIssueSerializer):
    """An issue in progress."""

    state = serializers.CharField()
    age_days = serializers.IntegerField(
        allow_null=True, help_text="Since the start of work, today counted; null: unknown, no start recorded."
    )
    days_in_state = serializers.IntegerField(allow_null=True, help_text="Null: unknown, no changes recorded.")
    older_than_percent = serializers.IntegerField(
        allow_null=True, help_text="Of the finished issues when they left this state; 0, 50, 70, 85 or 95."
    )


class FlowDaySerializer(Answer):
    """How many issues stood where at the end of a day."""

    date = serializers.DateField(source="day")
    to_do = serializers.IntegerField()
    in_progress = serializers.IntegerField()
    done = serializers.IntegerField()
    dropped = serializers.IntegerField()


class TimeInStateSerializer(Answer):
    """Between start and end of finished issues, in days of 24 hours."""

    state = serializers.CharField()
    issues = serializers.IntegerField()
    mean_days = Number()
    median_days = Number()
    share = Number(help_text="Of all time of all finished issues.")


class FlowEfficiencySerializer(Answer):
    """Time of work over all time from start to end, of all finished issues together."""

    share = Number(allow_null=True)
    active_days = Number()
    waiting_days = Number(
        help_text="In a waiting status, put back to what is to do, or blocked: see the project's settings."
    )
    unknown_because = serializers.CharField(help_text="Empty where it is known.")


class TimesInStatesSerializer(Answer):
    """Where finished issues spent their time."""

    states = TimeInStateSerializer(many=True)
    efficiency = FlowEfficiencySerializer()
    issues = serializers.IntegerField()
    without_changes = serializers.IntegerField(help_text="Finished issues left out: no changes recorded.")


class FlowSideSerializer(Answer):
    """Finished work of people, or of agents."""

    by_agents = serializers.BooleanField()
    issues = serializers.IntegerField(help_text="Finished issues of which a start is known.")
    percentiles = DaysPercentileSerializer(source="cycle.percentiles", many=True, help_text=_FEW)
    time_in_states = TimesInStatesSerializer(help_text="Time in a state of review is what reviews took.")


class BlockedIssueSerializer(NamedIssueSerializer):
    """Time in which an issue was blocked for one reason."""

    reason = serializers.CharField(help_text="The status or label that says so.")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True, help_text="Null while it is blocked.")
    days = Number(help_text="Days of 24 hours within the asked days.")


class BlockedReasonSerializer(Answer):
    """A reason, over all issues."""

    reason = serializers.CharField()
    issues = serializers.IntegerField()
    days = Number()


class BlockedSerializer(Answer):
    """Blocked time by the project's rule."""

    items = BlockedIssueSerializer(many=True, help_text="Those that are blocked now first.")
    reasons = BlockedReasonSerializer(many=True)
    unknown_because = serializers.CharField(help_text="Empty where a rule says what is blocked.")


class FlowResponse(Answer):
    """How work flows through a team, by its recorded history."""

    project_id = serializers.UUIDField()
    since = serializers.DateField()
    until = serializers.DateField()
    in_progress = serializers.IntegerField(help_text="Issues in progress now.")
    cycle_times = CycleTimesSerializer(source="cycle")
    ageing = AgeingIssueSerializer(many=True, help_text="The oldest first.")
    pace = PaceBandsSerializer(many=True, help_text="By state of work, in the order of the board.")
    days = FlowDaySerializer(many=True)
    time_in_states = TimesInStatesSerializer()
    sides = FlowSideSerializer(
        many=True, help_text="People, then agents; empty where only one of them finished something in these days."
    )
    blocked = BlockedSerializer()
    unknown_past = serializers.ListField(
        child=serializers.CharField(),
        help_text="What imports could not tell of the past that these figures rest on; empty where nothing is missing.",
    )


class ReferenceStorySerializer(NamedIssueSerializer):
    """A finished issue that is typical of its points."""

    took = Number(digits=2, help_text="In the table's measure.")


class ReferenceStoriesSerializer(Answer):
    """What to compare with."""

    points = Number()
    issues = serializers.IntegerField(help_text=f"Finished issues of this size, at least {MIN_OF_A_VALUE}.")
    median = Number(digits=2, help_text="What they took; the stories are the nearest to it, the latest of equal ones.")
    stories = ReferenceStorySerializer(many=True, help_text=f"At most {MAX_REFERENCES}.")


class ReferenceResponse(Answer):
    """Reference stories by points."""

    project_id = serializers.UUIDField()
    measure = serializers.ChoiceField(
        choices=["hours", "days"], help_text="Hours where half of the issues record them, else days of cycle time."
    )
    values = ReferenceStoriesSerializer(many=True)
