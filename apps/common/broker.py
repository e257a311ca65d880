"""Handing tasks to the workers."""

import logging
from typing import Any

from kombu.exceptions import ChannelError, OperationalError

logger = logging.getLogger(__name__)

#: What a broker that is away or refuses raises.
BROKER_FAULTS = (OperationalError, ChannelError, OSError)


def is_handed_over(task: Any, *args: str, **options: Any) -> bool:
    """Send a task once; False where the broker does not take it, which the log says."""
    try:
        task.apply_async(args, retry=False, **options)
    except BROKER_FAULTS as error:
        logger.warning("The broker does not take a task task=%s: %s", task.name, type(error).__name__)
        return False
    except Exception:
        # A client that a setting confuses raises anything (ValueError, TypeError); whoever asked gets the same answer.
        logger.exception("A task cannot be sent task=%s", task.name)
        return False
    return True
