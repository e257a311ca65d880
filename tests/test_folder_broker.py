"""The folder that is a broker holds whole messages only."""

import os
import threading
import time
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection

from base.celery import app
from base.folder_broker import FolderChannel, FolderTransport


@pytest.fixture
def channel(tmp_path):
    folders = {"data_folder_in": str(tmp_path), "data_folder_out": str(tmp_path), "control_folder": tmp_path / "c"}
    with Connection("filesystem://", transport_options=folders) as connection:
        yield connection.channel()


def test_the_service_uses_it(channel):
    assert isinstance(channel, FolderChannel)
    assert isinstance(app.connection().transport, FolderTransport)


def test_nobody_reads_a_message_that_is_being_written(channel, monkeypatch):
    writing, looked = threading.Event(), threading.Event()
    write = Path.write_bytes

    def slowly(path, data):
        path.touch()
        writing.set()
        assert looked.wait(10)
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", slowly)
    writer = threading.Thread(target=channel._put, args=("q", {"number": 1}))
    writer.start()
    assert writing.wait(10)
    with pytest.raises(Empty):
        channel._get("q")
    looked.set()
    writer.join()

    assert channel._get("q") == {"number": 1}


@pytest.mark.parametrize("torn", [b"", b'{"number": ', b"\xff\xfe"])
def test_a_torn_message_ends_no_worker(channel, tmp_path, torn, caplog):
    # Before all others, whose names begin with the milliseconds since the machine's start, whatever these are.
    (tmp_path / "q").mkdir()
    (tmp_path / "q" / "0_torn.q.msg").write_bytes(torn)
    channel._put("q", {"number": 2})

    with pytest.raises(Empty):
        channel._get("q")

    assert "could not be read" in caplog.text
    assert channel._get("q") == {"number": 2}


def test_messages_are_read_in_the_order_in_which_they_were_sent_and_each_once(channel):
    for number in range(3):
        channel._put("q", {"number": number})
        channel._put("another", {"number": -number})
        # Their names tell milliseconds.
        time.sleep(0.002)

    assert channel._size("q") == 3
    assert [channel._get("q")["number"] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Empty):
        channel._get("q")
    assert (channel._purge("another"), channel._size("another")) == (3, 0)
    with pytest.raises(Empty):
        channel._get("a queue to which nothing was ever sent")


def test_what_waits_in_one_queue_is_not_looked_at_for_another(channel, monkeypatch):
    seen = []
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: seen.append(names := listdir(path)) or names)
    for number in range(50):
        channel._put("long", {"number": number})
    channel._put("celery", {"number": 1})

    assert channel._get("celery") == {"number": 1}
    assert [len(names) for names in seen] == [1]


def test_messages_of_an_earlier_version_are_read(channel, tmp_path):
    (tmp_path / "123_0b6d5c3e-7a54-4a1b-9d0e-3f2a1b4c5d6e.long.msg").write_bytes(b'{"number": 1}')
    (tmp_path / "124_0b6d5c3e-7a54-4a1b-9d0e-3f2a1b4c5d6e.celery@host.celery.pidbox.msg").write_bytes(b'{"number": 2}')

    later = channel.connection.client.channel()

    assert later._get("long") == {"number": 1}
    assert later._get("celery@host.celery.pidbox") == {"number": 2}


@pytest.mark.parametrize("folder", ["", "celery"])
@pytest.mark.parametrize("rests_seconds", [60, 3_660])
def test_what_a_killed_process_left_of_a_message_is_gone_after_an_hour(channel, tmp_path, rests_seconds, folder):
    (tmp_path / folder).mkdir(exist_ok=True)
    left = tmp_path / folder / ".123_0b6d5c3e-7a54-4a1b-9d0e-3f2a1b4c5d6e.celery.msg.part"
    left.write_bytes(b'{"number": ')
    kept = tmp_path / ".somebodys.part"
    kept.touch()
    moment = time.time() - rests_seconds
    for path in (left, kept):
        os.utime(path, (moment, moment))

    channel.connection.client.channel()

    assert (left.exists(), kept.exists()) == (rests_seconds < 3_600, True)
