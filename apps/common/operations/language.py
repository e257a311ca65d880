"""Pages speak the reader's language; programs are answered in one, which their authors can search for."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

#: Whatever is asked by programs, and the description of it.
_OF_PROGRAMS = "/api/"


class ReaderLanguage(LocaleMiddleware):
    """The language of a page by `Accept-Language`; that of the API is English always."""

    def process_request(self, request: HttpRequest) -> None:
        """Choose before anything is told."""
        if request.path_info.startswith(_OF_PROGRAMS):
            translation.activate(settings.LANGUAGE_CODE)
            request.LANGUAGE_CODE = settings.LANGUAGE_CODE
        else:
            super().process_request(request)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Say which it was, and leave none behind: what follows in this thread is another reader's."""
        answer = response if request.path_info.startswith(_OF_PROGRAMS) else super().process_response(request, response)
        translation.deactivate()
        return answer
