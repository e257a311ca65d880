"""Handing tasks to the workers."""

import logging
import random
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

from amqp.exceptions import ConnectionError as AmqpConnectionError
from celery import current_app
from kombu import Connection, pools
from kombu.exceptions import ChannelError, OperationalError

from apps.common.operations.database_faults import by_itself

logger = logging.getLogger(__name__)

#: What a broker that is away or refuses raises.
BROKER_FAULTS = (OperationalError, ChannelError, OSError)
#: RabbitMQ that is short of memory or disk takes a task off the socket and never says that it has it.
CONFIRMED_SECONDS = 2.0
#: Of a round, before whatever was asked for meanwhile has its turn.
AT_ONCE = 10
Id = TypeVar("Id")
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


def go_round(task: Any, ids: Iterable[Id], do: Callable[[Id], object], *, rng: random.Random) -> int:
    """Do the next few of many, and hand the rest over; how many were begun.

    However many there are, one message stands for the whole round, behind what was asked for meanwhile, until the round
    expires. It is sent before the work, and the few are done in random order: what kills the process then ends no
    round, and does not come before the same others each time.

    Parameters
    ----------
    task : Task
        The round, bound; called with the id after which it goes on.
    ids : iterable
        What is left, in order.
    """
    few = list(islice(ids, AT_ONCE))
    if len(few) == AT_ONCE:
        is_handed_over(task, str(few[-1]), expires=task.request.expires)
    for each in rng.sample(few, len(few)):
        with by_itself(task.name, each):
            do(each)
    return len(few)


def confirming() -> Connection:
    """A connection whose broker says of each message that it has it."""
    link: Connection = current_app.connection_for_write()
    link.transport_options = {**(link.transport_options or {}), **_CONFIRMING}
    return link


def _send(task: Any, args: tuple[str, ...], options: dict[str, Any]) -> None:
    with pools.producers[confirming()].acquire(block=True) as producer:
        task.apply_async(args, retry=False, producer=producer, confirm_timeout=CONFIRMED_SECONDS, **options)
