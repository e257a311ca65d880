"""The schedule, which goes on when the clock is set back and whatever becomes of the file of its last runs."""

import json
import logging
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from celery.beat import Scheduler, SchedulingError

from apps.common.heartbeat import CLOCKS_DIFFER
from apps.common.operations.unnamed_files import coming_to

logger = logging.getLogger(__name__)

#: What the broker did not take is sent again so much later: within the minute, and not in a loop.
AGAIN_AFTER = timedelta(seconds=20)


class SteadyScheduler(Scheduler):
    """Celery's, with the last run of each entry in a file, so that what fell due while no schedule ran is sent once.

    Celery's own file is a database of whatever kind Python has. Written in place, it may be in pieces after a power
    cut, and then no start succeeds. This one is whole or as before, and without it the schedule begins all the same.
    """

    _is_kept = True
    #: When something was not taken, until it is sent again.
    _refused_at: datetime | None = None

    def __init__(self, *given: Any, schedule_filename: str, **options: Any) -> None:
        self._file = Path(schedule_filename)
        super().__init__(*given, **options)

    @property
    def info(self) -> str:
        return f"    . last runs -> {self._file}"

    def setup_schedule(self) -> None:
        super().setup_schedule()
        for name, moment in self._last_runs().items():
            if name in self.schedule:
                self.schedule[name].last_run_at = moment
        self.sync()

    def _last_runs(self) -> dict[str, datetime]:
        try:
            told = json.loads(self._file.read_bytes())
            return {name: datetime.fromisoformat(moment).astimezone(UTC) for name, moment in told.items()}
        except FileNotFoundError:
            return {}
        except Exception as fault:  # noqa: BLE001 - whatever a disk has made of it raises whatever it raises
            aside = f"{self._file}.damaged"
            with suppress(OSError):
                os.replace(self._file, aside)
            logger.warning(
                "The schedule begins anew: its last runs could not be read (%r), and are put away as %s", fault, aside
            )
            return {}

    def sync(self) -> None:
        """Write the last runs; a disk that takes nothing is told once, and the schedule goes on in memory."""
        last_runs = {name: entry.last_run_at.isoformat() for name, entry in self.schedule.items() if entry.last_run_at}
        try:
            with coming_to(self._file, prefix=".last-runs.", begins=b"{") as file:
                file.write(json.dumps(last_runs, indent=1).encode())
        except OSError as fault:
            if self._is_kept:
                logger.warning("The schedule goes on in memory: %s cannot be written (%s)", self._file, fault.strerror)
            self._is_kept = False
        else:
            self._is_kept = True

    def tick(self, *options: Any, **more: Any) -> float:
        """Send what is due; seconds until the next look.

        What is due every minute ran within the last one: after any step back of more some last run lies ahead. A
        smaller one passes by itself, and forgetting it would send what has just been sent once more.
        """
        now = self.app.now()
        latest = now + CLOCKS_DIFFER
        ahead = [entry for entry in self.schedule.values() if entry.last_run_at and entry.last_run_at > latest]
        for entry in ahead:
            entry.last_run_at = now
        is_again = self._refused_at is not None and not self._refused_at <= now < self._refused_at + AGAIN_AFTER
        if ahead or is_again:
            # When each is due next was reckoned by the other clock, or as if all had been sent.
            self._heap, self._refused_at = None, None
        return super().tick(*options, **more)

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **options: Any) -> Any:
        """Send it; what the broker does not take stays due, or a minute without one would cost a week of trainings."""
        try:
            return super().apply_async(entry, producer=producer, advance=advance, **options)
        except SchedulingError:
            # By now there is another entry, which has run.
            self.schedule[entry.name].last_run_at = entry.last_run_at
            self._refused_at = self.app.now()
            raise
