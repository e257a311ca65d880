"""A database of another state of the code is told before a migration fails in the middle of it."""

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core.management import CommandError
from django.db import connections
from django.db.migrations.loader import MigrationLoader


def refuse_unknown_states(*, using: str, plan: Sequence[Any] = (), **_: Any) -> None:
    """Before migrations are applied, see that all that were applied are ours.

    A state between two landings may have had migrations that were written anew before they landed: what they made
    stands in the way of those that took their place ("duplicate column name").

    Raises
    ------
    CommandError
        If there is something to apply on top of what this code does not know.
    """
    if plan and (unknown := _unknown(using)):
        raise CommandError(
            f"The database is of another state of the code, whose {', '.join(unknown)} this one does not have; "
            "nothing was changed. Restore a backup of a release or of a landed commit (docs/operations.md), or start "
            "anew with another DATABASE_URL or SCRUM_ML_VAR_DIR."
        )


def _unknown(using: str) -> list[str]:
    """What was applied of our apps' migrations, and is none of theirs."""
    loader = MigrationLoader(connections[using])
    ours = {config.label for config in apps.get_app_configs() if config.name.startswith("apps.")}
    known = {*loader.disk_migrations} | {each for one in loader.disk_migrations.values() for each in one.replaces}
    foreign = sorted({*(loader.applied_migrations or ())} - known)
    return [f"{app}.{name}" for app, name in foreign if app in ours]
