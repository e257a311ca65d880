"""Who asks: programs are answered in problem documents and in English, people in pages and in their language."""

from django.http import HttpRequest

#: Below these programs ask, and read the description of what they may ask; beside them, people.
_OF_PROGRAMS = ("/api/", "/mcp")


def is_of_program(request: HttpRequest) -> bool:
    """Whether a program asks, as its address tells."""
    return request.path_info.startswith(_OF_PROGRAMS)
