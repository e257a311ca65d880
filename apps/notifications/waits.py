"""How long a delivery waits: while a worker has it, and for its next try."""

from datetime import timedelta

#: One try takes 6 s to look a name up, 3 s to connect to each of three addresses and 10 s for the rest; a mail server
#: some 10 s a word.
SOFT_LIMIT_SECONDS = 80
#: When a worker is killed that did not end by itself.
HARD_LIMIT_SECONDS = SOFT_LIMIT_SECONDS + 20
#: A claim lives longer than any worker that may hold it, by as much as clocks of machines may differ: two that live
#: never send the same at once.
LEASE = timedelta(seconds=HARD_LIMIT_SECONDS + 30)
#: A receiver that restarts is back in half a minute; one that is away for a night is asked a few times.
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 30.0, 6 * 3600.0
#: With these waits, a little more than a day.
MAX_ATTEMPTS = 14


def longest_wait(attempts: int) -> timedelta:
    """How far ahead a delivery may be due that was begun so often."""
    if attempts == 0:
        return timedelta(0)
    between = timedelta(seconds=min(FIRST_RETRY_SECONDS * 2.0 ** (attempts - 1), LONGEST_RETRY_SECONDS))
    return max(LEASE, between)
