"""The broker that is a folder: kombu's, whose messages are whole or not there.

kombu opens a message's file in the folder and then writes it; a worker that looks in between reads nothing, takes that
for a broken connection and ends, and the message is lost. Seen on a busy machine.
"""

import logging
import os
import re
import time
import uuid
from contextlib import suppress
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

from apps.common.operations.unnamed_files import LEFT_AFTER

logger = logging.getLogger(__name__)

#: As a message is called while it is written.
_ASIDE = re.compile(r"\.\d+_[0-9a-f-]{36}\..+\.msg\.part")


class FolderChannel(filesystem.Channel):
    """Messages come into the folder under their name when they are written."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._forget_what_was_left()

    def _forget_what_was_left(self) -> None:
        """By processes that were killed before their message had its name; the work is a row, and asked for again."""
        with suppress(OSError), os.scandir(self.data_folder_out) as entries:
            for entry in [entry for entry in entries if _ASIDE.fullmatch(entry.name)]:
                with suppress(OSError):
                    if time.time() - entry.stat().st_mtime >= LEFT_AFTER.total_seconds():
                        os.unlink(entry.path)

    def _put(self, queue: str, message: Any, **_: Any) -> None:  # type: ignore[override] # as kombu calls it
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        # No queue is called so: nobody takes it.
        aside = Path(self.data_folder_out) / f".{name}.part"
        try:
            aside.write_bytes(dumps(message).encode())
            os.replace(aside, aside.with_name(name))
        except OSError as error:
            raise ChannelError(f"The message {name!r} cannot be written.") from error

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        try:
            return super()._get(queue)
        except ValueError as error:
            # Left by a crash or a full disk. The work is a row as well: the next minute asks for it again.
            logger.error("A message could not be read and is gone queue=%s: %s", queue, type(error).__name__)
            raise Empty from error


class FolderTransport(filesystem.Transport):
    """Transport of the folder."""

    Channel = FolderChannel


def use() -> None:
    """Make it what `filesystem://` means, wherever a broker is named so."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:{FolderTransport.__name__}"
