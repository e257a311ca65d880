"""Handing tasks to the workers."""

import logging
from collections.abc import Iterable
from itertools import takewhile
from typing import Any

from amqp.exceptions import ConnectionError as AmqpConnectionError
from celery import current_app
from kombu import Connection, pools
from kombu.exceptions import ChannelError, OperationalError

logger = logging.getLogger(__name__)

#: What a broker that is away or refuses raises.
BROKER_FAULTS = (OperationalError, ChannelError, OSError)
#: RabbitMQ that is short of memory or disk takes a task off the socket and never says that it has it.
CONFIRMED_SECONDS = 2.0
#: For RabbitMQ; the other transports have their own. A client waits for ever for the answer to its closing, too.
_CONFIRMING = {"confirm_publish": True, "read_timeout": CONFIRMED_SECONDS, "write_timeout": CONFIRMED_SECONDS}


def is_handed_over(task: Any, *args: str, **options: Any) -> bool:
    """Send a task; False where the broker does not take it, which the log says."""
    try:
        try:
            _send(task, args, options)
        except OperationalError as error:
            if not isinstance(error.__cause__, ConnectionError | AmqpConnectionError):
                raise
            # The broker was started anew since the last task, and closed what was open: once more.
            _send(task, args, options)
    except BROKER_FAULTS as error:
        logger.warning("The broker does not take a task task=%s: %s", task.name, type(error).__name__)
        return False
    except Exception:
        # A client that a setting confuses raises anything (ValueError, TypeError); whoever asked gets the same answer.
        logger.exception("A task cannot be sent task=%s", task.name)
        return False
    return True


def hand_over_each(task: Any, ids: Iterable[Any]) -> int:
    """Send a task for each; how many the broker took before the first that it did not take."""
    return sum(1 for _ in takewhile(lambda each: is_handed_over(task, str(each)), ids))


def confirming() -> Connection:
    """A connection whose broker says of each message that it has it."""
    link: Connection = current_app.connection_for_write()
    link.transport_options = {**(link.transport_options or {}), **_CONFIRMING}
    return link


def _send(task: Any, args: tuple[str, ...], options: dict[str, Any]) -> None:
    with pools.producers[confirming()].acquire(block=True) as producer:
        task.apply_async(args, retry=False, producer=producer, confirm_timeout=CONFIRMED_SECONDS, **options)
