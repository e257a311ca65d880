"""The question of several teams, and its answer."""

from datetime import date

from rest_framework import serializers

from apps.common.api.answers import Answer, Number
from apps.common.api.serializers import StrictSerializer
from apps.ml.serializers.forecasts import latest_day
from apps.ml.serializers.kept_forecasts import SaidFinishSerializer
from apps.projects.names.fields import ProjectName

#: Each is simulated; more teams are a programme, and its parts are asked about one by one.
MOST_TEAMS = 12


class TogetherRequest(StrictSerializer):
    """Which projects, and by when."""

    projects = serializers.ListField(
        child=ProjectName(), min_length=1, max_length=MOST_TEAMS, help_text="Keys or ids of the projects."
    )
    by = serializers.DateField(help_text="The day by which all are to be done; it counts.")
    label = serializers.CharField(  # type: ignore[assignment]
        required=False, default="", allow_blank=True, max_length=200,
        help_text="Only open issues that bear this label; all open issues without it.",
    )  # fmt: skip

    def validate_by(self, by: date) -> date:
        """Further out the engine counts no more."""
        return latest_day(by)


class TeamsPartSerializer(Answer):
    """One team's part, as its own forecast tells it."""

    project_id = serializers.UUIDField(source="project.pk")
    key = serializers.CharField(source="project.key")
    name = serializers.CharField(source="project.name")
    issues = serializers.IntegerField(help_text="Open issues that are asked about; with none the team is done.")
    probability_in_time = Number(source="chance", allow_null=True, help_text="Null with nothing to do, or no history.")
    silent_because = serializers.CharField(allow_null=True, help_text="Why nothing can be told of this team.")


class TogetherResponse(Answer):
    """When several teams are all done; figures of all are null where one of them has too little history."""

    by = serializers.DateField()
    probability_all_in_time = Number(
        allow_null=True, help_text="Share of shared futures in which every team is done by the day."
    )
    product_of_chances = Number(
        allow_null=True, help_text="What the chances would make of it if the teams had nothing in common."
    )
    percentiles = SaidFinishSerializer(
        many=True, help_text="Days by which all are done in so many percent of the futures; empty without figures."
    )
    teams = TeamsPartSerializer(many=True)
    without_history = serializers.ListField(child=serializers.CharField(), help_text="Keys of teams with too little.")
    in_words = serializers.CharField()
