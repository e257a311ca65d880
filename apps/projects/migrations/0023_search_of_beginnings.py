"""Of a description the index of words holds the beginning: whatever changes an issue writes all its words anew."""

from importlib import import_module

from django.db import migrations

BEFORE = import_module("apps.projects.migrations.0016_search_by_trigrams")
#: As the ORM writes `icontains` of `SEARCHED_CHARACTERS`.
INDEX = BEFORE.INDEX.replace("upper(description::text)", "upper(left(description, 2000)::text)")


def index_beginnings(apps, schema_editor):
    """In place of whole descriptions; where there is no extension, there is no index."""
    BEFORE.forget_words(apps, schema_editor)
    if BEFORE.has_trigrams(schema_editor):
        schema_editor.execute(INDEX)


def index_whole_texts(apps, schema_editor):
    """As it was."""
    BEFORE.forget_words(apps, schema_editor)
    BEFORE.index_words(apps, schema_editor)


class Migration(migrations.Migration):

    dependencies = [("projects", "0022_what_runs_has_not_ended")]

    operations = [migrations.RunPython(index_beginnings, index_whole_texts)]
