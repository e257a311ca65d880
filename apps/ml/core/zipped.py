"""Zips as this service writes them: what one holds, and what it becomes, is bounded before any of it is unpacked.

A zip of a megabyte may become a terabyte, and one of 256 MiB may name millions of files. Who can sign could have every
process read that, by mistake too; a search of the store reads what nobody has signed.
"""

import io
import struct
import zipfile

#: What all files of an artefact become together: no more than an object may be that is not packed. Of a project with
#: 100,000 issues it is a quarter of that.
MOST_UNPACKED_BYTES = 256 * 2**20
#: The table of contents takes some 70 bytes for each of some forty arrays.
MOST_TABLE_BYTES = 2**16
#: How a zip without a comment ends: number of disks and files, size and place of the table of contents.
_END = struct.Struct("<4s4H2LH")
_END_MARK, _LONG_END_MARK, _LONG_END_SIZE = b"PK\x05\x06", b"PK\x06\x07", 20
_PACKERS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class TooMuch(ValueError):
    """It says that it becomes more than any of ours."""


def opened(data: bytes) -> zipfile.ZipFile:
    """A zip whose table of contents is small; it is closed by the caller.

    Raises
    ------
    BadZipFile
        If it is none as it is written here.
    """
    end = data[-_END.size :]
    if len(end) < _END.size or not end.startswith(_END_MARK):
        raise zipfile.BadZipFile("no zip that was written here")
    *_, table_size, _place, comment_size = _END.unpack(end)
    # A second, longer end would be read in place of this one.
    has_other_end = data[-_END.size - _LONG_END_SIZE :].startswith(_LONG_END_MARK)
    if comment_size or has_other_end or table_size > MOST_TABLE_BYTES:
        raise zipfile.BadZipFile("it holds more files than any of ours")
    archive = zipfile.ZipFile(io.BytesIO(data))
    if any(member.compress_type not in _PACKERS for member in archive.infolist()):
        # Others take memory as their header says.
        raise zipfile.BadZipFile("it is packed as none of ours is")
    return archive


def require_bounded(archive: zipfile.ZipFile) -> None:
    """TooMuch if its files say that they become more than any of ours."""
    if sum(member.file_size for member in archive.infolist()) > MOST_UNPACKED_BYTES:
        raise TooMuch(f"it unpacks to more than {MOST_UNPACKED_BYTES // 2**20} MiB")


def unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytearray:
    """A file of it, which is as long as it says; what is packed behind that is not unpacked."""
    with archive.open(member) as file:
        # Not `archive.read`, which unpacks two gigabytes before it cuts them.
        found = bytearray(file.read(member.file_size))
    if len(found) != member.file_size:
        raise EOFError
    return found
