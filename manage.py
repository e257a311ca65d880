#!/usr/bin/env python
"""Django's command line: `./run manage ARGS…` calls it in the project's own environment."""

import errno
import os
import re
import sys
from typing import Any

from django.core.management import ManagementUtility

#: Python holds bytes that are no text in characters that nothing can write; a process has no argument with a NUL.
_NO_TEXT = re.compile("[\ud800-\udfff\0]")
#: Of a name that is too long.
_SHOWN = 40


class CommandLine(ManagementUtility):
    """Makes the tables of a fresh clone before a command that needs them; by then the settings are read."""

    def fetch_command(self, subcommand: str) -> Any:
        from base.migrating import migrate_what_is_fresh  # noqa: PLC0415 - needs the settings

        migrate_what_is_fresh(self.argv[1:])
        return super().fetch_command(subcommand)

    def execute(self) -> None:
        """Run the command; of a database that is not there one line tells, where nobody asked for more."""
        from apps.common.operations.database_faults import DATABASE_FAULTS  # noqa: PLC0415 - loads Django's databases

        if wrong := next((place for place, text in enumerate(self.argv) if _NO_TEXT.search(text)), None):
            sys.exit(f"manage: argument {wrong} holds bytes that are no UTF-8.")
        try:
            super().execute()
        except DATABASE_FAULTS as error:
            if "--traceback" in self.argv:
                raise
            sys.exit(f"database: {(str(error).splitlines() or ['it cannot be used'])[0]} (DATABASE_URL names it)")
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG or "--traceback" in self.argv:
                raise
            sys.exit(f"manage: {str(error.filename)[:_SHOWN]}… is too long for the name of a file.")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "base.settings")
    CommandLine(sys.argv).execute()
