"""What is packed is searched in pieces, and no further than our writers pack; what cannot be read is told."""

import bz2
import gzip
import io
import random
import zipfile
import zlib

import pytest
from django.core.management import call_command

from apps.accounts.tests.factories import UserFactory
from apps.ml.storage import get_object_store
from apps.upkeep import texts
from apps.upkeep.erasing import erase_person
from apps.upkeep.texts import search_store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins")]
EMAIL = "ada@example.com"
PLACE = "ml_models/effort_prediction/x/planted"


def zipped(data: bytes, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        archive.writestr("a.npy", data)
    return file.getvalue()


PACKERS = {"gzip": gzip.compress, "zlib": zlib.compress, "zip": zipped, "stored": lambda data: zipped(data, 0)}


@pytest.fixture(params=PACKERS.values(), ids=PACKERS)
def pack(request):
    return request.param


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """A megabyte in place of gigabytes, in pieces of some kilobytes."""
    for name, size in (("PIECE_BYTES", 2**14), ("LONGEST_NAME_BYTES", 2**8), ("MOST_UNPACKED_BYTES", 2**20)):
        monkeypatch.setattr(texts, name, size)


def plant(data: bytes) -> None:
    path = get_object_store().directory / PLACE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.mark.parametrize("at", [0, 2**14 - 5, 2**14, 700_000])
def test_a_name_is_found_wherever_it_stands(pack, at):
    text = bytearray(random.Random(1).choices(b"xyz\n", k=800_000))
    text[at : at + len(EMAIL)] = EMAIL.encode()
    plant(pack(bytes(text)))

    assert search_store([EMAIL]).found == (PLACE,)
    assert search_store(["bob@example.com"]) == texts.StoreSearch((), {})


@pytest.mark.parametrize("bomb", ["gzip", "zlib", "zip"])
def test_what_unpacks_to_more_than_ours_is_read_no_further_and_told(bomb, now, capsys):
    plant(PACKERS[bomb](b"\0" * 2**21 + EMAIL.encode()))
    UserFactory(email=EMAIL)

    call_command("erase_person", EMAIL)

    said = capsys.readouterr().out
    assert f"Not searched: {PLACE}: It unpacks to more than 1 MiB." in said
    assert "In all else the search finds nothing any more." in said


def test_nothing_is_unpacked_at_once(pack):
    sizes = [len(piece) for piece in texts._pieces(pack(b"\0" * 2**19))]

    assert max(sizes) <= 2**14 + 2**8
    assert sum(sizes) >= 2**19


def broken_crc(data: bytes) -> bytes:
    """A zip whose content is another than its checksum says."""
    packed = bytearray(zipped(data, zipfile.ZIP_STORED))
    packed[packed.index(data)] ^= 1
    return bytes(packed)


def of_many_files() -> bytes:
    """A zip whose table of contents alone takes memory."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(2_000):
            archive.writestr(str(number), b"")
    return file.getvalue()


DAMAGED = {
    "gzip cut off": gzip.compress(random.Random(2).randbytes(9_000))[:5_000],
    "gzip of nothing": b"\x1f\x8b",
    "gzip with another checksum": gzip.compress(b"abc")[:-8] + bytes(8),
    "zlib cut off": zlib.compress(random.Random(3).randbytes(9_000))[:5_000],
    "zlib of nothing": b"\x78",
    "no zip": b"PK\x03\x04 and nothing more",
    "zip cut off": zipped(b"abc" * 1_000)[:-30],
    "zip with another checksum": broken_crc(b"abc" * 1_000),
    "zip that is locked": zipped(b"abc").replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"),
    "zip of files without number": of_many_files(),
    "zip of another packer": zipped(b"abc", zipfile.ZIP_LZMA),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_what_cannot_be_unpacked_ends_no_erasure_and_is_told(data, now):
    plant(data)
    UserFactory(email=EMAIL)

    record = erase_person(EMAIL, now=now)

    [(place, why)] = record.not_searched.items()
    assert place == PLACE
    assert why.startswith("It cannot be unpacked: ")


def test_what_only_looks_packed_is_searched_as_it_lies_there(now):
    plant(b"x = 1, not zlib at all " + EMAIL.encode())

    assert search_store([EMAIL]).found == (PLACE,)


def test_of_another_kind_of_packing_nothing_is_guessed():
    plant(bz2.compress(b"nobody"))

    assert search_store([EMAIL]) == texts.StoreSearch((), {})
