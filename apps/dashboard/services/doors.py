"""The doors of a first start: a demonstration, or a project of one's own to bring work into."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from apps.accounts.models import User
from apps.common.api.busy import heavy_question
from apps.common.exceptions import Conflict
from apps.ml.services import AnomalyDetectionService
from apps.ml.services.models.kinds import KINDS
from apps.ml.services.training.jobs import AlreadyTraining, TooManyTrainings, request_training
from apps.projects.demo.story import seed_demo_team
from apps.projects.models import Project, TeamMember
from apps.projects.rows import all_or_nothing


class DemonstrationIsThere(Conflict):
    """The demonstration is here already: ask one of its leads to take you in."""

    code = "demonstration_is_there"


def make_demonstration(*, by: User, now: datetime) -> tuple[Project, Sequence[UUID]]:
    """A made-up team of two years, led by who asked, and the trainings to hand to a worker; seconds of work."""
    heavy_question()
    # Of several at once one makes it: the others' is a second project of its key, and would be a second lead's.
    with all_or_nothing():
        project, is_made = seed_demo_team(now=now)
    if not is_made:
        raise DemonstrationIsThere
    TeamMember.objects.get_or_create(project=project, user=by, defaults={"role": TeamMember.Role.LEAD})
    AnomalyDetectionService().detect_project_anomalies(project.pk, now=now)
    return project, [run for kind in KINDS if (run := _training(kind, project, by=by, now=now))]


def _training(kind: str, project: Project, *, by: User, now: datetime) -> UUID | None:
    try:
        return request_training(kind, project.pk, cause="demonstration", by=by, now=now).pk
    except (AlreadyTraining, TooManyTrainings):
        return None
