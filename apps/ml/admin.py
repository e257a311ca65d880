"""The registry, the prediction history and the anomalies for administrators.

What was measured and predicted is looked at only. What may be decided is an action: it asks for the permission to
change the row, goes through the same service as the API, and leaves who and when in the administration's log.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.accounts.signed_in import signed_in
from apps.common.administration.site import Administration
from apps.common.exceptions import ApplicationError
from apps.ml.models import AnomalyDetection, MLModel, PredictionHistory, TrainingRun
from apps.ml.selectors.workers import missing_workers
from apps.ml.services.anomalies.review import dismiss_anomaly, resolve_anomaly
from apps.ml.services.models.registry import activate, require_sound, roll_back
from apps.projects.admin import ReadOnly

Filter = type[admin.SimpleListFilter]
#: Every method a served answer may name; asking the history for its distinct values would read all of it.
METHODS = ("ml_model", "baseline", "similarity", "prior", "heuristic")


def _choice_filter(title_: str, name: str, choices: Mapping[str, tuple[str, Q]]) -> Filter:
    """A filter of fixed choices, value -> (label, condition): none asks the database for them."""

    class Choice(admin.SimpleListFilter):
        title, parameter_name = title_, name

        def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
            return [(value, label) for value, (label, _) in choices.items()]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            chosen = choices.get(self.value() or "")
            return queryset.filter(chosen[1]) if chosen else queryset

    return Choice


ScopeFilter = _choice_filter(
    "scope",
    "scope",
    {"global": ("all projects", Q(project__isnull=True)), "project": ("one project", Q(project__isnull=False))},
)
OutcomeFilter = _choice_filter(
    "outcome",
    "outcome",
    {"known": ("known", Q(scored_at__isnull=False)), "open": ("not known yet", Q(scored_at__isnull=True))},
)
MethodFilter = _choice_filter("method", "method", {name: (name, Q(method=name)) for name in METHODS})


class Deciding:
    """Actions on rows that are otherwise read-only: `permissions=["decide"]` asks for the row's change permission."""

    opts: Any

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")


def table_of(figures: Mapping[str, Any]) -> SafeString:
    """Figures as a table, a baseline's and the team's value beside the model's: they are named `baseline_…`."""
    names = [name for name in sorted(figures) if not _is_compared(name, figures)]
    rows = [
        (name, *(_shown(figures.get(f"{prefix}{name}")) for prefix in ("", "baseline_", "human_"))) for name in names
    ]
    head = format_html("<tr><th></th><th>{}</th><th>{}</th><th>{}</th></tr>", "model", "naive baseline", "team")
    body = format_html_join("", "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>", rows)
    return format_html("<table>{}{}</table>", head, body)


def _is_compared(name: str, figures: Mapping[str, Any]) -> bool:
    """Whether this figure stands in the row of another."""
    return any(name.startswith(prefix) and name[len(prefix) :] in figures for prefix in ("baseline_", "human_"))


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


