#!/usr/bin/env python
"""Django's command line: `./run manage ARGS…` calls it in the project's own environment."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "base.settings")
    import django
    from django.core.management import execute_from_command_line

    from base.migrating import migrate_what_is_fresh

    django.setup()
    migrate_what_is_fresh(sys.argv[1:])
    execute_from_command_line(sys.argv)
