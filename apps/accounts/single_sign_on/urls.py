"""Addresses of single sign-on. They are there when it is off too, and then lead nowhere."""

from importlib import import_module

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET


def _view(name: str, request: HttpRequest) -> HttpResponseBase:
    """Answered by the views, which are loaded with the library at the first request only."""
    if not settings.OIDC_ISSUER:
        raise Http404("Single sign-on is off.")
    answer: HttpResponseBase = getattr(import_module("apps.accounts.single_sign_on.views"), name).as_view()(request)
    return answer


@require_GET
@never_cache
def away(request: HttpRequest) -> HttpResponseBase:
    """Send the browser to the provider."""
    return _view("Away", request)


@require_GET
@never_cache
def back(request: HttpRequest) -> HttpResponseBase:
    """Where the provider sends it back to."""
    return _view("Back", request)


urlpatterns = [
    path("", away, name="single-sign-on"),
    path("back/", back, name="single-sign-on-back"),
]
