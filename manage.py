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


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "base.settings")
    CommandLine(sys.argv).execute()
