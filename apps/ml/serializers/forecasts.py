"""Requests and responses of forecasts and what-ifs."""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import chain
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from apps.common.api.answers import Answer, Joined, Number
from apps.common.api.serializers import StrictSerializer
from apps.common.hours import MOST_HOURS
from apps.ml.core.forecasts.calendar import MAX_DAYS
from apps.ml.core.forecasts.change import MAX_WEEKS_SINCE, MIN_WEEKS_SINCE
from apps.ml.core.forecasts.drops import TARGET_PROBABILITY
from apps.ml.core.forecasts.forecaster import WorkForecast
from apps.ml.core.forecasts.links import MAX_FOLLOWED, Waiting
from apps.ml.core.forecasts.simulation import MIN_WEEKS, N_RUNS
from apps.ml.core.forecasts.track_record import MAX_FORECASTS
from apps.ml.core.forecasts.words import forecast_in_words
from apps.ml.core.sprints.growth import MIN_SPRINTS
from apps.ml.serializers.predictions import NamedIssueSerializer
from apps.projects.names.fields import IssueName
from apps.projects.selectors import names_of

#: More issues than any sprint holds; a longer list is a mistake.
MAX_PLANNED_ISSUES = 1000
#: Less than a minute for a whole team is a mistake in the unit.
MIN_CAPACITY_HOURS = 0.01
#: A backlog of thousands is a wish list; further out than this no forecast says anything.
MAX_ITEMS = 10_000
#: Two months: more is another sprint.
MAX_EXTRA_DAYS = 40
MAX_DAYS_OFF = 366


def latest_day(by: date) -> date:
    """Refuse a day that is further away than anything is forecast."""
    latest = timezone.now().date() + timedelta(days=MAX_DAYS)
    if by > latest:
        raise serializers.ValidationError(f"At most ten years ahead: no later than {latest}.")
    return by


class HistorySerializer(Answer):
    """What a forecast was made from."""

    unit = serializers.CharField(
        help_text=(
            "'points' where most finished issues carry some, and most planned ones do or a model fills them in; "
            "'hours' where no points but hours are recorded; else 'issues'."
        )
    )
    weeks = serializers.IntegerField(
        help_text=f"Weeks since the first finished work of the last two years, at least {MIN_WEEKS}."
    )
    active_weeks = serializers.IntegerField(help_text="Those in which anything was finished.")
    weekly_mean = Number(
        digits=2, help_text="Output of a usual week at the present level, for which the last weeks weigh most."
    )
    level_sigma = Number(
        digits=3,
        help_text="How far the team's level wanders in four weeks, on the natural-log scale, by its own past misses.",
    )
    past_forecasts = serializers.IntegerField(help_text="Past forecasts that were compared with what came.")


class FinishSerializer(Answer):
    """By when the work is done in so many percent of the runs."""

    percent = serializers.IntegerField()
    working_days = serializers.IntegerField(
        allow_null=True, help_text="Days of the whole team from today or the first day on, both counted."
    )
    date = serializers.DateField(source="day", allow_null=True, help_text="Null for not within ten years.")


class SizesSerializer(Answer):
    """Where the sizes of issues come from."""

    points = serializers.IntegerField(help_text="Their own story points.")
    model = serializers.IntegerField(help_text="What the project's model says, drawn anew in each run.")
    history = serializers.IntegerField(help_text="Some finished issue, drawn anew in each run.")


class WorkInProgressSerializer(Answer):
    """What is begun and not asked about."""

    issues = serializers.IntegerField(source="ahead_issues")
    work = Number(source="ahead_work", help_text="Their mean size in the history's unit.")


class SpeedChangeSerializer(Answer):
    """The team has become slower or faster for good."""

    since = serializers.DateField(help_text="The first day of the changed weeks.")
    weeks = serializers.IntegerField(help_text=f"{MIN_WEEKS_SINCE} to {MAX_WEEKS_SINCE} weeks.")
    before = Number(help_text="Issues finished in a week before.")
    after = Number(help_text="Issues finished in a week since.")
    at_former_speed = FinishSerializer(many=True, help_text="When the work would be done had nothing changed.")


