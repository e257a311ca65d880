"""Whatever is typed for an argument of a command of ours, it ends with a sentence and no traceback."""

import io
from argparse import Action
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.core.management.base import CommandParser

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


def tried() -> Iterator[tuple[str, str]]:
    for name in sorted(OURS):
        for action in arguments(name):
            yield name, action.dest


def words_of(action: Action, word: str) -> list[str]:
    return [f"{action.option_strings[0]}={word}"] if action.option_strings else [word]


@pytest.mark.parametrize(("name", "argument"), list(tried()))
@pytest.mark.django_db
def test_whatever_is_typed_ends_with_a_sentence(
    name: str, argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    Path("rows.csv").write_text(ROWS)
    ProjectFactory(key="SHOP")
    actions = sorted(arguments(name), key=lambda each: bool(each.option_strings))

    for word in TYPED:
        given = {each.dest: NEEDED[each.dest] for each in actions if each.dest in NEEDED} | {argument: word}
        typed = [words_of(each, given[each.dest]) for each in actions if each.dest in given]
        with suppress(CommandError, SystemExit):
            call_command(name, *chain(*typed), stdout=io.StringIO(), stderr=io.StringIO())
