"""Requests of programs: `Authorization: Bearer sml_…`."""

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from apps.access.keys import MARK, key_with
from apps.access.models import ApiKey
from apps.accounts.models import User
from apps.accounts.scopes import ASKED, PERSON, scope_needed


class KeyAuthentication(BaseAuthentication):
    """The person of the key, confined to its project; `request.auth` is the key.

    Scopes are checked here and not in a permission: no view can forget it.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        kind, _, text = get_authorization_header(request).partition(b" ")
        if kind.lower() != b"bearer" or not text.startswith(MARK.encode()):
            return None
        key = key_with(text.decode("latin-1"), now=timezone.now())
        if key is None:
            raise AuthenticationFailed("This key is unknown, withdrawn or expired.")
        # For the log and for limits: a key that is refused here is known nevertheless, and so is its person.
        request._request.api_key = key  # type: ignore[attr-defined]
        _require_scope(key, request)
        key.user.confined_to = key.project_id
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def _require_scope(key: ApiKey, request: Request) -> None:
    needed = scope_needed((request.parser_context or {}).get("view"), str(request.method))
    if needed == PERSON:
        raise PermissionDenied("No key does this: log in.")
    if needed != ASKED:
        key.require(needed)


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes it."""

    target_class = "apps.access.authentication.KeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key (`sml_…`) in place of a token."}