class WaitingSerializer(Answer):
    """Issues of the question that wait for others; in no simulated future is one done before what blocks it."""

    issues = NamedIssueSerializer(many=True)
    cycles = serializers.ListField(
        child=NamedIssueSerializer(many=True),
        help_text="Issues that block each other in a circle: none of them comes first, so that they end together.",
    )
    without_owner = NamedIssueSerializer(many=True, help_text="They block others and are nobody's.")
    elsewhere = serializers.IntegerField(
        help_text="Blockers of other projects, of which nothing is known but that they take as long as an issue does."
    )
    later_days = serializers.IntegerField(
        help_text="By how many days of the whole team the links make the end later, in the middle of the futures."
    )
    not_followed = serializers.IntegerField(
        help_text=f"Linked issues beyond the first {MAX_FOLLOWED}, blockers among them: each is taken as done with all "
        "the work, so that the end may be later."
    )

    def to_representation(self, waiting: Waiting) -> dict[str, Any]:
        names = names_of({*waiting.issues, *waiting.without_owner, *chain.from_iterable(waiting.cycles)})

        def named(ids: Iterable[str]) -> list[dict[str, str]]:
            known = ((id_, *names.get(id_, ("", ""))) for id_ in ids)
            return [{"issue_id": id_, "key": key, "title": title} for id_, key, title in known]

        circles = [named(circle) for circle in waiting.cycles]
        return super().to_representation(
            Joined(waiting, issues=named(waiting.issues), cycles=circles, without_owner=named(waiting.without_owner))
        )


class _InWords(serializers.CharField):
    def to_representation(self, forecast: WorkForecast) -> str:  # type: ignore[override]
        return forecast_in_words(forecast)


class ForecastSerializer(Answer):
    """When some work is done."""

    percentiles = FinishSerializer(many=True, source="finishes")
    probability_in_time = Number(
        allow_null=True,
        help_text=(
            f"Share of {N_RUNS:,} runs that end by last_day, at most 0.99 while work remains; null without one. Of a "
            "sprint: its chance to deliver all, the same in every answer."
        ),
    )
    last_day = serializers.DateField(allow_null=True)
    working_days_left = Number(
        allow_null=True, help_text="Days of the whole team until last_day: without weekends, days off and absences."
    )
    issues = serializers.IntegerField(help_text="Unfinished issues in the question.")
    work = Number(help_text="Their size in the history's unit; the mean where that is uncertain.")
    sizes = SizesSerializer(help_text="How many issues are as large as what; all 0 where issues are counted.")
    work_in_progress = WorkInProgressSerializer(
        source="*", help_text="Issues in progress outside the question, which come first."
    )
    carried_over = Number(
        allow_null=True, help_text="Mean work that running sprints leave to this planned one; null where none runs."
    )
    expected_growth = Number(
        allow_null=True,
        help_text=(
            "Mean share by which the sprint's work still grows, as past sprints did after the same part of their time; "
            f"null below {MIN_SPRINTS} such sprints."
        ),
    )
    weekly_inflow = Number(
        allow_null=True, help_text="Mean work that comes in each week; null unless growth was asked for."
    )
    change = SpeedChangeSerializer(
        allow_null=True,
        help_text=(
            "A lasting change of speed, which the dates follow already; null without one. Raised falsely at most once "
            "in four years."
        ),
    )
    waiting = WaitingSerializer(allow_null=True, help_text="Null where no issue waits for another.")
    pace = Number(help_text="Share of the usual output that the capacity given allows.")
    history = HistorySerializer()
    seed = serializers.IntegerField(help_text="The same seed, history and question give the same answer.")
    in_words = _InWords(source="*", help_text="The same in plain sentences, made from these numbers alone.")


class SprintOutlookSerializer(Answer):
    """A running sprint in the project summary."""

    sprint_id = serializers.UUIDField()
    probability_in_time = Number(allow_null=True)
    finish_date = serializers.DateField(allow_null=True, help_text="Done by then in half of the futures.")
    promised_date = serializers.DateField(allow_null=True, help_text="Done by then in 85 of 100 futures.")
    no_forecast_because = serializers.CharField(allow_null=True)


class WhatIfRequest(StrictSerializer):
    """Request of what-if; nothing given is the sprint as planned."""

    drop_issues = serializers.ListField(child=IssueName(), required=False, default=list, max_length=MAX_PLANNED_ISSUES)
    add_issues = serializers.ListField(
        child=IssueName(),
        required=False,
        default=list,
        max_length=MAX_PLANNED_ISSUES,
        help_text="Issues of the sprint's project; finished ones are no work.",
    )
    team_capacity_hours = serializers.FloatField(
        required=False,
        allow_null=True,
        default=None,
        min_value=MIN_CAPACITY_HOURS,
        max_value=MOST_HOURS,
        help_text="Hours the whole team has between the sprint's first and last planned day if nobody is away.",
    )
    extra_days = serializers.IntegerField(
        required=False,
        default=0,
        min_value=-MAX_EXTRA_DAYS,
        max_value=MAX_EXTRA_DAYS,
        help_text="Working days that the sprint ends later; negative for earlier.",
    )
    days_off = serializers.ListField(
        child=serializers.DateField(),
        required=False,
        default=list,
        max_length=MAX_DAYS_OFF,
        help_text="Beside the days off that the project knows of.",
    )
    growth = serializers.BooleanField(
        required=False, default=True, help_text="Whether the scenario's scope grows as that of past sprints did."
    )


