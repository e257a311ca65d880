"""Addresses of keys and invitations."""

from django.urls import path

from apps.access.viewsets import KeyViewSet, ProjectInvitationViewSet, ReceivedInvitationViewSet
from apps.projects.urls import MANY, PROJECT

#: Below `/api/v1/auth/keys/`.
key_urlpatterns = [
    path("", KeyViewSet.as_view(MANY), name="key-list"),
    path("<uuid:key_id>/", KeyViewSet.as_view({"delete": "destroy"}), name="key-detail"),
]

#: Below `/api/v1/projects/`.
project_urlpatterns = [
    path(f"{PROJECT}invitations/", ProjectInvitationViewSet.as_view(MANY), name="invitation-list"),
    path(
        f"{PROJECT}invitations/<uuid:invitation_id>/",
        ProjectInvitationViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="invitation-detail",
    ),
]

#: Below `/api/v1/invitations/`.
urlpatterns = [
    path("", ReceivedInvitationViewSet.as_view({"get": "list"}), name="received-invitations"),
    path(
        "<uuid:invitation_id>/accept/",
        ReceivedInvitationViewSet.as_view({"post": "accept"}),
        name="accept-invitation",
    ),
    path(
        "<uuid:invitation_id>/decline/",
        ReceivedInvitationViewSet.as_view({"post": "decline"}),
        name="decline-invitation",
    ),
]
