"""The folder that is a broker holds whole messages only."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Empty
from subprocess import PIPE

import pytest
from kombu import Connection, Exchange, Queue
from kombu.exceptions import ChannelError

from base.celery import app
from base.folder_broker import FolderChannel, FolderTransport

ROOT = Path(__file__).resolve().parent.parent


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


def bind(channel, exchange, *queues):
    for queue in queues:
        Queue(queue, Exchange(exchange), routing_key=queue)(channel).declare()


@pytest.mark.parametrize(
    "torn", [b"", b"\0" * 60, b'[["long", "", "lo', b"{}", b"[7]", b"\xff", None],
    ids=["empty", "zeros", "cut", "another", "numbers", "noise", "gone"],
)  # fmt: skip
def test_a_torn_list_of_queues_stops_nobody(channel, tmp_path, torn, caplog, request):
    """As a power cut leaves it, or a full disk."""
    # Bindings are a process's, whatever its folder.
    exchange = request.node.callspec.id
    bind(channel, exchange, "celery", "long")
    file = tmp_path / "c" / f"{exchange}.exchange"
    file.unlink() if torn is None else file.write_bytes(torn)

    channel.basic_publish(channel.prepare_message("x"), exchange, "long")
    bind(channel, exchange, "imports")

    assert (channel._size("long"), channel._size("celery")) == (1, 0)
    assert {queue for _, _, queue in json.loads(file.read_text())} == {"celery", "long", "imports"}
    is_read = torn in (b"{}", None)
    assert caplog.text.count("could not be read, and is written anew") == (0 if is_read else 1)


def test_a_queue_that_is_deleted_is_bound_no_more(channel):
    bind(channel, "deleting", "a", "b")

    channel.queue_delete("a")

    assert [row.queue for row in channel.get_table("deleting")] == ["b"]


def test_a_disk_that_takes_nothing_leaves_the_list_as_it_was(channel, tmp_path, monkeypatch):
    bind(channel, "full", "celery")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(ChannelError):
            bind(channel, "full", "long")

    assert json.loads((tmp_path / "c" / "full.exchange").read_text()) == [["celery", "", "celery"]]
    assert {row.queue for row in channel.get_table("full")} == {"celery", "long"}


def test_processes_that_start_at_once_all_have_their_queues(tmp_path):
    """Of sixty such starts two ended with a fault of kombu's, and six had lost a queue."""
    program = """
import sys
from kombu import Connection, Exchange, Queue
from base import folder_broker
folder_broker.use()
root = sys.argv[1]
folders = {"data_folder_in": root, "data_folder_out": root, "control_folder": f"{root}/c"}
with Connection("filesystem://", transport_options=folders) as connection:
    channel = connection.channel()
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(40):
        name = f"{sys.argv[2]}{n}"
        Queue(name, Exchange("celery"), routing_key=name)(channel).declare()
"""
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), name], stdin=PIPE, stdout=PIPE, cwd=ROOT)
        for name in "abc"
    ]
    for process in started:
        process.stdout.readline()
    for process in started:
        process.stdin.write(b"go\n")
        process.stdin.flush()

    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert len(json.loads((tmp_path / "c" / "celery.exchange").read_text())) == 120
    for process in started:
        process.stdin.close()
        process.stdout.close()
