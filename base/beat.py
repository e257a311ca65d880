"""The schedule, which goes on when the clock is set back."""

from typing import Any

from celery.beat import PersistentScheduler

from apps.common.heartbeat import CLOCKS_DIFFER


class SteadyScheduler(PersistentScheduler):
    """Celery's, without last runs of the future: it would wait for them, as long as the clock had been ahead."""

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
        if ahead:
            # When each is due next was reckoned by the other clock.
            self._heap = None
        return super().tick(*options, **more)
