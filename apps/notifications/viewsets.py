"""Notifications of the person who asks, and webhooks for those who lead a project."""

from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.functional import cached_property
from django_filters import ChoiceFilter, FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.accounts.scopes import PERSON
from apps.accounts.signed_in import signed_in
from apps.common.api.idempotency import answered_by, asks_first
from apps.common.api.query import without_body
from apps.notifications import selectors
from apps.notifications.models import Delivery, Webhook
from apps.notifications.serializers import (
    DeliverySerializer,
    NewWebhookSerializer,
    NotificationSerializer,
    PreferenceSerializer,
    ReadAllAnswer,
    ReadAllRequest,
    SecretSerializer,
    WebhookSerializer,
)
from apps.notifications.services import announcing, inbox, webhooks
from apps.notifications.tasks import send_soon
from apps.projects.filters import YesNoFilter
from apps.projects.names.fields import ProjectNameFilter
from apps.projects.permissions import LeadsOnly
from apps.projects.viewsets import ReadViewSet, gone


class NotificationFilter(FilterSet):
    """What the list can be narrowed to."""

    unread = YesNoFilter("read_at", lookup_expr="isnull")
    project = ProjectNameFilter("notification__project")

    class Meta:
        model = Delivery
        fields: list[str] = []


class NotificationViewSet(ListModelMixin, GenericViewSet[Delivery]):
    """What you were told, the latest first."""

    key_scope = PERSON
    queryset = Delivery.objects.all()
    serializer_class = NotificationSerializer
    filterset_class = NotificationFilter
    lookup_url_kwarg = "notification_id"

    def get_queryset(self) -> QuerySet[Delivery]:
        return selectors.inbox_of(self.request.user)

    @without_body(responses={200: NotificationSerializer})
    def read(self, request: Request, notification_id: UUID) -> Response:
        """Mark one as read."""
        found = self.get_object()
        inbox.mark_read(Delivery.objects.filter(pk=found.pk), now=timezone.now())
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=ReadAllRequest, responses={200: ReadAllAnswer}, filters=False)
    def read_all(self, request: Request) -> Response:
        """Mark all as read, or all of one project."""
        asked = ReadAllRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        mine, project = self.get_queryset(), asked.validated_data["project"]
        marked = inbox.mark_read(ProjectNameFilter("notification__project").filter(mine, project), now=timezone.now())
        return Response({"marked": marked})

    @extend_schema(responses={200: PreferenceSerializer}, filters=False)
    def preferences(self, request: Request) -> Response:
        """What you want to be sent."""
        return Response(PreferenceSerializer(selectors.preference_of(signed_in(request))).data)

    @extend_schema(request=PreferenceSerializer, responses={200: PreferenceSerializer})
    def choose(self, request: Request) -> Response:
        """Change what you want to be sent."""
        asked = PreferenceSerializer(selectors.preference_of(signed_in(request)), data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        return Response(PreferenceSerializer(inbox.choose(signed_in(request), **asked.validated_data)).data)


class WebhookViewSet(ReadViewSet):
    """Addresses that the project's news are posted to."""

    operation_ids = {"rotate_secret": "rotate_webhook_secret"}
    permission_classes = [IsAuthenticated, LeadsOnly]
    queryset = Webhook.objects.all()
    serializer_class = WebhookSerializer
    lookup_url_kwarg = "webhook_id"

    def get_queryset(self) -> QuerySet[Webhook]:
        return selectors.webhooks_of(self.project)

    @asks_first
    @extend_schema(responses={201: NewWebhookSerializer})
    def create(self, request: Request, project_id: str) -> Response:
        """Add an address; the answer is the only one that shows the secret."""
        # Asks a name server.
        asked = self.validated()

        def make() -> Response:
            webhook, secret = webhooks.create_webhook(self.project, by=signed_in(request), now=timezone.now(), **asked)
            return Response({**WebhookSerializer(webhook).data, "secret": secret}, status=status.HTTP_201_CREATED)

        return answered_by(make)

    def partial_update(self, request: Request, project_id: str, webhook_id: str) -> Response:
        webhook = self.get_object()
        return self.shown(webhooks.update_webhook(webhook, by=signed_in(request), **self.validated(webhook)))

    def destroy(self, request: Request, project_id: str, webhook_id: str) -> Response:
        """Delete the address with the log of what was sent there."""
        self.get_object().delete()
        return gone()

    @without_body(responses={200: SecretSerializer})
    def rotate_secret(self, request: Request, project_id: str, webhook_id: str) -> Response:
        """Replace the secret; what is sent from now on is signed with the new one."""
        return Response({"secret": webhooks.rotate_secret(self.get_object(), by=signed_in(request))})

    @without_body(responses={202: DeliverySerializer})
    def test(self, request: Request, project_id: str, webhook_id: str) -> Response:
        """Send a ping, the way everything is sent; the log of deliveries shows what came of it."""
        delivery = announcing.ping(self.get_object(), now=timezone.now())
        transaction.on_commit(send_soon)
        return Response(DeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)


class DeliveryFilter(FilterSet):
    """What the log can be narrowed to."""

    state = ChoiceFilter(choices=Delivery.State.choices)

    class Meta:
        model = Delivery
        fields: list[str] = []


class DeliveryViewSet(ReadViewSet):
    """What was sent to a webhook, the latest first, with every try."""

    permission_classes = [IsAuthenticated, LeadsOnly]
    queryset = Delivery.objects.all()
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter

    def get_queryset(self) -> QuerySet[Delivery]:
        return selectors.log_of(self.webhook)

    @cached_property
    def webhook(self) -> Webhook:
        """The one in the address, of this project."""
        return get_object_or_404(selectors.webhooks_of(self.project), pk=self.kwargs["webhook_id"])
