"""How texts write an address, whose mailbox `apps.accounts.mailboxes` tells."""

import re
from collections.abc import Iterator

from apps.accounts.mailboxes import as_name_servers_write, mailbox
from apps.accounts.models import User
from apps.common.exceptions import ApplicationError
from apps.common.texts.composing import normalized

#: Letters of any script, since texts name people by whatever they write: no word, key or name is like it.
_SHAPE = re.compile(r"[^\s@]+@[^\s@.]+(\.[^\s@.]+)+")

#: Of people whom a name means: who are told by their addresses.
_MOST_CALLED = 20


class NotAnAddress(ApplicationError):
    """A person is erased by their address, a project by its key with `erase_project`."""

    code = "not_an_address"


def spellings_of(address: str) -> Iterator[str]:
    """Its mailbox, and the same with its host as name servers write it; texts are searched in any case."""
    own = mailbox(address)
    yield own
    local, at, host = own.rpartition("@")
    encoded = f"{local}{at}{as_name_servers_write(host)}"
    # Not where it is no spelling of it (a blank within a host).
    if encoded != own and mailbox(encoded) == own:
        yield encoded


def require_address(text: str) -> None:
    """Raise `NotAnAddress` for what is none."""
    if not _SHAPE.fullmatch(text):
        raise NotAnAddress(f"{NotAnAddress.__doc__} {_told_called(text)}")


def _told_called(name: str) -> str:
    """Who has a name with this in it, by the addresses that erase them: nobody else tells that of an imported one."""
    wanted = _compared(name)
    people = User.objects.exclude(full_name="").order_by("full_name", "email").values_list("full_name", "email")
    called = [f"{full_name}: {email}" for full_name, email in people if wanted and wanted in _compared(full_name)]
    if not called:
        return "Nobody is called so: a part of the name does, and GET /api/v1/projects/KEY/members/ tells addresses."
    more = [f"and {len(called) - _MOST_CALLED} more: tell more of the name"] * (len(called) > _MOST_CALLED)
    return "\n  ".join(["So are called:", *called[:_MOST_CALLED], *more])


def _compared(name: str) -> str:
    return normalized("NFKC", name).casefold().strip()
