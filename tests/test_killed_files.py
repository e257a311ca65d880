"""What a process that is killed leaves of people's texts outside of database and store: nothing, or what is told."""

import ast
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ONE_THREAD, ROOT, has_unnamed_files, kept_environment
from tests.test_architecture import python_files, tree

#: Files without a name: the kernel frees them with whoever has them open.
UNNAMED = {"TemporaryFile", "SpooledTemporaryFile", "gettempdir"}
#: By which a file comes to its name when it is written, from another one.
INTO_PLACE = {"replace", "rename", "renames", "link"}
#: Who names a file for a while, and why no text of people is left in it.
NAMED = {
    "apps/common/operations/metric_files/__init__.py": "a folder of numbers, which the next process takes away",
    "apps/common/operations/metric_files/tallies.py": "numbers, in that folder",
    "apps/common/operations/unnamed_files.py": "where there are none without; the next one or the sweep takes it away",
    "base/beat.py": "moments of tasks, put away as damaged; no text of people",
    "base/folder_broker.py": "messages, which hold ids; the next channel takes them away",
    "base/settings_test.py": "the tests' own installation",
}


def named_for_a_while(file: Path) -> set[str]:
    """What a module uses that gives a file a name which is not its last."""
    found = set()
    for node in ast.walk(tree(file)):
        match node:
            case ast.Attribute(value=ast.Name("tempfile"), attr=name) if name not in UNNAMED:
                found.add(name)
            case ast.ImportFrom(module="tempfile", names=names):
                found |= {each.name for each in names} - UNNAMED
            case ast.Attribute(value=ast.Name("os"), attr=name) if name in INTO_PLACE:
                found.add(name)
            case ast.Attribute(attr="hardlink_to" | "rename"):
                found.add(node.attr)
            case ast.Name(id="TemporaryUploadedFile" | "TemporaryFileUploadHandler"):
                found.add(node.id)
    return found


def test_no_module_names_a_file_for_a_while_but_those_that_say_why():
    product = [file.relative_to(ROOT) for file in python_files() if "tests" not in file.parts]
    naming = {
        file.as_posix() for file in product if file.parts[0] in ("apps", "base") and named_for_a_while(ROOT / file)
    }

    assert naming == set(NAMED)


def test_a_process_that_is_killed_with_a_file_in_its_hands_leaves_nothing_of_it(with_tables, tmp_path):
    var, temporary, backups = with_tables(tmp_path / "var"), tmp_path / "temporary", tmp_path / "backups"
    if not has_unnamed_files(tmp_path):
        pytest.skip("this file system names every file: the next one takes away what is left")
    temporary.mkdir()
    backups.mkdir()
    # SQLite's own are elsewhere without its variable.
    folders = dict.fromkeys(("TMPDIR", "SQLITE_TMPDIR"), str(temporary))

    done = subprocess.run(
        [sys.executable, "-m", "tests.killed_files", str(backups)], cwd=ROOT, capture_output=True, text=True,
        env=kept_environment() | ONE_THREAD | folders | {"SCRUM_ML_VAR_DIR": str(var)}, check=False,
    )  # fmt: skip

    assert done.returncode == os.EX_OK, done.stderr
    told = json.loads(done.stdout)
    assert set(told) == {"import", "lines", "trial", "preview", "upload", "backup", "store"}
    assert {name: each for name, each in told.items() if each != {"signal": signal.SIGKILL, "left": []}} == {}
