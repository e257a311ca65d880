"""What is unusual in a project and at risk in a sprint."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import User
from apps.ml.core.anomalies.rules import project_anomalies
from apps.ml.core.anomalies.series import LASTING_KINDS, LASTING_WEEKS
from apps.ml.core.findings import SEVERITIES, Finding
from apps.ml.core.sprints.risks import sprint_risks
from apps.ml.core.sprints.state import SprintState
from apps.ml.core.sprints.untold import NO_DATES, Untold, untold_risks
from apps.ml.models import AnomalyDetection, PredictionHistory
from apps.ml.selectors.anomalies import project_snapshot
from apps.ml.selectors.issues import issue_titles, named_issues
from apps.ml.selectors.sprints import sprint_state
from apps.ml.selectors.trust import OPEN_STATUSES
from apps.ml.serializers.sprints import SprintRiskSerializer, UntoldSerializer
from apps.ml.services.anomalies.news import URGENT, anomaly_news, risk_news
from apps.ml.services.predictions.record import record_prediction
from apps.ml.services.predictions.switch import require_predictions
from apps.ml.services.sprints.running import Foreseen, foresee, running_sprints
from apps.notifications.services.announcing import announce, one_at_a_time
from apps.projects.erasures import anew_if_erased
from apps.projects.models import Project, Sprint
from apps.projects.unknown_past import standstills_of

logger = logging.getLogger(__name__)

METHOD = "rules"
#: Four weeks, which is what the engine judges: until then the same weeks would raise the same alarm again.
SILENT_AFTER_FALSE_ALARM = timedelta(weeks=4)
SILENT_AFTER_LASTING_CHANGE = timedelta(weeks=LASTING_WEEKS)


class AnomalyDetectionService:
    """Finds anomalies of projects, which are kept, and risks of running sprints, which are answers of the moment.

    Who leads the project is told of both: see `apps.notifications`.
    """

    def detect_project_anomalies(
        self, project_id: UUID | str, *, now: datetime | None = None
    ) -> list[AnomalyDetection]:
        """What the rules find now, severest first, each as its one open row.

        Nothing of a project whose connection is out of step (`unknown_past.Standstill`): that nothing happens there is
        all that would be found. Raises `Project.DoesNotExist` without a project, `PredictionsOff` where nothing is
        predicted for it.
        """
        return anew_if_erased(project_id, partial(self._look, project_id, now or timezone.now()))

    def _look(self, project_id: UUID | str, now: datetime, erased_at: datetime) -> list[AnomalyDetection]:
        project = Project.objects.get(pk=project_id)
        require_predictions(project)
        if standstills_of(project):
            logger.info("A connection is out of step: nothing is looked for project=%s", project.pk)
            return []
        findings = project_anomalies(
            project_snapshot(project.pk, now=now),
            rules="seed" if settings.ML_SEED_ANOMALY_RULES else "measured",
        )
        silenced = _silenced(project, now=now)
        with one_at_a_time(project, erased_at=erased_at):
            rows = [_stored(project, finding, now=now) for finding in findings if not _is_silenced(finding, silenced)]
            announce(project, [anomaly_news(row) for row in rows], now=now)
        logger.info("Looked for anomalies project=%s found=%d", project.pk, len(rows))
        return rows

    def detect_sprint_risks(
        self, sprint_id: UUID | str, *, user: User | None = None, now: datetime | None = None
    ) -> list[dict[str, Any]]:
        """The risks of a running sprint as the API shows them, severest first; none for a sprint that is not running.

        Raises `Sprint.DoesNotExist` without a sprint.
        """
        risks: list[dict[str, Any]] = self.judge_sprint(sprint_id, user=user, now=now)["risks"]
        return risks

    def judge_sprint(
        self, sprint_id: UUID | str, *, user: User | None = None, now: datetime | None = None
    ) -> dict[str, Any]:
        """The same risks, and beside them what could not be judged: an empty list alone would read as good news."""
        now = now or timezone.now()
        sprint = Sprint.objects.select_related("snapshot", "project").get(pk=sprint_id)
        foreseen = next(foresee([sprint], now=now)) if sprint.status == Sprint.Status.ACTIVE else None
        return self._judged(sprint, foreseen, user=user, now=now)

    def _judged(self, sprint: Sprint, foreseen: Foreseen | None, *, user: User | None, now: datetime) -> dict[str, Any]:
        state, risks, untold = _told(sprint, foreseen, now=now)
        held_against = _to_be_held_against(state)
        record_prediction(
            kind=PredictionHistory.Kind.SPRINT_RISK,
            method=METHOD,
            project_id=sprint.project_id,
            user=user,
            sprint_id=sprint.pk,
            input={"sprint_status": sprint.status},
            predicted_value=held_against.get("chance_to_fall_short"),
            details={"risks": [_as_details(risk) for risk in risks]} | held_against,
        )
        titles = issue_titles(sprint.project_id, {issue for risk in risks for issue in risk.issues})
        return {
            "risks": [_shown(risk, titles) for risk in risks],
            "cannot_tell": [UntoldSerializer.of(each) for each in untold],
        }

    def watch_sprints(self, project: Project, *, now: datetime) -> int:
        """Announce the urgent risks of the running sprints, each once for each severity; returns how many were new.

        Of more than `MOST_FORESEEN` those nearest to their end. None of a project whose connection is out of step.
        """
        return anew_if_erased(project.pk, partial(self._watch, project, now))

    def _watch(self, project: Project, now: datetime, erased_at: datetime) -> int:
        if standstills_of(project):
            return 0
        running, _ = running_sprints(project, now=now)
        n_new = 0
        for each in foresee(running, now=now):
            risks = self._judged(each.sprint, each, user=None, now=now)["risks"]
            urgent = [risk_news(each.sprint, risk) for risk in risks if risk["severity"] in URGENT]
            # The sprint's project was read after that moment.
            n_new += announce(each.sprint.project, urgent, now=now, erased_at=erased_at)
        return n_new


def _told(
    sprint: Sprint, foreseen: Foreseen | None, *, now: datetime
) -> tuple[SprintState | None, list[Finding], Sequence[Untold]]:
    if foreseen is not None:
        state = _state(foreseen, now=now)
        risks = sprint_risks(state)
        return state, risks, [*untold_risks(state), *_untold_lately(sprint.project, risks)]
    is_undated = sprint.status == Sprint.Status.PLANNED and sprint.start_date is None and sprint.end_date is None
    why = NO_DATES if is_undated else f"Only a running sprint has risks; this one is {sprint.status}."
    return None, [], [Untold((), why)]


def _untold_lately(project: Project, risks: Sequence[Finding]) -> Iterator[Untold]:
    """What a tracker that is out of step tells too late for these risks."""
    kinds = tuple(risk.kind for risk in risks)
    for each in standstills_of(project):
        yield Untold(kinds, f"Cannot tell what was done lately: {each.sentence()}.")


def _to_be_held_against(state: SprintState | None) -> dict[str, Any]:
    """The chance that the sprint falls short, and of what: its books will tell whether it did."""
    if state is None or state.outlook is None:
        return {}
    outcome = state.outlook.outcome
    return {
        "chance_to_fall_short": 1.0 - outcome.probability,
        "least_amount": outcome.delivering_points,
        "unit": state.outlook.unit,
    }


def _state(foreseen: Foreseen, *, now: datetime) -> SprintState:
    """Sprint and team are read once, for the forecast, the outcome and the rules alike."""
    state = sprint_state(foreseen.sprint, foreseen.past, now=now, calendar=foreseen.team.calendar)
    return replace(state, forecast=foreseen.future.forecast(), outlook=foreseen.future.outlook)


def _silenced(project: Project, *, now: datetime) -> dict[str, int]:
    """Kinds that somebody called false alarms lately, and the rank of the severity they had.

    A lasting change that was dealt with stays true, so it is silent until it is the usual.
    """
    closed = AnomalyDetection.objects.filter(
        project=project,
        sprint=None,
        status__in=(AnomalyDetection.Status.FALSE_POSITIVE, AnomalyDetection.Status.RESOLVED),
        resolved_at__gte=now - SILENT_AFTER_LASTING_CHANGE,
    )
    silenced: dict[str, int] = {}
    for kind, severity, status, closed_at in closed.order_by().values_list(
        "anomaly_type", "severity", "status", "resolved_at"
    ):
        is_recent = closed_at is not None and closed_at >= now - SILENT_AFTER_FALSE_ALARM
        if kind in LASTING_KINDS or (status == AnomalyDetection.Status.FALSE_POSITIVE and is_recent):
            silenced[kind] = max(silenced.get(kind, 0), SEVERITIES.index(severity))
    return silenced


def _is_silenced(finding: Finding, silenced: dict[str, int]) -> bool:
    """What was no alarm stays none, unless it has become worse."""
    return SEVERITIES.index(finding.severity) <= silenced.get(finding.kind, -1)


def _stored(project: Project, finding: Finding, *, now: datetime) -> AnomalyDetection:
    """The open row of this kind with what was found; a new one where there is none."""
    new = AnomalyDetection(project=project, anomaly_type=finding.kind, detected_at=now)
    try:
        with transaction.atomic():
            return _written(_open_rows(project, finding).first() or new, finding)
    except IntegrityError:
        # Another process found the same a moment ago: its row is the open one.
        return _written(_open_rows(project, finding).get(), finding)


def _open_rows(project: Project, finding: Finding) -> QuerySet[AnomalyDetection]:
    # Held: all of the row is written, and what somebody noted in it may be changed meanwhile.
    return AnomalyDetection.objects.select_for_update().filter(
        project=project, anomaly_type=finding.kind, sprint=None, status__in=OPEN_STATUSES
    )


def _written(row: AnomalyDetection, finding: Finding) -> AnomalyDetection:
    row.severity = finding.severity
    row.description = finding.description
    row.affected_metric = finding.metric
    row.expected_value = finding.expected
    row.actual_value = finding.actual
    row.evidence = finding.evidence
    row.mitigation_suggestions = list(finding.mitigation)
    row.save(force_insert=row._state.adding, force_update=not row._state.adding)
    return row


def _as_details(risk: Finding) -> dict[str, str | float]:
    return {"kind": risk.kind, "severity": risk.severity, "expected": risk.expected, "actual": risk.actual}


def _shown(risk: Finding, titles: Mapping[str, dict[str, str]]) -> dict[str, Any]:
    is_completion = risk.metric == "completion_percent"
    return SprintRiskSerializer.of(
        risk,
        expected_completion=risk.expected if is_completion else None,
        actual_completion=risk.actual if is_completion else None,
        issues=named_issues(risk.issues, titles),
    )
