"""`./run manage failed_deliveries [--days N] [--retry] [--json]`."""

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from apps.common.console import add_json_option, as_json
from apps.notifications.models import Delivery
from apps.notifications.selectors import failed
from apps.notifications.services.clean_up import retry_failed


def _days(text: str) -> int:
    # Five digits are centuries, and more than the calendar has days.
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise ArgumentTypeError(f"a number of days from 0 to 99999 is needed, not {text!r}")
    return int(text)


class Command(BaseCommand):
    """List e-mails and webhook posts that were given up, the latest first; `--retry` gives each one more try."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=_days, default=7, help="how far to look back; 7 by default")
        parser.add_argument("--retry", action="store_true", help="put them back: the worker's next minute tries them")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        rows = failed(since=now - timedelta(days=options["days"]))
        shown = map(_shown, rows.select_related("notification__project").iterator())
        if options["json"]:
            found = list(shown)
            retried = retry_failed(rows, now=now) if options["retry"] else 0
            self.stdout.write(as_json({"failed": found, "retried": retried}))
            return
        for row in shown:
            self.stdout.write(
                f"{row['finished_at']:%Y-%m-%d %H:%M}  {row['project']}  {row['channel']}  {row['id']}  {row['reason']}"
            )
        if options["retry"]:
            self.stdout.write(f"{retry_failed(rows, now=now)} will be tried again.")
        elif not rows.exists():
            self.stdout.write(f"Nothing was given up in the last {options['days']} days.")


def _shown(row: Delivery) -> dict[str, Any]:
    return {
        "id": row.id,
        "project": row.notification.project.key,
        "channel": row.channel,
        "finished_at": row.finished_at,
        "reason": row.failure_reason,
    }
