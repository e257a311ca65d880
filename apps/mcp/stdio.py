"""The protocol over standard input and output: a message a line."""

import json
import logging
from collections.abc import Callable
from io import BytesIO
from typing import BinaryIO

from django.db import close_old_connections
from rest_framework.exceptions import ParseError

from apps.common.api.parsers import JSONParser
from apps.common.operations.database_faults import DATABASE_FAULTS
from apps.mcp.protocol import INTERNAL_ERROR, INVALID_REQUEST, PARSE_ERROR, Fault, Reply, Toolbox, refusal, reply_to

logger = logging.getLogger(__name__)

#: As much as a request of the API may hold.
LONGEST_LINE_BYTES = 2_621_440


def serve(lines: BinaryIO, answers: BinaryIO, toolbox: Callable[[], Toolbox]) -> None:
    """Answer until the input ends; `toolbox` is asked for anew each time, since rights may change meanwhile."""
    while line := lines.readline(LONGEST_LINE_BYTES + 1):
        if not line.strip():
            continue
        close_old_connections()
        reply = _answer(line, lines, toolbox)
        if reply.body is not None:
            answers.write(json.dumps(reply.body).encode() + b"\n")
            answers.flush()


def _answer(line: bytes, lines: BinaryIO, toolbox: Callable[[], Toolbox]) -> Reply:
    if len(line) > LONGEST_LINE_BYTES:
        while line and not line.endswith(b"\n"):
            line = lines.readline(LONGEST_LINE_BYTES)
        return refusal(Fault(INVALID_REQUEST, f"A message has at most {LONGEST_LINE_BYTES:,} bytes."))
    try:
        message = JSONParser().parse(BytesIO(line))
    except ParseError as error:
        return refusal(Fault(PARSE_ERROR, str(error.detail)))
    try:
        tools = toolbox()
    except DATABASE_FAULTS as error:
        logger.warning("The database cannot be asked who this is: %s", type(error).__name__)
        if not isinstance(message, dict) or "id" not in message:
            return Reply(None)
        return refusal(Fault(INTERNAL_ERROR, "The database cannot be used now: ask again in a moment."), message["id"])
    return reply_to(message, tools)
