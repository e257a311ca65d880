"""What a replay of the past asks for besides the finished issues."""

from uuid import UUID

from apps.projects.models import Issue


def source_keys(project_id: UUID | str) -> list[str]:
    """Keys that a project's issues with points had where they came from."""
    rows = Issue.objects.filter(project_id=project_id, story_points__gt=0).exclude(external_id="")
    return list(rows.values_list("external_id", flat=True))
