"""A database between two landings is told in a sentence, and left as it is."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

pytestmark = pytest.mark.django_db


def test_what_this_code_does_not_know_stands_in_the_way_of_what_is_to_be_applied() -> None:
    recorder = MigrationRecorder(connection)
    latest = max(name for app, name in recorder.applied_migrations() if app == "dashboard")
    recorder.record_unapplied("dashboard", latest)
    recorder.record_applied("projects", "0007_written_anew_before_it_landed")

    with pytest.raises(CommandError, match=r"projects\.0007_written_anew_before_it_landed this one does not have"):
        call_command("migrate", verbosity=0)

    assert ("dashboard", latest) not in recorder.applied_migrations()


def test_where_nothing_is_to_be_applied_a_newer_database_is_left_alone() -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_applied("projects", "9999_of_a_later_state")
    before = recorder.applied_migrations().keys()

    call_command("migrate", verbosity=0)

    assert recorder.applied_migrations().keys() == before


def test_what_others_than_this_project_had_is_theirs() -> None:
    recorder = MigrationRecorder(connection)
    latest = max(name for app, name in recorder.applied_migrations() if app == "dashboard")
    recorder.record_applied("axes", "9999_of_a_later_state")
    recorder.record_unapplied("dashboard", latest)

    call_command("migrate", "dashboard", latest, fake=True, verbosity=0)

    assert ("dashboard", latest) in recorder.applied_migrations()
