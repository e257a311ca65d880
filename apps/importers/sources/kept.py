"""Files that the database keeps, as the readers of files take them: from memory, where a kill leaves nothing."""

from dataclasses import dataclass, field
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class KeptFile:
    """Read where it lies, as often as it is opened: what is opened shares the bytes, and copies none."""

    name: str
    content: bytes = field(repr=False)

    def __str__(self) -> str:
        return self.name

    @property
    def stem(self) -> str:
        return Path(self.name).stem

    def open(self, mode: str = "r", **options: Any) -> Any:
        """As of a `Path`: bytes for `rb`, else text."""
        content = BytesIO(self.content)
        return content if mode == "rb" else TextIOWrapper(content, **options)


#: What the readers take: something with a name that can be opened.
Readable = Path | KeptFile
