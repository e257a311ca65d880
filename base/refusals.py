"""What the server itself refuses, before any application has seen it, as problem documents like all others."""

import json

from gunicorn.http import errors

#: Characters of a refusal's reason.
MOST_DETAIL = 200


def refusal(status: int, title: str, detail: str, code: str) -> bytes:
    """An answer with a problem document, as the application writes them."""
    problem = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
    body = json.dumps(problem).encode()
    head = f"HTTP/1.1 {status} {title}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


#: What gunicorn refuses while it reads the headers, by the error it raises, most special first; its words are kept.
REFUSALS = (
    (errors.InvalidResponseHeader, 500, "Internal Server Error", "error"),
    (errors.InvalidResponseHeaderName, 500, "Internal Server Error", "error"),
    (errors.ConfigurationProblem, 500, "Internal Server Error", "error"),
    (errors.LimitRequestLine, 414, "URI Too Long", "uri_too_long"),
    (errors.LimitRequestHeaders, 431, "Request Header Fields Too Large", "headers_too_large"),
    (errors.ExpectationFailed, 417, "Expectation Failed", "expectation_failed"),
    (errors.UnsupportedTransferCoding, 501, "Not Implemented", "unsupported_transfer_coding"),
    (errors.ForbiddenProxyRequest, 403, "Forbidden", "forbidden"),
    (errors.ParseException, 400, "Bad Request", "bad_request"),
    (Exception, 500, "Internal Server Error", "error"),
)


def refusal_of(error: Exception) -> tuple[int, bytes]:
    """Status and answer for what no application has seen."""
    _, status, title, code = next(row for row in REFUSALS if isinstance(error, row[0]))
    # A fault of ours is nobody's to read; what a client has sent, it knows.
    detail = "This is a fault of ours; it was logged." if status == 500 else f"{error}"[:MOST_DETAIL]
    return status, refusal(status, title, detail, code)
