"""The broker that is a folder: kombu's, with whole messages only, and a folder for each queue.

kombu opens a message's file in the folder and then writes it; a worker that looks in between reads nothing, takes that
for a broken connection and ends, and the message is lost. Seen on a busy machine. And it looks for the next message of
a queue among those of all, twenty times a second: what waits for one worker costs each other one its time. Which queues
there are it writes into a file in place, without a lock at first: one that is torn by a full disk, a power cut or three
workers that start at once kept all of them from starting, for good.
"""

import fcntl
import logging
import os
import re
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.transport.filesystem import exchange_queue_t
from kombu.utils.json import dumps, loads

from apps.common.operations.unnamed_files import LEFT_AFTER, coming_to

logger = logging.getLogger(__name__)

#: As a message is called while it is written or read.
_ASIDE = re.compile(r"\.\d+_[0-9a-f-]{36}\..+\.msg\.part")


class FolderChannel(filesystem.Channel):
    """Messages come into the folder of their queue under their name when they are written."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        root = Path(self.data_folder_out)
        with suppress(OSError):
            for each in root.iterdir():
                if each.is_dir():
                    _forget_what_was_left(each)
                elif each.suffix == ".msg" and not each.name.startswith("."):
                    self._take_over(each)
        _forget_what_was_left(root)

    def _take_over(self, message: Path) -> None:
        """An earlier version left it in the one folder of all queues; perhaps another process is as fast."""
        folder = self._folder(message.name.partition(".")[2].removesuffix(".msg"))
        folder.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            os.replace(message, folder / message.name)

    def _folder(self, queue: str) -> Path:
        return Path(self.data_folder_out) / queue

    def _names(self, queue: str) -> list[str]:
        """Of the messages that wait, oldest first."""
        try:
            return sorted(name for name in os.listdir(self._folder(queue)) if not name.startswith("."))
        except FileNotFoundError:
            return []

    def _put(self, queue: str, message: Any, **_: Any) -> None:  # type: ignore[override] # as kombu calls it
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        # Nobody takes what is called so.
        aside = self._folder(queue) / f".{name}.part"
        try:
            aside.parent.mkdir(exist_ok=True)
            aside.write_bytes(dumps(message).encode())
            os.replace(aside, aside.with_name(name))
        except OSError as error:
            raise ChannelError(f"The message {name!r} cannot be written.") from error

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        for name in self._names(queue):
            mine = self._folder(queue) / f".{name}.part"
            try:
                os.replace(mine.with_name(name), mine)
            except OSError:
                # Another process's by now.
                continue
            try:
                return loads(mine.read_bytes().decode())
            except ValueError as error:
                # Left by a crash or a full disk. The work is a row as well: the next minute asks for it again.
                logger.error("A message could not be read and is gone queue=%s: %s", queue, type(error).__name__)
                break
            finally:
                mine.unlink(missing_ok=True)
        raise Empty

    def _size(self, queue: str) -> int:
        return len(self._names(queue))

    def _purge(self, queue: str) -> int:
        names = self._names(queue)
        for name in names:
            (self._folder(queue) / name).unlink(missing_ok=True)
        return len(names)

    # --- Which queues there are ---------------------------------------------------------------------------------------
    def get_table(self, exchange: str) -> list[Any]:
        table, own = self._bound(exchange), self._own(exchange)
        return self._change(exchange) if table is None or not set(own) <= set(table) else table

    def _queue_bind(self, exchange: str, routing_key: str, pattern: Any, queue: str) -> None:
        self._change(exchange, comes=[exchange_queue_t(routing_key or "", pattern or "", queue or "")])

    def _delete(self, queue: str, exchange: str, routing_key: str, pattern: Any, *_: Any, **__: Any) -> None:
        self._purge(queue)
        self._change(exchange, goes=[exchange_queue_t(routing_key or "", pattern or "", queue or "")])

    def _bound(self, exchange: str) -> list[Any] | None:
        """What is bound to the exchange; None where the file cannot be read."""
        try:
            return [exchange_queue_t(*map(str, row)) for row in loads(self._file_of(exchange).read_bytes().decode())]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError):
            return None
        except OSError as error:
            raise ChannelError(f"The queues of {exchange!r} cannot be read.") from error

    def _file_of(self, exchange: str) -> Path:
        return Path(self._exchange_file(exchange))  # type: ignore[attr-defined] # its stub lacks it

    def _own(self, exchange: str) -> list[Any]:
        """What this process has bound, and binds no second time."""
        bindings = list(self.state.bindings or ())
        return [exchange_queue_t(each.routing_key or "", "", each.queue) for each in bindings if each[1] == exchange]

    def _change(self, exchange: str, *, comes: Collection[Any] = (), goes: Collection[Any] = ()) -> list[Any]:
        """One process at a time; what this process has bound is there in any case, whatever became of the file."""
        try:
            self.control_folder.mkdir(exist_ok=True)
            with _alone(self.control_folder / ".lock"):
                table = self._bound(exchange)
                if table is None:
                    logger.warning("Which queues %r has could not be read, and is written anew.", exchange)
                known = dict.fromkeys([*(table or ()), *self._own(exchange), *comes])
                changed = [row for row in known if row not in goes]
                if changed != table:
                    with coming_to(self._file_of(exchange), prefix=".exchange.", begins=b"[") as file:
                        file.write(dumps(changed).encode())
        except OSError as error:
            raise ChannelError(f"The queues of {exchange!r} cannot be written.") from error
        return changed


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _forget_what_was_left(folder: Path) -> None:
    """By processes that were killed while they wrote or read it; the work is a row, and asked for again."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in [entry for entry in entries if _ASIDE.fullmatch(entry.name)]:
            with suppress(OSError):
                if time.time() - entry.stat().st_mtime >= LEFT_AFTER.total_seconds():
                    os.unlink(entry.path)


class FolderTransport(filesystem.Transport):
    """Transport of the folder."""

    Channel = FolderChannel


def use() -> None:
    """Make it what `filesystem://` means, wherever a broker is named so."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:{FolderTransport.__name__}"
