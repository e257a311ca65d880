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
#: As shells say it of a process that a signal ended: 128, and 2 for an interrupt or 13 for a pipe.
_STOPPED, _NOBODY_READS = 130, 141


class CommandLine(ManagementUtility):
    """Makes the tables of a fresh clone before a command that needs them; by then the settings are read."""

    def fetch_command(self, subcommand: str) -> Any:
        from base.migrating import migrate_what_is_fresh  # noqa: PLC0415 - needs the settings

        migrate_what_is_fresh(self.argv[1:])
        return super().fetch_command(subcommand)

    def execute(self) -> None:
        """Run the command; of a database that is not there one line tells, where nobody asked for more."""
        from django.db import Error  # noqa: PLC0415 - loads Django's databases

        from apps.common.operations.database_faults import is_of_the_database, reason_of  # noqa: PLC0415 - as above

        if wrong := next((place for place, text in enumerate(self.argv) if _NO_TEXT.search(text)), None):
            sys.exit(f"manage: argument {wrong} holds bytes that are no UTF-8.")
        try:
            super().execute()
            # While somebody can be told that nobody reads it.
            sys.stdout.flush()
        except Error as error:
            if "--traceback" in self.argv or not is_of_the_database(error):
                raise
            sys.exit(f"database: {reason_of(error)} (DATABASE_URL names it)")
        except KeyboardInterrupt as error:
            # What it says is for whoever stopped it.
            if said := str(error):
                sys.stderr.write(f"{said}\n")
            sys.exit(_STOPPED)
        except BrokenPipeError:
            # Whoever read it has gone (`| head -1`).
            _say_no_more()
            sys.exit(_NOBODY_READS)
        except OSError as error:
            if error.errno not in (errno.ENAMETOOLONG, errno.ENOSPC) or "--traceback" in self.argv:
                raise
            if error.errno == errno.ENOSPC:
                _say_no_more()
                sys.exit("manage: what is told or written has no room: the disk is full.")
            sys.exit(f"manage: {str(error.filename)[:_SHOWN]}… is too long for the name of a file.")


def _say_no_more() -> None:
    """What Python still holds for the standard output goes nowhere, and is no fault when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "base.settings")
    CommandLine(sys.argv).execute()
