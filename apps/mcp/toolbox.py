"""The tools as one person has them: with the scopes of a key, and every error in plain words."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from rest_framework.response import Response

from apps.accounts.models import User
from apps.accounts.scopes import Scope
from apps.common.api.problems import problem_response
from apps.mcp.protocol import INTERNAL_ERROR, INVALID_PARAMS, Fault, shown
from apps.mcp.tools import TOOLS, Tool

logger = logging.getLogger(__name__)


class PersonsToolbox:
    """What somebody can ask; `require` refuses a scope that they were not given."""

    def __init__(self, user: User, require: Callable[[Scope], None]) -> None:
        self._user, self._require = user, require

    def listed(self) -> list[dict[str, Any]]:
        return [tool.shown() for tool in TOOLS.values()]

    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The tool's answer, or what is wrong with the question; both are results."""
        tool = TOOLS.get(name)
        if tool is None:
            raise Fault(INVALID_PARAMS, f"There is no such tool. Tools: {', '.join(TOOLS)}.")
        try:
            answer = shown(self._asked(tool, arguments))
        except Exception as error:  # noqa: BLE001 - known errors are told, a bug is logged and raised again as one
            answer = shown({"error": _in_words(name, error)}, is_error=True)
        logger.info("Tool answered tool=%s user=%s refused=%s", name, self._user.pk, answer["isError"])
        return answer

    def _asked(self, tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
        self._require(tool.scope)
        asked = tool.arguments(data=arguments)
        asked.is_valid(raise_exception=True)
        return tool.ask(self._user, asked.validated_data)


def _in_words(name: str, error: Exception) -> str:
    """What the API says of the same error; a bug of ours is logged, and nothing of its text told."""
    response = problem_response(error, {})
    if not isinstance(response, Response):
        logger.error("Tool failed tool=%s", name, exc_info=error)
        raise Fault(INTERNAL_ERROR, "This is a fault of ours; it was logged.") from error
    return " ".join(_sentences(response.data))


def _sentences(problem: dict[str, Any]) -> Iterator[str]:
    yield problem["detail"]
    for each in problem.get("errors", ()):
        yield f"{each['pointer'].strip('/') or 'All together'}: {each['detail']}"
