"""JWT endpoints, throttled against guessing, and who one is."""

from django.db.models import prefetch_related_objects
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from apps.accounts.serializers import MeSerializer
from apps.accounts.signed_in import signed_in


class TokenView(TokenObtainPairView):
    """Exchange e-mail and password for an access and a refresh token."""

    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "login"


class RefreshView(TokenRefreshView):
    """Exchange a refresh token for a new access token."""

    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "login"


class MeView(APIView):
    """Your account and the projects you are in."""

    serializer_class = MeSerializer

    def get(self, request: Request) -> Response:
        person = signed_in(request)
        prefetch_related_objects([person], "memberships__project")
        return Response(MeSerializer(person).data)
