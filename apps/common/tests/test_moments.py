"""Moments come out of PostgreSQL as Django's own loader reads them."""

from datetime import UTC, datetime

import pytest
from django.db import connection

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps moments as text."),
]

MOMENTS = ("2026-03-29 01:59:59.5+00", "1970-01-01 00:00+00", "2026-10-25 03:30:00.000001+02", "0044-03-15 12:00+00")


@pytest.mark.parametrize("text", MOMENTS)
def test_a_moment_is_read_as_django_reads_it(text: str) -> None:
    from django.db.backends.postgresql.psycopg_any import register_tzloader

    with connection.cursor() as ours, connection.cursor() as theirs:
        register_tzloader(UTC, theirs)
        [[found], [expected]] = [
            cursor.execute("SELECT %s::timestamptz", [text]).fetchone() for cursor in (ours, theirs)
        ]

    assert (found, found.tzinfo) == (expected, expected.tzinfo) == (expected, UTC)


def test_cursors_take_the_connections_loader_as_it_is() -> None:
    from psycopg.pq import Format

    from apps.common.operations.moments import UtcLoader

    with connection.cursor() as cursor:
        adapters = cursor.adapters
        loader = adapters.get_loader(adapters.types["timestamptz"].oid, Format.TEXT)

        assert loader is UtcLoader
        assert cursor.execute("SELECT NULL::timestamptz, 'infinity'::timestamptz IS NULL").fetchone() == (None, False)
        assert isinstance(cursor.execute("SELECT now()").fetchone()[0], datetime)
