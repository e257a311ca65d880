"""Who sent a request."""

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from apps.accounts.models import User


def signed_in(request: Request | HttpRequest) -> User:
    """The person; raises `NotAuthenticated` (401) where nobody has logged in."""
    if isinstance(request.user, AnonymousUser):
        raise NotAuthenticated
    return request.user
