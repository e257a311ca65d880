"""What an artefact holds and becomes is bounded before it is unpacked, whoever signed it."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from apps.ml.core import artifact, zipped

KIND = "recent_work"
PLAIN = {"begins": np.arange(3), "names": np.array(["ä", "b"]), "empty": np.zeros((0, 2)), "one": np.array(2.5)}
MIB = 2**20


def npy(array):
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    return file.getvalue()


def planted(name, content, method=zipfile.ZIP_DEFLATED):
    """An artefact with one file more."""
    file = io.BytesIO(artifact.dumps(KIND, PLAIN, {}))
    with zipfile.ZipFile(file, "a", method) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def with_header(text):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("__meta__.npy", npy(np.frombuffer(text, np.uint8)))
    return file.getvalue()


def refused(data, why="artefact"):
    tracemalloc.start()
    with pytest.raises(artifact.ArtifactCorrupted, match=why):
        artifact.loads(data, kind=KIND)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak_bytes


@pytest.fixture
def few(monkeypatch):
    """A megabyte in place of 256."""
    monkeypatch.setattr(zipped, "MOST_UNPACKED_BYTES", MIB)


@pytest.mark.parametrize("compressed", [True, False])
def test_what_is_written_is_read(compressed):
    read = artifact.loads(artifact.dumps(KIND, PLAIN, {"a": 1}, compressed=compressed), kind=KIND)

    assert read.meta == {"a": 1}
    for name, array in PLAIN.items():
        np.testing.assert_array_equal(read.arrays[name], array)
        assert read.arrays[name].dtype == array.dtype


@pytest.mark.usefixtures("few")
def test_what_becomes_more_than_ours_is_not_unpacked():
    data = planted("more.npy", npy(np.zeros(40 * MIB, np.uint8)))

    assert refused(data, "unpacks to more than 1 MiB") < MIB


@pytest.mark.usefixtures("few")
def test_many_of_which_each_is_small_are_added_up():
    many = {f"a{number}": np.zeros(60_000) for number in range(4)}

    refused(artifact.dumps(KIND, many, {}), "unpacks to more than 1 MiB")


def test_what_becomes_more_than_it_says_is_not_unpacked_further():
    data = bytearray(planted("more.npy", npy(np.zeros(40 * MIB, np.uint8))))
    said = struct.pack("<L", 40 * MIB + 128)
    assert data.count(said) == 2
    data = data.replace(said, struct.pack("<L", 1_000))

    assert refused(bytes(data)) < MIB


def test_an_array_that_says_it_is_longer_than_its_file_takes_no_memory():
    shape = io.BytesIO()
    np.lib.format.write_array_header_1_0(shape, {"descr": "<f8", "fortran_order": False, "shape": (2**27,)})

    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        assert refused(planted("more.npy", shape.getvalue(), method)) < MIB


def test_files_without_number_are_not_listed():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(20_000):
            archive.writestr(str(number), b"")

    assert refused(file.getvalue()) < MIB


def test_another_end_of_the_zip_is_not_believed():
    """The longer one is read in place of the shorter where there is one."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(70_000):
            archive.writestr(str(number), b"")
    data = bytearray(file.getvalue())
    data[-10:-6] = struct.pack("<L", 100)

    assert refused(bytes(data)) < MIB


def test_a_header_is_small(monkeypatch):
    monkeypatch.setattr(artifact, "MOST_HEADER_BYTES", 1_000)

    refused(artifact.dumps(KIND, {}, {"a": [[]] * 1_000}), "header")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x05\x06",
        artifact.dumps(KIND, PLAIN, {}) + b"and a comment",
        planted("more.npy", npy(np.zeros(9)), zipfile.ZIP_LZMA),
        planted("more.npy", npy(np.zeros(9)), zipfile.ZIP_BZIP2),
        planted("more.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", 60_000)),
        with_header(b"[" * 100_000),
        artifact.dumps(KIND, PLAIN, {})[:-200] + bytes(200),
    ],
    ids=["empty", "end alone", "comment", "lzma", "bzip2", "no array", "deep brackets", "cut off"],
)
def test_what_is_no_artefact_is_refused(data):
    refused(data)


def test_a_locked_or_damaged_artefact_is_refused():
    sound = artifact.dumps(KIND, PLAIN, {})
    locked, damaged = bytearray(sound), bytearray(sound)
    locked[sound.index(b"PK\x01\x02") + 8] |= 1
    damaged[60:90] = b"\xff" * 30

    for data in (locked, damaged):
        refused(bytes(data))
