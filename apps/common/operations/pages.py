"""Middleware of pages alone."""

from django.contrib.messages.middleware import MessageMiddleware
from django.http import HttpRequest

#: Whatever is asked by programs.
_OF_PROGRAMS = "/api/v1/"


class PageMessages(MessageMiddleware):
    """What is told on the next page: an endpoint tells nothing there, and is spared the storage."""

    def process_request(self, request: HttpRequest) -> None:
        """Open the messages of whoever asks for a page."""
        if not request.path_info.startswith(_OF_PROGRAMS):
            super().process_request(request)
