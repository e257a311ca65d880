"""Links as the API shows and takes them."""

from typing import Any

from rest_framework import serializers

from apps.common.api.serializers import StrictSerializer
from apps.projects.links.selectors import BLOCKED_BY, BLOCKS
from apps.projects.names.fields import IssueName, ProjectName

RELATIONS = {BLOCKED_BY: "waits for the other", BLOCKS: "has to be done before the other"}


class LinkSerializer(serializers.Serializer[Any]):
    """A link from the side of the issue of the address: what the other issue is to it.

    Of an issue that this one waits for in a project that one does not see, only the link is told: all else is null.
    """

    id = serializers.IntegerField()
    relation = serializers.ChoiceField(
        choices=list(RELATIONS), help_text="blocked_by: this issue waits for the other; blocks: the other waits for it."
    )
    issue_id = serializers.UUIDField(source="issue.id", allow_null=True)
    project = serializers.CharField(
        source="issue.project.key", allow_null=True, help_text="Key of the other issue's project."
    )
    key = serializers.CharField(
        source="issue.external_id", allow_null=True, help_text="Of the tracker it came from; empty without one."
    )
    title = serializers.CharField(source="issue.title", allow_null=True)
    status = serializers.CharField(source="issue.status.name", allow_null=True)
    status_category = serializers.CharField(
        source="issue.status.category", allow_null=True, help_text="Once it is done or dropped, nothing waits for it."
    )
    imported_from = serializers.CharField(source="link.source", help_text="Empty for a link made here.")
    created_at = serializers.DateTimeField(source="link.created_at")


class NewLinkSerializer(StrictSerializer):
    """A link to make."""

    relation = serializers.ChoiceField(choices=list(RELATIONS), help_text="What this issue is to the other.")
    issue = IssueName(help_text="Key or id of the other issue.")
    project = ProjectName(
        required=False, default=None, help_text="Key or id of its project, where that is another one."
    )
