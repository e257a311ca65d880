"""Where uploads lie until their request is answered: never under a name, since texts of people are in them."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from apps.common.api.busy import NoRoom

logger = logging.getLogger(__name__)


@contextmanager
def _needing_room(file: IO[bytes]) -> Iterator[None]:
    """Whatever the system refuses is its disk's: no fault of ours, nor of what was sent."""
    try:
        yield
    except OSError as error:
        with suppress(OSError):
            file.close()
        logger.error("No room for an upload in the folder of temporary files (TMPDIR): %s", error.strerror or error)
        raise NoRoom from None


class UnnamedUploadHandler(FileUploadHandler):
    """Small uploads in memory, large ones in a file without a name."""

    _file: IO[bytes] | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._file = tempfile.SpooledTemporaryFile(max_size=settings.FILE_UPLOAD_MAX_MEMORY_SIZE)  # noqa: SIM115 - the request closes it

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self._file is not None:
            with _needing_room(self._file):
                self._file.write(raw_data)

    def file_complete(self, file_size: int) -> "UploadedFile[Any] | None":
        # The file is the request's from now on, which closes it at its end.
        file, self._file = self._file, None
        if file is None:
            return None
        with _needing_room(file):
            file.seek(0)
        return UploadedFile(file, self.file_name, self.content_type, file_size, self.charset, self.content_type_extra)

    def upload_interrupted(self) -> None:
        if self._file is not None:
            self._file.close()
