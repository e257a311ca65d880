"""Logging in and out, new passwords, and who one is. Throttled against guessing."""

from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.db.models import prefetch_related_objects
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.tokens import RefreshToken, Token

from apps.accounts import log_ins
from apps.accounts.mails import MailKind
from apps.accounts.models import User
from apps.accounts.passwords import change_password, set_password_by_code
from apps.accounts.scopes import PERSON
from apps.accounts.serializers import (
    CredentialsRequest,
    MeSerializer,
    NewPasswordRequest,
    PasswordChangeRequest,
    PasswordResetRequest,
    RefreshRequest,
    TokensSerializer,
)
from apps.accounts.signed_in import signed_in
from apps.accounts.tasks import mail_soon
from apps.common.api.idempotency import asks_first
from apps.common.api.query import without_body
from apps.common.api.throttling import LogInThrottle


class _OpenView(APIView):
    """For those who are not logged in."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes: tuple[type[BaseThrottle], ...] = (LogInThrottle,)
    # Some client libraries want to know how one would have to log in.
    www_authenticate = 'Bearer realm="api"'

    def get_authenticate_header(self, request: Request) -> str:
        return self.www_authenticate


class TokenView(_OpenView):
    """Exchange e-mail and password for an access and a refresh token."""

    operation_ids = {"": "log_in"}
    # Counted where the password is looked at, as on every page.
    throttle_classes = ()
    serializer_class = CredentialsRequest

    @extend_schema(request=CredentialsRequest, responses=TokensSerializer)
    def post(self, request: Request) -> Response:
        asked = _checked(CredentialsRequest, request)
        user = authenticate(request._request, username=asked["email"], password=asked["password"])
        if not isinstance(user, User):
            raise AuthenticationFailed("No active account found with the given credentials", "no_active_account")
        # What failed before is forgotten.
        user_logged_in.send(sender=User, request=request._request, user=user)
        return _tokens(log_ins.log_in(user, now=timezone.now()))


class RefreshView(_OpenView):
    """Exchange a refresh token for the next access and refresh tokens; it is worthless then."""

    operation_ids = {"": "refresh_tokens"}
    serializer_class = RefreshRequest

    @extend_schema(request=RefreshRequest, responses=TokensSerializer)
    def post(self, request: Request) -> Response:
        return _tokens(log_ins.renew(_refresh_token(request), now=timezone.now()))


class LogOutView(_OpenView):
    """End the log-in of a refresh token, with its access tokens."""

    serializer_class = RefreshRequest

    @extend_schema(request=RefreshRequest, responses={204: None})
    def post(self, request: Request) -> Response:
        log_ins.log_out(_refresh_token(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class LogOutEverywhereView(APIView):
    """End all your log-ins over the API; keys are withdrawn one by one."""

    key_scope = PERSON
    serializer_class = serializers.Serializer

    @without_body(responses={204: None})
    def post(self, request: Request) -> Response:
        log_ins.log_out_everywhere(signed_in(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PasswordView(APIView):
    """Choose a new password; every log-in ends, this one too."""

    operation_ids = {"": "change_password"}
    key_scope = PERSON
    serializer_class = PasswordChangeRequest

    @asks_first
    @extend_schema(request=PasswordChangeRequest, responses={204: None})
    def post(self, request: Request) -> Response:
        asked, person = _checked(PasswordChangeRequest, request), signed_in(request)
        change_password(request._request, person, asked["old_password"], asked["new_password"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class PasswordResetView(_OpenView):
    """Have a code for a new password sent by mail; the answer does not tell whether there is such an account."""

    operation_ids = {"": "request_password_reset"}
    serializer_class = PasswordResetRequest

    @extend_schema(request=PasswordResetRequest, responses={202: None})
    def post(self, request: Request) -> Response:
        mail_soon(MailKind.RESET, _checked(PasswordResetRequest, request)["email"])
        return Response(status=status.HTTP_202_ACCEPTED)


class NewPasswordView(_OpenView):
    """Set a new password with the code from the mail."""

    operation_ids = {"": "reset_password"}
    serializer_class = NewPasswordRequest

    @extend_schema(request=NewPasswordRequest, responses={204: None})
    def post(self, request: Request) -> Response:
        asked = _checked(NewPasswordRequest, request)
        if set_password_by_code(asked["uid"], asked["token"], asked["new_password"]) is None:
            raise ValidationError({"token": "This code is not good, or not any more: ask for another."})
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(APIView):
    """Your account and the projects you are in."""

    serializer_class = MeSerializer

    def get(self, request: Request) -> Response:
        person = signed_in(request)
        prefetch_related_objects([person], "memberships__project")
        return Response(MeSerializer(person).data)


def _checked(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    asked = serializer(data=request.data)
    asked.is_valid(raise_exception=True)
    fields: dict[str, Any] = asked.validated_data
    return fields


def _refresh_token(request: Request) -> RefreshToken:
    text = _checked(RefreshRequest, request)["refresh"]
    try:
        return RefreshToken(text)
    except (TokenError, TypeError, ValueError, OverflowError, OSError) as error:
        raise InvalidToken("This token is not valid, or not any more.") from error


def _tokens(token: RefreshToken) -> Response:
    access: Token = token.access_token
    return Response({"access": str(access), "refresh": str(token)})
