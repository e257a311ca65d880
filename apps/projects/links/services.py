"""Linking issues, and taking links away; each tells the project of the blocked issue that its figures are old."""

from datetime import datetime

from apps.projects.history.moments import When, moment_of
from apps.projects.links.row import IssueLink
from apps.projects.models import Issue
from apps.projects.rows import all_or_nothing, enter, insert, lock_issues


@all_or_nothing()
def link_issues(blocker: Issue, blocked: Issue, *, now: When) -> IssueLink:
    """Make one issue wait for another; a circle is no error here, it is named where it matters."""
    enter(blocker.project_id, blocked.project_id)
    lock_issues([blocker.pk, blocked.pk])
    at = moment_of(now)
    link = insert(IssueLink(blocker=blocker, blocked=blocked, created_at=at))
    _touch(link, at)
    return link


@all_or_nothing()
def unlink(link: IssueLink, *, now: When) -> None:
    """Take a link away; one that an import told comes back with the next one that tells it."""
    enter(link.blocked.project_id)
    lock_issues([link.blocked_id])
    link.delete()
    _touch(link, moment_of(now))


def _touch(link: IssueLink, at: datetime) -> None:
    # What is told of a project is told anew once an issue of it has changed.
    Issue.objects.filter(pk=link.blocked_id).update(updated_at=at)
