"""How texts write an address, whose mailbox `apps.accounts.mailboxes` tells."""

import re
from collections.abc import Iterator

from apps.accounts.mailboxes import as_name_servers_write, mailbox
from apps.common.exceptions import ApplicationError

#: Letters of any script, since texts name people by whatever they write: no word, key or name is like it.
_SHAPE = re.compile(r"[^\s@]+@[^\s@.]+(\.[^\s@.]+)+")


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
        raise NotAnAddress
