"""The OpenAPI document as it is served, for programs and for people. What the library does not check is refused.

It changes with the code alone and takes half a second to build, and anybody may ask: a process builds it once.
"""

import gzip
import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseNotModified
from django.utils import translation
from django.utils.http import parse_etags
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.api.problems import PROBLEM_JSON


@dataclass(frozen=True, slots=True)
class _Document:
    """Kept small: 45 kB where it has up to 900, and half a millisecond makes them again."""

    packed: bytes
    #: The same of every process.
    tag: str

    @classmethod
    def of(cls, text: bytes) -> "_Document":
        return cls(gzip.compress(text, mtime=0), f'"{hashlib.sha256(text).hexdigest()[:32]}"')


_BUILDING = threading.Lock()


def _document(kind: str) -> _Document:
    # Who comes while it is built waits for it: each would take as long.
    with _BUILDING:
        return _documents()[kind]


@cache
def _documents() -> Mapping[str, _Document]:
    """By the renderers' formats. In the language of the API, whoever is the first to ask."""
    with translation.override(settings.LANGUAGE_CODE):
        schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
        renderers: tuple[Any, ...] = (OpenApiYamlRenderer(), OpenApiJsonRenderer())
        return {each.format: _Document.of(each.render(schema, renderer_context={})) for each in renderers}


class _TellsProblems(APIView):
    """A problem is a document in JSON here, too; the view's own renderers would write it as YAML, or as no document."""

    def handle_exception(self, exc: Exception) -> Response:
        """As everywhere, and for every reader."""
        response = super().handle_exception(exc)
        self.request.accepted_renderer, self.request.accepted_media_type = JSONRenderer(), PROBLEM_JSON
        return response


class SchemaView(_TellsProblems, SpectacularAPIView):
    """The OpenAPI document, as YAML or JSON; not its own `version` and `lang`."""

    query_parameters = ("format",)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """The document, or that the client has it already."""
        renderer = request.accepted_renderer
        document = _document(str(renderer.format))
        # To be asked about each time: another version of this service tells another one.
        headers = {"ETag": document.tag, "Cache-Control": "no-cache"}
        if _has(request, document.tag):
            return HttpResponseNotModified(headers=headers)
        kind = f"{renderer.media_type}; charset={renderer.charset}" if renderer.charset else renderer.media_type
        named = f'inline; filename="{self._get_filename(request, None)}"'  # type: ignore[no-untyped-call]
        headers |= {"Content-Type": str(kind), "Content-Disposition": named}
        return HttpResponse(gzip.decompress(document.packed), headers=headers)


def _has(request: Request, tag: str) -> bool:
    """Whether the client names it. A proxy that packs an answer makes its tag a weak one."""
    named = [each.removeprefix("W/") for each in parse_etags(request.headers.get("If-None-Match", ""))]
    return tag in named or "*" in named


class DocsView(_TellsProblems, SpectacularSwaggerSplitView):
    """The page that shows it; its script comes from the same address, by the parameter `script`."""

    query_parameters = ("script",)
