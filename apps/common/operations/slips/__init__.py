"""Slips in the settings that a type cannot tell: found at start and by every `./run manage check`.

Each is told with what would be right. The web server and the worker do not start with an error, because what fails
later fails in somebody's request; a warning is of what may be meant, and is logged. `check --deploy` tells both.
"""

import logging
import re
import sys
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, run_checks

logger = logging.getLogger(__name__)

#: Checks under this tag ask nobody and are run before anything is served.
SETTINGS = "settings"
_NEITHER = ' \t\r\n\\"<>^`{|}'
#: Of an escape: what steers a terminal or ends a line, and what is no escape at all.
_STEERING = re.compile(r"%(?:[01][0-9a-f]|7f|(?![0-9a-f]{2}))", re.IGNORECASE)


def refuse_slips(*, is_told_later: bool = False) -> None:
    """End the process, saying why, if a setting cannot be right; what may be meant is logged, unless it is later."""
    told = run_checks(tags=[SETTINGS], include_deployment_checks=True)
    if slips := [found for found in told if found.is_serious()]:
        sys.exit("\n".join(map(_in_a_line, slips)))
    for found in () if is_told_later else told:
        logger.warning("%s", _in_a_line(found))


def _in_a_line(found: CheckMessage) -> str:
    return f"settings: {found.msg} {found.hint or ''}".rstrip()


def slip_in_url(url: str, *, schemes: tuple[str, ...]) -> str:
    """What is wrong with an address, as the end of a sentence; empty if nothing is.

    The address itself is not repeated: it may hold a password.
    """
    if any(character in _NEITHER or not character.isprintable() for character in url):
        return "holds a space or another character that no address has"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "has a port that is none; ports go from 1 to 65535"
    host = parts.hostname or ""
    slips = (
        (parts.scheme not in schemes, f"does not begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"),
        (not host, "names no host"),
        (port == 0, "has a port that is none; ports go from 1 to 65535"),
        # Behind the % of an address of IPv6 stands which way it lies.
        ("%" in host and ":" not in host, "names a host with a %, which no name of a host has"),
        (_STEERING.search(parts.path), "holds a % that stands for no letter, or for one that no address has"),
        (parts.fragment, "ends with a fragment (#…); a # in a password is written %23"),
    )
    return next((told for is_so, told in slips if is_so), "")
