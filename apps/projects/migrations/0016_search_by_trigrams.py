"""Words in titles and descriptions are found by an index on PostgreSQL; on SQLite a project's issues are gone through."""

import logging

from django.db import Error, migrations, transaction

#: As the ORM writes `icontains`. Of one index with three columns a search that names any of them makes use.
INDEX = """CREATE INDEX projects_issue_search ON projects_issue USING gin (
    upper(title::text) gin_trgm_ops, upper(description::text) gin_trgm_ops, upper(external_id::text) gin_trgm_ops)"""
logger = logging.getLogger(__name__)


def index_words(apps, schema_editor):
    """Where the extension may not be installed, searches read the project's issues, as before."""
    if has_trigrams(schema_editor):
        schema_editor.execute(INDEX)


def has_trigrams(schema_editor):
    """Whether the extension is there, or could be installed."""
    if schema_editor.connection.vendor != "postgresql":
        return False
    try:
        with transaction.atomic(using=schema_editor.connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except Error as error:
        logger.warning("Searches go without an index: pg_trgm cannot be installed error=%s", type(error).__name__)
        return False
    return True


def forget_words(apps, schema_editor):
    """The extension stays: others may use it."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS projects_issue_search")


class Migration(migrations.Migration):

    dependencies = [("projects", "0015_find_history_by_project")]

    operations = [migrations.RunPython(index_words, forget_words)]
