"""Completed sprints as a model of sprints learns from them."""

from collections import defaultdict
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from apps.ml.core.sprints.learned.lessons import SprintLesson, lessons_of
from apps.ml.selectors.registry import sprints_to_learn_from
from apps.ml.selectors.sprints import HISTORY_SPRINTS, completed_by, pasts_by_sprint
from apps.projects.models import Sprint


def sprint_lessons(project_id: UUID | str | None) -> list[SprintLesson]:
    """Completed sprints of a project, or with None of all that are predicted for, oldest first.

    As many queries as projects: the issues of all sprints of one are read together.
    """
    scope = Q(project__predictions_enabled=True) if project_id is None else Q(project_id=project_id)
    by_project: dict[UUID, list[Sprint]] = defaultdict(list)
    rows = sprints_to_learn_from().filter(scope)
    now = timezone.now()
    for sprint in completed_by(now, rows, newest=rows.count()):
        by_project[sprint.project_id].append(sprint)
    lessons = []
    for project, sprints in by_project.items():
        timelines = pasts_by_sprint(sprints, now=now)
        lessons += lessons_of(str(project), [timelines[sprint.pk] for sprint in sprints], most_past=HISTORY_SPRINTS)
    return sorted(lessons, key=lambda lesson: (lesson.completed_at, lesson.sprint_id))
