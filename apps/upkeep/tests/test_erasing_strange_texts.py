"""Texts and databases that are out of the ordinary, and an erasure that ends well all the same."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.tests.factories import UserFactory
from apps.projects.models import Issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from apps.upkeep.erasing import erase_person
from apps.upkeep.texts import found_in_database

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins")]
EMAIL, NAME = "ann.iskit@example.com", "Ann Iskit"
#: Half of a character in codes beside letters that are in none, as a tool writes it that cuts texts off.
HALVES = [
    r'["é \ud83d {}"]', r'["\ud83d {}"]', r'["[\"é \\ud83d {}\"]"]', r'{"é \udc00": "{}"}', r'["é \ud83d\ud83d {}"]'
]  # fmt: skip


@pytest.mark.parametrize("text", HALVES)
@pytest.mark.parametrize("named", [EMAIL, NAME])
@pytest.mark.parametrize("is_deleted", [True, False])
def test_half_of_a_character_beside_a_name_stops_no_erasure(
    text, named, is_deleted, now, django_capture_on_commit_callbacks
):
    ann = TeamMemberFactory(user=UserFactory(email=EMAIL, full_name=NAME)).user
    issue = IssueFactory(project=ann.memberships.get().project, description=text.replace("{}", named))

    with django_capture_on_commit_callbacks(execute=True):
        ann.delete() if is_deleted else erase_person(EMAIL, now=now)

    issue.refresh_from_db()
    assert named not in issue.description
    before, after = text.split("{}")
    assert issue.description.isascii() or "é" in issue.description
    assert issue.description.lower().count("\\ud") == text.count("\\ud"), (before, after)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite knows no locales")
def test_texts_are_narrowed_down_by_no_locale():
    with CaptureQueriesContext(connection) as asked:
        found_in_database([EMAIL, "Ann Éclair"])

    narrowed = [each["sql"] for each in asked if "LIKE" in each["sql"]]
    assert narrowed
    assert all('COLLATE "C"' in sql and "%EXAMPLE%" in sql and "%CLAIR%" in sql for sql in narrowed)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite knows no locales")
@pytest.mark.parametrize("written", [EMAIL, EMAIL.upper(), NAME, NAME.upper(), NAME.lower()])
def test_in_a_database_of_a_turkish_locale_letters_of_english_keep_their_case(written, now):
    """There the capital of i is İ, and the small letter of I is ı."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_collation WHERE collname = 'tr-x-icu'")
        if cursor.fetchone() is None:
            pytest.skip("This server knows no Turkish.")
        for name in ("title", "description"):
            table = Issue._meta.db_table
            cursor.execute(f'ALTER TABLE {table} ALTER COLUMN {name} TYPE text COLLATE "tr-x-icu"')
    ann = UserFactory(email=EMAIL, full_name=NAME)
    issue = IssueFactory(project=TeamMemberFactory(user=ann, project=ProjectFactory()).project, title=f"Ask {written}")

    erase_person(EMAIL, now=now)

    issue.refresh_from_db()
    assert written not in issue.title
