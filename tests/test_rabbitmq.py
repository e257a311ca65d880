"""Tasks are handed to a real RabbitMQ, or whoever asked hears that they are not."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from kombu import Connection

from apps.common.broker import is_handed_over
from apps.common.operations.health import broker
from apps.ml.tasks import requeue_lost_trainings
from base.celery import app
from tests import rabbitmq

pytestmark = pytest.mark.skipif(not rabbitmq.IS_THERE, reason="RabbitMQ is not installed")


@pytest.fixture(scope="module")
def server():
    with rabbitmq.rabbitmq_server() as running:
        yield running


@pytest.fixture
def waiting(server, monkeypatch):
    """How many tasks lie in the first queue of a service whose broker it is."""
    # Its settings give way to what is set later, and cannot take that back.
    app.conf.task_always_eager = False
    monkeypatch.setattr(app, "connection_for_write", lambda: Connection(server.url))

    def count():
        with app.connection_for_write() as link, link.channel() as channel:
            return channel.queue_declare("celery", durable=True, auto_delete=False).message_count

    before = count()
    yield lambda: count() - before
    app.conf.task_always_eager = True


def test_a_broker_that_was_started_anew_gets_the_next_task(server, waiting):
    assert is_handed_over(requeue_lost_trainings)

    server.close_all_connections()

    assert is_handed_over(requeue_lost_trainings)
    assert waiting() == 2
    assert broker().status == "ok"


def test_a_broker_without_memory_is_told_and_nothing_is_said_to_be_handed_over(server, waiting):
    assert is_handed_over(requeue_lost_trainings)
    server.run_out_of_memory()
    try:
        assert not is_handed_over(requeue_lost_trainings)
        assert broker().status == "down"
    finally:
        server.have_memory_again()

    assert is_handed_over(requeue_lost_trainings)
    assert broker().status == "ok"


def test_many_who_ask_at_once_whether_it_takes_tasks_are_told_the_truth(server, waiting):
    with ThreadPoolExecutor(4) as processes:
        told = list(processes.map(lambda _: broker().status, range(60)))

    assert told == ["ok"] * 60
