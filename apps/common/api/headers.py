"""Headers of requests and of the parts of forms: read in time that grows with their length, without a fault.

Django leaves parameters (`; charset=…`) and cookies to the standard library. That raises what nobody catches, before
any middleware (`x*=1; x*0=2`), and takes time in the square of the length: for parameters in each release of Python,
for cookies in earlier patch releases of those that we support (CVE-2024-7592).
"""

import http.cookies
import re
import sys
from collections.abc import Mapping
from functools import wraps
from typing import Any

from django.utils import http as django_http

#: Bytes of one header, all lines of its name together: what gunicorn takes in one line, and Apache and nginx, too.
LONGEST_HEADER = 8_190
#: Characters of a value with its parameters; those of a longer one are not read. Django's own bound for parts of forms.
LONGEST_WITH_PARAMETERS = 1_024

_ESCAPED = re.compile(r"\\(?:([0-3][0-7][0-7])|(.))")
_STEERING = re.compile("[\x00-\x1f\x7f]")
_by_django = django_http.parse_header_parameters


def too_long_of(headers: Mapping[str, Any]) -> str:
    """The name of a header that is too long, or an empty text."""
    for key, value in headers.items():
        # By its length first: this is done for every request.
        if value.__class__ is str and len(value) > LONGEST_HEADER and key.startswith("HTTP_"):
            return key.removeprefix("HTTP_").replace("_", "-").title()
    return ""


@wraps(_by_django)
def parameters(line: str) -> tuple[str, dict[str, str]]:
    """A value and its parameters, in lower case; without parameters where they cannot be read.

    Never with `charset`: JSON and forms are UTF-8 here, and by `charset=rot13` Django fails before any view.
    """
    if len(line) <= LONGEST_WITH_PARAMETERS:
        try:
            value, found = _by_django(line)
        except (TypeError, ValueError, LookupError):
            pass
        else:
            found.pop("charset", None)
            return value, found
    return line.partition(";")[0].strip().lower(), {}


def cookie_value(text: str) -> str:
    """The value of a cookie, out of its quotes; empty where it would hold a control character, which no text does."""
    if not text or len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    value = _ESCAPED.sub(_meant, text[1:-1])
    return "" if _STEERING.search(value) else value


def _meant(escaped: re.Match[str]) -> str:
    return chr(int(escaped[1], 8)) if escaped[1] else escaped[2]


def read_headers_safely() -> None:
    """Put these in the place of what Django and Django REST framework call, in what is loaded and what will be."""
    for module in list(sys.modules.values()):
        if getattr(module, "__dict__", {}).get(_by_django.__name__) is _by_django:
            setattr(module, _by_django.__name__, parameters)
    http.cookies._unquote = cookie_value  # type: ignore[assignment] # nobody asks for the value of None
