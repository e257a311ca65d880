"""Points that a team shall not see before it has voted."""

from uuid import UUID

from apps.common.exceptions import Conflict
from apps.projects.models import Issue, Project


class HiddenUntilVoted(Conflict):
    """Points are hidden until the team has sized the issue itself: name an issue that has points."""

    code = "hidden_until_voted"


def is_hidden(project: Project, story_points: float | None) -> bool:
    """Whether the points recommended for an issue stay hidden, by the points that the team has given it."""
    return project.hides_until_voted and story_points is None


def require_vote(project: Project, issue_id: UUID | None) -> None:
    """Refuse to recommend points where the project hides them until the vote is over, and it is not."""
    if not project.hides_until_voted:
        return
    sized = Issue.objects.filter(project=project, story_points__isnull=False)
    if issue_id is None or not sized.filter(id=issue_id).exists():
        raise HiddenUntilVoted
