"""Whatever is typed for an argument of a command of ours, it ends with a sentence and no traceback."""

import io
from argparse import Action
from contextlib import suppress
from itertools import chain, product
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.core.management.base import CommandParser
from django.db import transaction

from apps.projects.tests.factories import ProjectFactory

OURS = {name: app for name, app in get_commands().items() if str(app).startswith("apps.")}
DJANGOS = {action.dest for action in CommandParser(prog="manage.py")._actions} | {
    "version", "verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks",
}  # fmt: skip
#: A word, and a number without end.
TYPED = ("x", "9" * 40)
ROWS = "Key,Summary,Status,Created\nA-1,One,Done,2026-01-01\n"
#: What an argument needs that another one is tried beside.
NEEDED = {"key": "SHOP", "project": "SHOP", "figure": "hours", "html": "page.html", "file": "rows.csv",
          "email": "ada@example.com", "user": "ada@example.com", "model_type": "points_predictor"}  # fmt: skip


def arguments(name: str) -> list[Action]:
    """Those that take a word, other than Django's."""
    actions = load_command_class(OURS[name], name).create_parser("manage.py", name)._actions
    return [each for each in actions if each.dest not in DJANGOS and each.nargs != 0]


def words_of(action: Action, word: str) -> list[str]:
    return [f"{action.option_strings[0]}={word}"] if action.option_strings else [word]


# Names alone: to read the arguments of all loads the whole product, in each process that looks for tests.
@pytest.mark.parametrize("name", sorted(OURS))
@pytest.mark.django_db
def test_whatever_is_typed_ends_with_a_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    ProjectFactory(key="SHOP")
    actions = sorted(arguments(name), key=lambda each: bool(each.option_strings))
    broken = []

    for argument, word in product((each.dest for each in actions), TYPED):
        given = {each.dest: NEEDED[each.dest] for each in actions if each.dest in NEEDED} | {argument: word}
        typed = [words_of(each, given[each.dest]) for each in actions if each.dest in given]
        Path("rows.csv").write_text(ROWS)
        try:
            with transaction.atomic():
                with suppress(CommandError, SystemExit):
                    call_command(name, *chain(*typed), stdout=io.StringIO(), stderr=io.StringIO())
                transaction.set_rollback(True)
        except Exception as error:  # noqa: BLE001 - each is a finding
            broken.append(f"{argument} {word[:9]}: {error!r}")

    assert broken == []