class DropSerializer(NamedIssueSerializer):
    """An issue that could be taken out."""

    probability_after = Number()


class WhatIfResponse(Answer):
    """The sprint as planned beside the scenario; both meet the same simulated futures."""

    prediction_id = serializers.UUIDField(help_text="The row of the prediction history.")
    as_planned = ForecastSerializer()
    scenario = ForecastSerializer()
    probability_change = Number(allow_null=True)
    target_probability = Number(help_text=f"{TARGET_PROBABILITY}: what drops_to_target aims at.")
    most_helpful_drops = DropSerializer(
        many=True,
        help_text="Each alone, in the scenario; the most helpful first. Of many that wait for others some are tried.",
    )
    drops_to_target = DropSerializer(
        many=True,
        help_text=(
            "One after another until the target is reached: what the scenario added, then what is not begun, least "
            "urgent, newest. Empty if it is reached already."
        ),
    )
    unknown_past = serializers.ListField(
        child=serializers.CharField(),
        help_text="What imports could not tell of the past that these figures rest on; empty where nothing is missing.",
    )


class ForecastRequest(StrictSerializer):
    """Request of a project's forecast: some work (all open issues by default), or a day alone for 'how many'."""

    issue_ids = serializers.ListField(child=IssueName(), required=False, default=list, max_length=MAX_PLANNED_ISSUES)
    items = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=MAX_ITEMS, help_text="So many issues."
    )
    component = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)
    label = serializers.CharField(  # type: ignore[assignment]  # the API's name for it is also one of the class
        required=False, default="", allow_blank=True, max_length=200
    )
    by = serializers.DateField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Within ten years. With work: the chance to be in time; alone: how many.",
    )
    days_off = serializers.ListField(
        child=serializers.DateField(),
        required=False,
        default=list,
        max_length=MAX_DAYS_OFF,
        help_text="Beside the days off that the project knows of.",
    )
    after_work_in_progress = serializers.BooleanField(
        required=False, default=True, help_text="Whether issues in progress that are not asked about come first."
    )
    growth = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Whether as many issues of this kind come in meanwhile as did in past weeks.",
    )

    def validate_by(self, by: date | None) -> date | None:
        """Further out the engine counts no more, and its answer would be that of ten years."""
        return None if by is None else latest_day(by)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Work is given in one way, and named issues do not become more."""
        if attrs["growth"] and (attrs["issue_ids"] or attrs["items"] is not None):
            raise serializers.ValidationError(
                {"growth": "Only a component, a label or the whole backlog grows: leave out issue_ids and items."}
            )
        if attrs["items"] is not None and (attrs["issue_ids"] or attrs["component"] or attrs["label"]):
            raise serializers.ValidationError("Give a number of items or say which issues, not both.")
        return attrs


class AtLeastSerializer(Answer):
    """At least so many issues in so many percent of the runs."""

    percent = serializers.IntegerField()
    issues = serializers.IntegerField()


class HowManySerializer(Answer):
    """How much the team finishes by a day."""

    by = serializers.DateField()
    working_days = Number(source="working_days_left", help_text="Of the whole team, from today on.")
    at_least = AtLeastSerializer(many=True)
    history = HistorySerializer(source="runs.history")
    seed = serializers.IntegerField()
    in_words = serializers.CharField(help_text="The same in a sentence.")


class KeptSerializer(Answer):
    """Past promises of one percentile whose week has come."""

    percent = serializers.IntegerField()
    due = serializers.IntegerField(help_text="How many of the past weeks' forecasts are due; neighbours overlap.")
    kept = serializers.IntegerField(help_text="How many of these were met: percent of them, if the engine is right.")


class ForecastResponse(Answer):
    """When some work is done, or how many issues are by a day."""

    prediction_id = serializers.UUIDField(help_text="The row of the prediction history.")
    question = serializers.ChoiceField(choices=["when", "how_many"])
    when = ForecastSerializer(allow_null=True)
    how_many = HowManySerializer(allow_null=True)
    track_record = KeptSerializer(
        many=True,
        help_text=(
            f"The engine asked again in each of the last {MAX_FORECASTS} weeks, with the weeks before alone, when four "
            "weeks of work would be done."
        ),
    )
    unknown_past = serializers.ListField(
        child=serializers.CharField(),
        help_text="What imports could not tell of the past that these figures rest on; empty where nothing is missing.",
    )
