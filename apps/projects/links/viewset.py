"""Links of an issue: whoever may change the issue may say what it waits for, of projects that they see."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from apps.projects import selectors
from apps.projects.links.row import IssueLink
from apps.projects.links.selectors import BLOCKS, from_the_side_of, links_of, links_told
from apps.projects.links.serializers import LinkSerializer, NewLinkSerializer
from apps.projects.links.services import link_issues, unlink
from apps.projects.models import Issue, TeamMember
from apps.projects.names.lookup import issue_named, project_named
from apps.projects.permissions import RANKS
from apps.projects.viewsets import ReadViewSet, gone


class LinkViewSet(ReadViewSet):
    """What an issue waits for, and what waits for it."""

    queryset = IssueLink.objects.all()
    serializer_class = LinkSerializer
    lookup_url_kwarg = "link_id"
    role_to_write = TeamMember.Role.MEMBER

    @property
    def issue(self) -> Issue:
        """The issue of the address."""
        return issue_named(self.kwargs["issue_id"], selectors.issues_of(self.project))

    def get_queryset(self) -> QuerySet[IssueLink]:
        return links_told(self.issue, self.request.user)

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """Rows are shown from the side of the address."""
        if args and kwargs.get("many"):
            issue = self.issue
            args = ([from_the_side_of(issue, link) for link in args[0]], *args[1:])
        elif args and isinstance(args[0], IssueLink):
            args = (from_the_side_of(self.issue, args[0]), *args[1:])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(request=NewLinkSerializer, responses={201: LinkSerializer})
    def create(self, request: Request, project_id: str, issue_id: str) -> Response:
        """Say that this issue waits for another, or another for it."""
        issue, asked = self.issue, NewLinkSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        project = project_named(wanted["project"], request.user) if wanted["project"] else self.project
        other = issue_named(wanted["issue"], Issue.objects.filter(project=project))
        blocker, blocked = (issue, other) if wanted["relation"] == BLOCKS else (other, issue)
        self._require_to_write(blocked)
        made = link_issues(blocker, blocked, now=timezone.now)
        # Gone again, if who asks was put out of the team meanwhile.
        link = get_object_or_404(links_of(issue, request.user), pk=made.pk)
        return self.shown(from_the_side_of(issue, link), status.HTTP_201_CREATED)

    def destroy(self, request: Request, project_id: str, issue_id: str, link_id: int) -> Response:
        """Take the link away."""
        link = self.get_object()
        self._require_to_write(link.blocked)
        unlink(link, now=timezone.now)
        return gone()

    def _require_to_write(self, blocked: Issue) -> None:
        """A link changes when the blocked issue can be done: who may not change that issue may not say so."""
        role = selectors.role_of(self.request.user, blocked.project)
        if role is None or RANKS.index(role) < RANKS.index(self.role_to_write):
            raise PermissionDenied("Your role in the project of the issue that waits does not allow this.")
