"""Middleware of pages alone."""

from django.contrib.messages.middleware import MessageMiddleware
from django.http import HttpRequest

from apps.common.api.programs import is_of_program


class PageMessages(MessageMiddleware):
    """What is told on the next page: an endpoint tells nothing there, and is spared the storage."""

    def process_request(self, request: HttpRequest) -> None:
        """Open the messages of whoever asks for a page."""
        if not is_of_program(request):
            super().process_request(request)
