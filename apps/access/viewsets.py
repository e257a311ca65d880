"""Keys of the person who asks; invitations of a project, and those to oneself."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.access import invitations, keys
from apps.access.models import ApiKey, Invitation
from apps.access.serializers import (
    InvitationRequest,
    InvitationSerializer,
    KeyRequest,
    KeySerializer,
    NewKeySerializer,
    ReceivedInvitationSerializer,
)
from apps.accounts.scopes import PERSON
from apps.accounts.signed_in import signed_in
from apps.common.api.query import without_body
from apps.projects.permissions import LeadsOnly
from apps.projects.serializers import MemberSerializer
from apps.projects.viewsets import ReadViewSet, gone


class KeyViewSet(ListModelMixin, GenericViewSet[ApiKey]):
    """Your API keys, the latest first. No key makes or withdraws keys: only you do, logged in."""

    key_scope = PERSON
    queryset = ApiKey.objects.all()
    serializer_class = KeySerializer
    lookup_url_kwarg = "key_id"

    def get_queryset(self) -> QuerySet[ApiKey]:
        return keys.keys_of(signed_in(self.request))

    @extend_schema(request=KeyRequest, responses={201: NewKeySerializer})
    def create(self, request: Request) -> Response:
        """Make a key; the answer is the only one that shows it."""
        asked = KeyRequest(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        key, text = keys.create_key(signed_in(request), now=timezone.now(), **asked.validated_data)
        shown = NewKeySerializer(key, context={**self.get_serializer_context(), "key": text})
        return Response(shown.data, status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, key_id: UUID) -> Response:
        """Withdraw the key: it opens nothing from now on."""
        self.get_object().delete()
        return gone()


class ProjectInvitationViewSet(ReadViewSet):
    """Invitations of the project that wait for an answer."""

    permission_classes = [IsAuthenticated, LeadsOnly]
    throttle_scope = "invitations"
    queryset = Invitation.objects.all()
    serializer_class = InvitationSerializer
    lookup_url_kwarg = "invitation_id"

    def get_queryset(self) -> QuerySet[Invitation]:
        return invitations.invitations_of(self.project, now=timezone.now())

    def get_serializer_class(self) -> type[Any]:
        return InvitationRequest if self.action == "create" else InvitationSerializer

    @extend_schema(responses={201: InvitationSerializer})
    def create(self, request: Request, project_id: str) -> Response:
        """Invite somebody by address; the answer is the same with and without an account."""
        made = invitations.invite(self.project, by=signed_in(request), now=timezone.now(), **self.validated())
        return self.shown(made, status.HTTP_201_CREATED)

    def destroy(self, request: Request, project_id: str, invitation_id: str) -> Response:
        """Withdraw an invitation."""
        self.get_object().delete()
        return gone()


class ReceivedInvitationViewSet(ListModelMixin, GenericViewSet[Invitation]):
    """Teams that you are invited to."""

    key_scope = PERSON
    operation_ids = {"list": "list_received_invitations"}
    queryset = Invitation.objects.all()
    serializer_class = ReceivedInvitationSerializer
    lookup_url_kwarg = "invitation_id"

    def get_queryset(self) -> QuerySet[Invitation]:
        return invitations.invitations_to(signed_in(self.request), now=timezone.now())

    @without_body(responses={201: MemberSerializer})
    def accept(self, request: Request, invitation_id: UUID) -> Response:
        """Join the team."""
        member = invitations.accept(self.get_object(), by=signed_in(request), now=timezone.now())
        return Response(MemberSerializer(member).data, status=status.HTTP_201_CREATED)

    @without_body(responses={204: None})
    def decline(self, request: Request, invitation_id: UUID) -> Response:
        """Decline; whoever invited you is not told."""
        get_object_or_404(self.get_queryset(), pk=invitation_id).delete()
        return gone()
