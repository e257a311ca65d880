"""One call to a bucket: tried again as often and as long as the settings say, and told in our words if it fails."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, NoReturn, TypeVar

from celery.exceptions import SoftTimeLimitExceeded

from apps.common.operations.deadlines import Deadline

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_Answer = TypeVar("_Answer")
#: The pause before the second attempt at a call, which doubles, and the longest. Short: a request may be waiting.
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
#: What S3 calls its faults; all else in this place is somebody's text.
_CODE = re.compile(r"[A-Za-z0-9.]{1,64}", re.ASCII)
#: Amazon's answer to one of two who write the same key at the same moment: nothing is written, and it may be next time.
_CONFLICT = "ConditionalRequestConflict"


class BucketFault(Exception):
    """The server refused, in its own code and status, or answered what no store says."""

    def __init__(self, told: str, *, code: str = "", status: int = 0) -> None:
        super().__init__(told)
        self.code, self.status = code, status


def no_store(told: str) -> NoReturn:
    """What answers there is not our bucket."""
    raise BucketFault(f"{told} (is AWS_S3_ENDPOINT_URL the address of the store?)")


@dataclass(frozen=True, slots=True)
class Calls:
    """How often and how long a bucket is asked.

    Parameters
    ----------
    seconds : float
        No attempt at a call begins later than this after the first, and it ends within twice the time.
    retries : int
        Attempts after the first.
    """

    seconds: float
    retries: int

    def ask(self, call: Callable[[], _Answer], *, once: bool = False) -> _Answer:
        """One answer, read to its end inside the call.

        Parameters
        ----------
        once : bool
            Whether what was heard must not be said again: of a write whose answer was lost nobody could tell
            afterwards whose object is there.
        """
        deadline, last_begin = Deadline(), time.monotonic() + self.seconds
        left, pause = self.retries, FIRST_PAUSE_SECONDS
        with _in_our_words(deadline, self.seconds), deadline.within(2 * self.seconds):
            while True:
                try:
                    return call()
                except Exception as error:
                    if end := _end_of_the_task(error):
                        raise end from None
                    is_last = not left or deadline.is_over or time.monotonic() + pause > last_begin
                    if is_last or not _may_pass(error, once=once):
                        raise
                time.sleep(pause)
                left, pause = left - 1, min(2 * pause, LONGEST_PAUSE_SECONDS)


@contextmanager
def _in_our_words(deadline: Deadline, seconds: float) -> Iterator[None]:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - loaded with the client

    try:
        yield
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        if isinstance(error, ClientError) and not deadline.is_over:
            # Not chained: Amazon's answers repeat the access key.
            raise _fault(error) from None
        if not deadline.is_over:
            raise
    if deadline.is_over:  # also where nothing seems to be wrong: what was read may have been cut off
        raise BucketFault(f"no whole answer within {2 * seconds:g} s")


def _fault(error: "ClientError") -> BucketFault:
    """The server's own code and status; never the body of its answer."""
    status, code = _status(error), str(error.response["Error"]["Code"])
    try:
        told = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:  # of its own making
        told = str(status)
    if _CODE.fullmatch(code) and code != str(status):
        told = f"{code} ({told})"
    return BucketFault(told, code=code, status=status)


def _status(error: "ClientError") -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def _end_of_the_task(error: BaseException | None) -> SoftTimeLimitExceeded | None:
    """What ends a task is raised wherever it is, and boto3 takes it for a fault of the connection."""
    while error is not None:
        if isinstance(error, SoftTimeLimitExceeded):
            return error
        error = error.__context__
    return None


def _may_pass(error: Exception, *, once: bool) -> bool:
    """Whether it may go well a moment later: the connection, or a server that has too much to do."""
    from botocore import exceptions as faults  # noqa: PLC0415 - loaded with the client
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - as above

    if isinstance(error, faults.ClientError):
        status, code = _status(error), error.response["Error"]["Code"]
        return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS or code == _CONFLICT
    unheard = (faults.EndpointConnectionError, faults.ConnectTimeoutError)
    broken = (faults.ConnectionError, faults.HTTPClientError, faults.IncompleteReadError, ResponseParserError)
    return isinstance(error, unheard) or (isinstance(error, broken) and not once)
