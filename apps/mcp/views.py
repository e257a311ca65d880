"""The protocol over HTTP: one message a request, with a key or a token."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.access.models import ApiKey
from apps.accounts.scopes import ASKED, Scope
from apps.accounts.signed_in import signed_in
from apps.mcp.protocol import PARSE_ERROR, Fault, Reply, refusal, reply_to
from apps.mcp.toolbox import PersonsToolbox


class McpView(APIView):
    """Every tool asks for its own scope."""

    key_scope = ASKED
    #: Whatever a tool says is a 200, that it is busy, too; the one that writes sets a figure, which twice is once.
    takes_keys = False

    @extend_schema(exclude=True)
    def post(self, request: Request) -> HttpResponse:
        """Answer a message of an assistant."""
        _refuse_other_sites(request)
        key = request.auth if isinstance(request.auth, ApiKey) else None
        toolbox = PersonsToolbox(signed_in(request), key.require if key else _everything)
        try:
            message: Any = request.data
        except exceptions.ParseError as error:
            return _response(refusal(Fault(PARSE_ERROR, str(error.detail))))
        return _response(reply_to(message, toolbox, request.headers))


def _response(reply: Reply) -> Response:
    # Whatever a client would rather have, the specification says JSON.
    return Response(reply.body, status=reply.status, content_type="application/json" if reply.body else None)


def _refuse_other_sites(request: Request) -> None:
    """No page of a stranger's name that leads here (DNS rebinding) asks in a browser's stead."""
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.get_host():
        raise exceptions.PermissionDenied("Pages of other sites are not answered.")


def _everything(scope: Scope) -> None:
    """A person who is logged in may all that their roles allow."""
