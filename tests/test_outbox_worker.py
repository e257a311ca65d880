"""The outbox under real processes that are killed at the worst moments: none lost, none doubled in the database.

What a dead worker had sent and not recorded is sent again, with the same id and the same bytes.
"""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import PATIENCE_SECONDS, ROOT
from tests.receivers import MailServer, Posted, WebhookReceiver, mail_server, webhook_receiver
from tests.test_training_worker import Installation

pytestmark = pytest.mark.engine
#: A project with a lead and webhooks: as many posts and mails as there are news.
ANNOUNCE = """
from django.utils import timezone
from apps.notifications.services.announcing import announce
from apps.notifications.services.webhooks import create_webhook
from apps.notifications.tests.factories import news
from apps.projects.tests.factories import TeamMemberFactory
lead = TeamMemberFactory(role="lead", user__email="{key}@example.com", project__key="{key}")
for path in {paths}:
    create_webhook(lead.project, by=lead.user, now=timezone.now(), url="http://127.0.0.1:{port}/" + path)
announce(lead.project, [news(str(n)) for n in range({count})], now=timezone.now())
"""
#: What the task does, in a process that starts faster than a worker; it says that it is ready, and begins when the file
#: is there.
SEND = """
import os, random, time
from pathlib import Path
from apps.notifications.services.sending import send_due
go = Path({go!r})
if not go.exists():
    go.with_name("ready-" + str(os.getpid())).touch()
while not go.exists():
    time.sleep(0.005)
send_due(rng=random.Random())
"""


@pytest.fixture(scope="module")
def receiver() -> Iterator[WebhookReceiver]:
    with webhook_receiver() as found:
        yield found


@pytest.fixture(scope="module")
def mails() -> Iterator[MailServer]:
    with mail_server() as found:
        yield found


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory, with_tables, valkey_server, receiver: WebhookReceiver, mails: MailServer
) -> Installation:
    made = Installation(with_tables(tmp_path_factory.mktemp("outbox")), valkey_server.url)
    made.environment["WEBHOOK_ALLOWED_NETWORKS"] = "127.0.0.1/32"
    made.environment["EMAIL_URL"] = f"smtp://127.0.0.1:{mails.port}"
    return made


@pytest.fixture(autouse=True)
def nothing_arrived(receiver: WebhookReceiver, mails: MailServer) -> None:
    receiver.received.clear()
    mails.received.clear()


@contextmanager
def sender(installation: Installation, *, go: Path = ROOT) -> Iterator[subprocess.Popen[bytes]]:
    """A process that empties the outbox once."""
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-v0", "-c", SEND.format(go=str(go))]
    process = subprocess.Popen(command, cwd=ROOT, env=installation.environment, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Held:
    """What a receiver does at the moment in which its sender is to die."""

    def __init__(self) -> None:
        self._arrived, self._may_go = threading.Event(), threading.Event()

    def __call__(self) -> None:
        if not self._may_go.is_set():
            self._arrived.set()
            self._may_go.wait(PATIENCE_SECONDS)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """As soon as the moment is there."""
        assert self._arrived.wait(PATIENCE_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._may_go.set()


def make_due(installation: Installation, day: int, which: str) -> None:
    """As if the lease were over; what is due for longest is tried first."""
    installation.query(
        f"update notifications_delivery set due_at = '2026-01-0{day} 00:00:00' where state = 'waiting' and {which}"
    )


def to(path: str) -> str:
    return f"webhook_id in (select id from notifications_webhook where url like '%/{path}')"


def test_workers_killed_before_between_and_after_lose_nothing_and_only_what_was_not_recorded_is_sent_again(
    installation, receiver, mails
):
    answering, greeting = Held(), Held()

    def answer(posted: Posted) -> tuple[int, dict[str, str], bytes]:
        if posted.path == "/between":
            answering()
        return 204, {}, b""

    receiver.answer, mails.greet = answer, greeting
    installation.script(ANNOUNCE.format(key="KILLED", paths=["after", "between", "never"], port=receiver.port, count=1))
    for day, which in enumerate((to("after"), to("between"), "channel = 'email'", to("never")), start=1):
        make_due(installation, day, which)

    # A worker dies when one post was answered and recorded, one has arrived and is not answered, and two are not begun.
    installation.send("apps.notifications.tasks.send_deliveries")
    with installation.worker() as worker:
        answering.kill(worker)
    assert [posted.path for posted in receiver.received] == ["/after", "/between"]
    assert installation.query("select count(*) from notifications_delivery where state = 'waiting'") == (3,)
    assert installation.query("select count(*) from notifications_attempt") == (1,)

    # The next dies when it has begun the mail, before a word of it was sent. The post in its lease is left alone.
    with sender(installation) as process:
        greeting.kill(process)
    assert (len(receiver.received), mails.received) == (2, [])

    make_due(installation, 1, "true")
    with sender(installation) as process:
        assert process.wait(PATIENCE_SECONDS) == 0

    assert Counter(posted.path for posted in receiver.received) == {"/after": 1, "/between": 2, "/never": 1}
    first, second = [posted for posted in receiver.received if posted.path == "/between"]
    assert first.headers["X-Scrum-ML-Delivery"] == second.headers["X-Scrum-ML-Delivery"]
    assert first.body == second.body
    assert len(set(receiver.ids())) == 3
    assert [mail["To"] for mail in mails.received] == ["killed@example.com"]
    rows = "from notifications_delivery where channel != 'in_app'"
    assert installation.query(f"select count(*), sum(state = 'delivered'), sum(attempts) {rows}") == (4, 4, 6)


def test_two_processes_on_the_embedded_database_send_each_delivery_once(installation, receiver, mails, tmp_path):
    count = 25
    installation.script(ANNOUNCE.format(key="RACE", paths=["one"], port=receiver.port, count=count))

    go = tmp_path / "go"
    with sender(installation, go=go) as one, sender(installation, go=go) as other:
        installation.wait_for(lambda: len(list(tmp_path.glob("ready-*"))) == 2)
        go.touch()
        assert (one.wait(PATIENCE_SECONDS), other.wait(PATIENCE_SECONDS)) == (0, 0)

    assert len(receiver.ids()) == len(set(receiver.ids())) == count
    assert len({mail["Message-ID"] for mail in mails.received}) == len(mails.received) == count
    assert installation.query("select count(*) from notifications_delivery where state = 'waiting'") == (0,)
