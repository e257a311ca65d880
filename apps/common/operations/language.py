"""Pages speak the reader's language; programs are answered in one, which their authors can search for."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from apps.common.api.programs import is_of_program


class ReaderLanguage(LocaleMiddleware):
    """The language of a page by `Accept-Language`; that of the API is English always."""

    def process_request(self, request: HttpRequest) -> None:
        """Choose before anything is told."""
        if is_of_program(request):
            translation.activate(settings.LANGUAGE_CODE)
            request.LANGUAGE_CODE = settings.LANGUAGE_CODE
        else:
            super().process_request(request)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Say which it was, and leave none behind: what follows in this thread is another reader's."""
        answer = response if is_of_program(request) else super().process_response(request, response)
        translation.deactivate()
        return answer
