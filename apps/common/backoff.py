"""How long to wait before the next try."""

import random


def retry_wait_seconds(failures: int, *, first_seconds: float, longest_seconds: float, rng: random.Random) -> float:
    """Seconds to wait after so many faults: doubling, half of it random so that workers spread out.

    References
    ----------
    M. Brooker, Exponential Backoff and Jitter, AWS Architecture Blog (2015): "equal jitter".
    """
    longest = min(first_seconds * 2.0 ** (failures - 1), longest_seconds)
    return longest / 2.0 + rng.uniform(0.0, longest / 2.0)
