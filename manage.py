#!/usr/bin/env python
"""Django's command line: `./run manage ARGS…` calls it in the project's own environment."""

import os
import sys
from typing import Any

from django.core.management import ManagementUtility


class CommandLine(ManagementUtility):
    """Makes the tables of a fresh clone before a command that needs them; by then the settings are read."""

    def fetch_command(self, subcommand: str) -> Any:
        from base.migrating import migrate_what_is_fresh  # noqa: PLC0415 - needs the settings

        migrate_what_is_fresh(self.argv[1:])
        return super().fetch_command(subcommand)

    def execute(self) -> None:
        """Run the command; of a database that is not there one line tells, where nobody asked for more."""
        from django.db import OperationalError  # noqa: PLC0415 - needs the settings

        try:
            super().execute()
        except OperationalError as error:
            if "--traceback" in self.argv:
                raise
            sys.exit(f"database: {(str(error).splitlines() or ['it cannot be used'])[0]} (DATABASE_URL names it)")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "base.settings")
    CommandLine(sys.argv).execute()