@admin.register(MLModel)
class MLModelAdmin(Deciding, ReadOnly, admin.ModelAdmin):
    """Every training; which one serves is decided by the two actions."""

    list_display = [
        "model_type", "scope", "version", "status", "is_active", "training_samples",
        "error", "squared_error", "baseline_error", "trained_at", "activated_at",
    ]  # fmt: skip
    list_filter = ["model_type", "status", "is_active", ScopeFilter]
    list_select_related = ["project"]
    search_fields = ["version", "project__key"]
    actions = ["let_serve", "let_previous_serve"]
    fieldsets = [
        (None, {"fields": ["model_type", "project", "version", "status", "is_active", "failure_reason"]}),
        ("Measured on issues it had not seen", {"fields": ["training_samples", "measured"]}),
        ("Trained", {"fields": ["trained_at", "trained_by", "activated_at", "made_with"]}),
        ("Stored", {"fields": ["s3_key", "digest", "serving_key", "serving_digest", "dataset_key", "dataset_digest"]}),
    ]
    readonly_fields = ["measured", "made_with"]

    @admin.display(description="scope", ordering="project__key")
    def scope(self, model: MLModel) -> str:
        return model.project.key if model.project else "all projects"

    @admin.display(description="mean error", ordering="mae")
    def error(self, model: MLModel) -> str:
        return _shown(model.mae)

    @admin.display(description="RMSE", ordering="rmse")
    def squared_error(self, model: MLModel) -> str:
        return _shown(model.rmse)

    @admin.display(description="naive baseline's")
    def baseline_error(self, model: MLModel) -> str:
        return _shown(model.metrics.get("baseline_mae"))

    @admin.display(description="measured")
    def measured(self, model: MLModel) -> SafeString:
        return table_of({name: value for name, value in model.metrics.items() if not isinstance(value, (list, dict))})

    @admin.display(description="made with")
    def made_with(self, model: MLModel) -> SafeString:
        return format_html_join(
            "", "{}: {}<br>", sorted((name, str(value)) for name, value in model.provenance.items())
        )

    @admin.action(description="Let the selected model serve", permissions=["decide"])
    def let_serve(self, request: HttpRequest, chosen: QuerySet[MLModel]) -> None:
        def act(model: MLModel) -> MLModel:
            require_sound(model)
            return activate(model, now=timezone.now(), by=signed_in(request))

        self._decide(request, chosen, act, "Activated.")

    @admin.action(description="Roll back from the selected model to the previous one", permissions=["decide"])
    def let_previous_serve(self, request: HttpRequest, chosen: QuerySet[MLModel]) -> None:
        def act(model: MLModel) -> MLModel:
            return roll_back(model.model_type, model.project_id, now=timezone.now(), by=signed_in(request))

        if chosen.filter(is_active=False).exists():
            self.message_user(request, "Select the model that serves: it is rolled back from.", messages.ERROR)
            return
        self._decide(request, chosen, act, "Activated by rolling back.")

    def _decide(
        self, request: HttpRequest, chosen: QuerySet[MLModel], act: Callable[[MLModel], MLModel], done: str
    ) -> None:
        """One model a time: two of one scope cannot both serve, and which comes last should not decide."""
        models = list(chosen.select_related("project")[:2])
        if len(models) != 1:
            self.message_user(request, "Select exactly one model.", messages.ERROR)
            return
        try:
            model = act(models[0])
        except ApplicationError as error:
            self.message_user(request, error.message, messages.ERROR)
            return
        self.log_change(request, model, done)
        self.message_user(request, f"{model} serves now, in every process within five seconds.", messages.SUCCESS)


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnly, admin.ModelAdmin):
    """What was trained, is being trained, and failed with which reason."""

    list_display = ["model_type", "project", "state", "cause", "progress_text", "attempts", "created_at", "finished_at"]
    list_filter = ["model_type", "state", ScopeFilter]
    list_select_related = ["project"]
    search_fields = ["project__key", "failure_reason"]


@admin.register(PredictionHistory)
class PredictionHistoryAdmin(ReadOnly, admin.ModelAdmin):
    """Every answer, and what came of it."""

    list_display = [
        "created_at", "project", "prediction_type", "method", "model_version",
        "predicted_value", "range_low", "range_high", "confidence", "actual_value", "scored_at",
    ]  # fmt: skip
    list_filter = ["prediction_type", MethodFilter, OutcomeFilter]
    list_select_related = ["project"]
    search_fields = ["project__key", "issue__external_id"]
    date_hierarchy = "created_at"
    # Counting a million rows for "1,000,000 in all" takes longer than the page.
    show_full_result_count = False


@admin.register(AnomalyDetection)
class AnomalyDetectionAdmin(Deciding, ReadOnly, admin.ModelAdmin):
    """What was found; whether it was one, and is gone, is decided by the two actions."""

    list_display = [
        "detected_at", "project", "anomaly_type", "severity", "status", "description", "resolved_by", "resolved_at"
    ]  # fmt: skip
    list_filter = ["status", "severity", "anomaly_type"]
    list_select_related = ["project", "resolved_by"]
    search_fields = ["project__key", "anomaly_type"]
    actions = ["resolve", "dismiss"]

    @admin.action(description="Resolve the selected anomalies", permissions=["decide"])
    def resolve(self, request: HttpRequest, chosen: QuerySet[AnomalyDetection]) -> None:
        self._close(request, chosen, resolve_anomaly, "Resolved")

    @admin.action(description="Mark the selected anomalies as false positives", permissions=["decide"])
    def dismiss(self, request: HttpRequest, chosen: QuerySet[AnomalyDetection]) -> None:
        self._close(request, chosen, dismiss_anomaly, "Marked as false positive")

    def _close(
        self, request: HttpRequest, chosen: QuerySet[AnomalyDetection], act: Callable[..., AnomalyDetection], done: str
    ) -> None:
        closed = 0
        for anomaly in chosen:
            try:
                row = act(anomaly, by=signed_in(request), now=timezone.now())
            except ApplicationError as error:
                self.message_user(request, f"{anomaly}: {error.message}", messages.WARNING)
            else:
                self.log_change(request, row, f"{done}.")
                closed += 1
        if closed:
            self.message_user(request, f"{done}: {closed}.", messages.SUCCESS)


# Jobs wait in these lists, too.
cast("Administration", admin.site).notices.append(lambda: missing_workers(timezone.now()))
