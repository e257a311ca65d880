"""The Model Context Protocol, one message at a time: nothing is remembered between two.

The specification of July 2026 has no session: each request carries its version in `_meta`, and `server/discover` tells
what the server can do. Older clients shake hands (`initialize`); what they ask afterwards is answered alike.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from apps.common.exceptions import ApplicationError

CURRENT = "2026-07-28"
#: Reached by a handshake, newest first.
EARLIER = ("2025-11-25", "2025-06-18")
VERSIONS = (CURRENT, *EARLIER)
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
SERVER_KEY = "io.modelcontextprotocol/serverInfo"
SERVER = {"name": "scrum-ml", "title": "Scrum ML", "version": "1.0.0"}
INSTRUCTIONS = (
    "Figures of a team's own past work. Each answer carries `evidence`: range, the share of past outcomes that such "
    "ranges held, how many outcomes that is measured on, and the method. Tell them with the figure. Where too little "
    "is known the tool refuses: say so, and do not guess in its place."
)
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022
#: The same for whoever asks; a change comes with another version of the server.
TOOLS_FRESH_MS = 3_600_000


class Toolbox(Protocol):
    """What can be asked, by whoever asks."""

    def listed(self) -> list[dict[str, Any]]:
        """The tools as the protocol shows them."""

    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The result of one; raises `Fault` for a tool that does not exist."""


class Fault(ApplicationError):
    """The message is none that can be answered."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.number, self.data = code, data


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back; `body` is None where nothing does."""

    body: dict[str, Any] | None
    #: Of HTTP, where the specification names one.
    status: int = 200


def reply_to(message: Any, toolbox: Toolbox, headers: Mapping[str, str] | None = None) -> Reply:
    """Answer one decoded message; `headers` are those of HTTP, None elsewhere."""
    try:
        request_id, method, params = _read(message)
    except Fault as fault:
        return refusal(fault)
    if "id" not in message:
        # Notifications ask for nothing, and nothing is running that one could cancel.
        return Reply(None, 202)
    is_current = _is_current(method, params, headers)
    try:
        _check_version(method, params, headers, is_current=is_current)
        result = _result(method, params, toolbox, is_current=is_current)
    except Fault as fault:
        return refusal(fault, request_id, is_current=is_current)
    return Reply({"jsonrpc": "2.0", "id": request_id, "result": result})


def refusal(fault: Fault, request_id: Any = None, *, is_current: bool = True) -> Reply:
    """An error of the protocol."""
    error = {"code": fault.number, "message": fault.message} | ({"data": fault.data} if fault.data else {})
    # To clients of before, 404 means that their session is over.
    unknown = 404 if is_current else 200
    status = {METHOD_NOT_FOUND: unknown, INTERNAL_ERROR: 200}.get(fault.number, 400)
    return Reply({"jsonrpc": "2.0", "id": request_id, "error": error}, status)


def _read(message: Any) -> tuple[Any, str, dict[str, Any]]:
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise Fault(INVALID_REQUEST, "One JSON-RPC 2.0 request is needed; there are no batches.")
    request_id, method, params = message.get("id", 0), message.get("method"), message.get("params", {})
    if isinstance(request_id, bool) or not isinstance(request_id, (str, int)):
        raise Fault(INVALID_REQUEST, "The id of a request is a text or a whole number.")
    if not isinstance(method, str) or not isinstance(params, dict):
        raise Fault(INVALID_REQUEST, "A request has a method, which is a text, and params, which are an object.")
    return request_id, method, params


def _is_current(method: str, params: dict[str, Any], headers: Mapping[str, str] | None) -> bool:
    """Whether a request is of the present specification: it says so itself."""
    named = headers is not None and headers.get("MCP-Protocol-Version") == CURRENT
    return named or VERSION_KEY in _meta(params) or method == "server/discover"


def _meta(params: dict[str, Any]) -> dict[str, Any]:
    meta = params.get("_meta")
    return meta if isinstance(meta, dict) else {}


def _check_version(method: str, params: dict[str, Any], headers: Mapping[str, str] | None, *, is_current: bool) -> None:
    version = _meta(params).get(VERSION_KEY) if is_current else (headers or {}).get("MCP-Protocol-Version", EARLIER[0])
    if is_current:
        if missing := [key for key in (VERSION_KEY, CAPABILITIES_KEY) if key not in _meta(params)]:
            raise Fault(INVALID_PARAMS, f"params._meta lacks {' and '.join(missing)}.")
        if not isinstance(version, str):
            raise Fault(INVALID_PARAMS, f"{VERSION_KEY} is a text.")
        _check_headers(method, params, headers)
    if version not in ((CURRENT,) if is_current else EARLIER):
        data = {"supported": list(VERSIONS), "requested": version}
        raise Fault(UNSUPPORTED_VERSION, f"This server speaks {', '.join(VERSIONS)}.", data)


def _check_headers(method: str, params: dict[str, Any], headers: Mapping[str, str] | None) -> None:
    """Whoever routes by headers must not be told something else than we are."""
    if headers is None:
        return
    said = {"MCP-Protocol-Version": _meta(params)[VERSION_KEY], "Mcp-Method": method}
    if method == "tools/call":
        said["Mcp-Name"] = params.get("name")
    if wrong := [name for name, value in said.items() if headers.get(name) != value]:
        raise Fault(HEADER_MISMATCH, f"{', '.join(wrong)} must be what the body says.")


def _result(method: str, params: dict[str, Any], toolbox: Toolbox, *, is_current: bool) -> dict[str, Any]:
    if method == "tools/call":
        result = _called(params, toolbox)
    elif method == "tools/list":
        result = {"tools": toolbox.listed(), **(_FRESH if is_current else {})}
    elif is_current and method == "server/discover":
        result = {"supportedVersions": list(VERSIONS), **_SELF, **_FRESH}
    elif not is_current and method == "initialize":
        asked = params.get("protocolVersion")
        result = {"protocolVersion": asked if asked in EARLIER else EARLIER[0], "serverInfo": SERVER, **_SELF}
    elif not is_current and method == "ping":
        result = {}
    else:
        raise Fault(METHOD_NOT_FOUND, "This server has tools alone: tools/list, tools/call.")
    return {**result, "resultType": "complete", "_meta": {SERVER_KEY: SERVER}} if is_current else result


_SELF = {"capabilities": {"tools": {}}, "instructions": INSTRUCTIONS}
_FRESH = {"ttlMs": TOOLS_FRESH_MS, "cacheScope": "private"}


def _called(params: dict[str, Any], toolbox: Toolbox) -> dict[str, Any]:
    name, arguments = params.get("name"), params.get("arguments") or {}
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise Fault(INVALID_PARAMS, "tools/call takes the name of a tool, a text, and arguments, an object.")
    return toolbox.call(name, arguments)


def shown(content: dict[str, Any], *, is_error: bool = False) -> dict[str, Any]:
    """A tool's answer: as data, and as text for clients that read nothing else."""
    text = content["error"] if is_error else json.dumps(content, ensure_ascii=False, default=str)
    told = {} if is_error else {"structuredContent": json.loads(text)}
    return {"content": [{"type": "text", "text": text}], **told, "isError": is_error}
