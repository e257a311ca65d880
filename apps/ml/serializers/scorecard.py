"""Request and response of the scorecard."""

from typing import Any

from rest_framework import serializers

from apps.common.api.answers import Answer, Number
from apps.ml.core.evaluation.scorecard import INTERVAL_LEVEL, MIN_FOR_INTERVAL
from apps.ml.selectors.scorecard import DEFAULT_DAYS, MAX_DAYS, MOST_OUTCOMES, SCORED_KINDS

_INTERVAL = f"{INTERVAL_LEVEL:.0%} interval by seeded bootstrap; null below {MIN_FOR_INTERVAL} outcomes."


class ScorecardRequest(serializers.Serializer[Any]):
    """Query of the scorecard."""

    days = serializers.IntegerField(
        required=False,
        default=DEFAULT_DAYS,
        min_value=1,
        max_value=MAX_DAYS,
        help_text="Outcomes that became known in the last so many days.",
    )
    type = serializers.ChoiceField(
        choices=[kind.value for kind in SCORED_KINDS],
        required=False,
        default=None,
        help_text="Only this type; all that have a truth where not given.",
    )


class SkillSerializer(Answer):
    """Errors against those of another answer to the same questions."""

    value = Number(help_text="1 - error / the other's error: 1 perfect, 0 as good, negative worse.")
    low = Number(allow_null=True, help_text=_INTERVAL)
    high = Number(allow_null=True, help_text=_INTERVAL)
    n = serializers.IntegerField(help_text="Outcomes for which both answers exist.")
    mean_absolute_error = Number()
    reference_error = Number(help_text="The other's mean absolute error on the same outcomes.")


class RangeScoreSerializer(Answer):
    """Whether ranges held what they promised."""

    n = serializers.IntegerField()
    coverage = Number(help_text="Share of outcomes inside their range.")
    nominal = Number(help_text="The share that was promised.")


class ConfidenceScoreSerializer(Answer):
    """Whether chances came true.

    Of being within a factor of two for hours, one step for points, 90 % delivered for sprints, in time for dates, of
    falling short for risks.
    """

    n = serializers.IntegerField()
    promised = Number(help_text="Mean confidence.")
    came_true = Number(help_text="Share that was near enough.")
    brier = Number(help_text="Mean squared difference of confidence and outcome; 0 is perfect.")
    ece = Number(help_text="Mean gap between confidence and share over ten bins.")


class HitScoreSerializer(Answer):
    """Where among the people named the one was who did it."""

    n = serializers.IntegerField()
    named_first = Number(help_text="Share in which the first named did it.")
    among_named = Number(help_text="Share in which one of those named did it.")
    mean_reciprocal_rank = Number(help_text="Mean of 1 / rank; 0 where it was somebody else.")


class ScoreSerializer(Answer):
    """The figures of one method; errors in the unit of the type."""

    n = serializers.IntegerField(help_text="Outcomes; one an issue or sprint, the first answer counts.")
    mean_absolute_error = Number()
    root_mean_squared_error = Number(help_text="Far above the mean absolute error where a few answers are far off.")
    median_absolute_error = Number()
    bias = Number(help_text="Mean of predicted - actual: positive where too much was predicted.")
    bias_factor = Number(allow_null=True, help_text="Geometric mean of predicted / actual.")
    mean_absolute_log_ratio = Number(allow_null=True, help_text="0.69 is typically a factor of two.")
    n_log = serializers.IntegerField(help_text="Outcomes of the two figures before.")
    ranges = RangeScoreSerializer(allow_null=True)
    confidence = ConfidenceScoreSerializer(allow_null=True)
    against_baseline = SkillSerializer(
        allow_null=True,
        help_text="Against the team's median as it was known when the answer was given; for sprints, against the "
        "commitment times the usual ratio.",
    )
    against_team = SkillSerializer(allow_null=True, help_text="Against the team's own estimate.")
    pinball = Number(allow_null=True, help_text="Mean pinball loss of the percentiles told, in the unit of the type.")
    hits = HitScoreSerializer(allow_null=True, help_text="Of suggested people only.")


class RemovedSerializer(Answer):
    """Answers whose rows were removed for age; only sums are left, of every answer, repeated ones included."""

    n = serializers.IntegerField()
    mean_absolute_error = Number()
    mean_absolute_log_ratio = Number(allow_null=True)
    coverage = Number(allow_null=True)


class TypeScorecardSerializer(Answer):
    """One type of prediction."""

    prediction_type = serializers.CharField()
    unit = serializers.CharField(
        help_text="'h', 'points', 'issues', 'days', 'chance' (of falling short: 1 if it did) or '1 - 1/rank'."
    )
    verdict = serializers.CharField(help_text="The figures in plain words.")
    overall = ScoreSerializer(allow_null=True, help_text="All methods together; null while nothing is scored.")
    methods = serializers.DictField(child=ScoreSerializer())
    team = ScoreSerializer(allow_null=True, help_text="The team's own estimates, where they were recorded.")
    removed = serializers.DictField(
        child=RemovedSerializer(), help_text="By method: answers of the window that are too old to be kept, as sums."
    )
    waiting = serializers.IntegerField(help_text="Open predictions whose issue or sprint has no truth yet.")
    about_no_issue = serializers.IntegerField(
        help_text="Predictions that no outcome can judge: never scored. About neither issue nor sprint, or of dates "
        "that suppose something or are about more than 200 issues."
    )
    unscored = serializers.DictField(
        child=serializers.IntegerField(), help_text="By reason: what was supposed did not come about, say."
    )
    cut_short = serializers.IntegerField(
        help_text="Outcomes of dates that were still open when the latest date told had passed: they took longer."
    )


class ScorecardResponse(Answer):
    """How predictions turned out."""

    project_id = serializers.UUIDField()
    days = serializers.IntegerField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    is_cut = serializers.BooleanField(help_text=f"Whether only the newest {MOST_OUTCOMES:,} answers were read.")
    types = TypeScorecardSerializer(many=True)
