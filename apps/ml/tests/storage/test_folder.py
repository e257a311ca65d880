"""The model store in a folder: what is flushed, and that nothing but regular files of its own is read or removed."""

import os
import socket
import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from apps.ml.storage import StorageError, folder, get_object_store, objects
from apps.ml.storage.engines import open_directory
from apps.ml.storage.errors import NotRegular, TooLarge
from apps.ml.storage.keys import DATASETS, MODELS


def test_a_write_is_flushed_to_disk_with_every_directory_above_it(model_store_dir, monkeypatch):
    flushed = []
    monkeypatch.setattr(
        folder.os, "fsync", lambda descriptor: flushed.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    )

    get_object_store().put("a/b/c", b"1")

    root = str(model_store_dir)
    # The file before it has its name.
    assert flushed[0].startswith(f"{root}/a/b/")
    assert flushed[0] != f"{root}/a/b/c"
    assert flushed[1:] == [f"{root}/a/b", f"{root}/a", root]


def test_a_reader_never_sees_half_an_object(model_store_dir):
    store, data = get_object_store(), os.urandom(2**20)
    seen, done = [], threading.Event()

    def read():
        while not done.is_set():
            seen.extend(len(store.get(each.key)) for each in store.list("w"))

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        for number in range(20):
            store.put(f"w/{number}", data)
        done.set()
        reader.result()

    assert set(seen) <= {len(data)}


def test_a_failed_write_names_the_directory_and_the_cause(model_store_dir):
    store = get_object_store()
    (model_store_dir / "file").write_bytes(b"in the way")

    with pytest.raises(
        StorageError, match=rf"Directory upload failed in directory '{model_store_dir}'.*Not a directory"
    ):
        store.put("file/below", b"1")


def test_a_directory_that_cannot_be_made_is_named(settings, tmp_path):
    (tmp_path / "file").touch()
    settings.AWS_STORAGE_BUCKET_NAME = None
    settings.MODEL_STORE_DIR = tmp_path / "file" / "models"

    with pytest.raises(StorageError, match=f"{tmp_path}/file/models cannot be made"):
        get_object_store()


def test_new_settings_get_a_new_client(settings, tmp_path):
    settings.AWS_STORAGE_BUCKET_NAME = None
    settings.MODEL_STORE_DIR = tmp_path / "one"
    first = get_object_store()

    settings.MODEL_STORE_DIR = tmp_path / "two"

    assert get_object_store().directory == tmp_path / "two" != first.directory


def test_what_grows_while_it_is_read_is_counted(model_store_dir, monkeypatch):
    store = get_object_store()
    store.put("a", b"12345")
    monkeypatch.setattr(objects, "MAX_OBJECT_BYTES", 5)
    monkeypatch.setattr(folder.os, "read", lambda descriptor, size: b"123")

    with pytest.raises(TooLarge, match=r"Directory download failed in directory .* for 'a': it is larger than 5"):
        store.get("a")


@pytest.mark.parametrize("call", ["get", "head", "delete"])
def test_nothing_is_read_or_removed_behind_a_link_that_is_put_there_meanwhile(model_store_dir, call):
    """The one folder after the other is held open: whatever becomes of its name, it is the same folder."""
    store, outside = get_object_store(), model_store_dir.parent / "outside"
    store.put("a/b/c", b"ours")
    (outside / "b").mkdir(parents=True)
    (outside / "b" / "c").write_bytes(b"not ours")
    (model_store_dir / "a").rename(model_store_dir / "away")
    (model_store_dir / "a").symlink_to(outside)

    with pytest.raises(NotRegular, match="no regular file"):
        getattr(store, call)("a/b/c")

    assert (outside / "b" / "c").read_bytes() == b"not ours"


def test_a_link_is_removed_and_not_what_it_leads_to(model_store_dir):
    store, outside = get_object_store(), model_store_dir.parent / "outside"
    outside.write_bytes(b"not ours")
    (model_store_dir / "link").symlink_to(outside)

    store.delete("link")

    assert outside.exists()
    assert not (model_store_dir / "link").is_symlink()


@pytest.mark.parametrize("where", ["link", "folder/object", "pipe", "socket"])
def test_only_regular_files_are_read_from_a_directory(model_store_dir, tmp_path, where):
    """Whoever can write there would otherwise show us any file of this user, or let us wait for ever."""
    store, outside = get_object_store(), tmp_path / "outside"
    outside.mkdir()
    (outside / "object").write_bytes(b"not ours")
    (model_store_dir / "link").symlink_to(outside / "object")
    (model_store_dir / "folder").symlink_to(outside)
    os.mkfifo(model_store_dir / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(model_store_dir / "socket"))

    with pytest.raises(StorageError, match="no regular file"):
        store.get(where)
    with pytest.raises(StorageError, match="no regular file"):
        store.head(where)
    assert where not in [found.key for found in store.list("folder")]


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_what_is_stored_is_for_its_owner_only_whoever_may_look_into_the_folder(tmp_path, umask):
    shared, earlier = tmp_path / "shared", tmp_path / "shared" / DATASETS
    before = os.umask(umask)
    try:
        earlier.mkdir(parents=True)
        open_directory(shared).put(f"{MODELS}/a/b", b"1")
    finally:
        os.umask(before)

    assert stat.S_IMODE(shared.stat().st_mode) == 0o777 & ~umask
    assert [stat.S_IMODE((shared / name).stat().st_mode) for name in (DATASETS, MODELS)] == [0o700, 0o700]
    assert stat.S_IMODE((shared / MODELS / "a" / "b").stat().st_mode) == 0o600


def test_a_folder_whose_last_file_is_gone_is_told_no_more_and_one_that_nobody_may_look_into_is(
    model_store_dir, monkeypatch
):
    store = get_object_store()
    for key in ("m/one/a/b", "m/two/a/b", "m/three/a/b"):
        store.put(key, b"1")
    store.delete("m/one/a/b")
    scandir = os.scandir

    def refused(path):
        if str(path).endswith("m/three/a"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)

    assert store.folders("m") == ("three", "two")
