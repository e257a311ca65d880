"""What keeps the code readable: the core stands alone, files and functions stay short.

That imports point one way is `./check`'s to say.
"""

import ast
import re
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

from conftest import LONGEST_FIRST
from tests.database_only import ONE_ENGINE_SUFFICES, TOLD_ON_BOTH, is_told_by_one

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES_PER_FILE = 400
#: A screen, documentation not counted.
MOST_LINES_PER_FUNCTION = 60
MEDIAN_LINES_PER_FUNCTION = 10
#: More than a reader takes in at a glance; `__init__.py` not counted.
MOST_FILES_PER_FOLDER = 21
#: What Django looks for by name, and what effort and assignment call alike because it is the same part of each.
NAMES_OF_SEVERAL = {"Command"}
#: A place for figures as whoever runs the command has just named it: nothing else is in its row.
SAVED_WHOLE = {"apps/importers/management/commands/write_back.py"}
#: What the core may use: see docs/decisions/0001-functional-core.md.
FRAMEWORK = {"django", "rest_framework", "celery", "boto3", "botocore", "environ"}


@cache
def python_files() -> list[Path]:
    folders = (ROOT / name for name in ("apps", "base", "tests", "performance", "scripts"))
    files = (file for folder in folders for file in sorted(folder.rglob("*.py")))
    return [file for file in files if "migrations" not in file.parts]


def product_files() -> list[Path]:
    return [file for file in python_files() if file.is_relative_to(ROOT / "apps") and "tests" not in file.parts]


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


@cache
def functions(file: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree(file)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    documentation = ast.get_docstring(function, clean=False)
    everything = (function.end_lineno or function.lineno) - function.lineno + 1
    return everything - (len(documentation.splitlines()) if documentation else 0)


def modules_after(statement: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after a statement."""
    program = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def core_modules() -> list[str]:
    files = (file for file in sorted((ROOT / "apps/ml/core").rglob("*.py")))
    names = (".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)
    return [name.removesuffix(".__init__") for name in names]


def test_the_core_loads_without_the_framework():
    loaded = modules_after("\n".join(f"import {name}" for name in core_modules()))

    assert loaded & FRAMEWORK == set()


def test_a_file_holds_one_idea():
    long = {
        str(file.relative_to(ROOT)): lines
        for file in python_files()
        if (lines := len(file.read_text().splitlines())) > MOST_LINES_PER_FILE
    }

    assert long == {}


def test_no_function_is_longer_than_a_screen():
    long = [
        f"{file.relative_to(ROOT)}:{function.lineno} {function.name}"
        for file in python_files()
        for function in functions(file)
        if lines_of(function) > MOST_LINES_PER_FUNCTION
    ]

    assert long == []


def test_the_median_function_fits_in_a_glance():
    lengths = [lines_of(function) for file in product_files() for function in functions(file)]

    assert statistics.median(lengths) <= MEDIAN_LINES_PER_FUNCTION


def test_a_class_name_means_one_thing():
    places = defaultdict(list)
    for file in product_files():
        for node in tree(file).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(file.relative_to(ROOT)))

    assert {name: files for name, files in places.items() if len(files) > 1 and name not in NAMES_OF_SEVERAL} == {}


def test_one_place_composes_texts():
    """Unicode's forms take the square of a run of marks, with the interpreter held: `composing` does not."""
    own, slugs, beginnings = (
        ROOT / f"apps/{each}.py"
        for each in ("common/texts/composing", "importers/writing/people", "dashboard/templatetags/told")
    )
    places = {"unicodedata.normalize": own, "slugify": slugs, "Truncator": beginnings}
    elsewhere = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in [*product_files(), *(ROOT / "base").rglob("*.py")]
        for name, place in places.items()
        if file != place and re.search(rf"\b{name}\b|from unicodedata import.*\bnormalize\b", file.read_text())
    ]
    templates = [
        str(file.relative_to(ROOT))
        for file in (ROOT / "apps").rglob("templates/**/*.*")
        if re.search(r"\|(truncatechars|truncatechars_html|slugify)\b", file.read_text())
    ]

    assert elsewhere + templates == []


def test_a_folder_is_taken_in_at_a_glance():
    folders = Counter(str(file.parent.relative_to(ROOT)) for file in product_files() if file.name != "__init__.py")

    assert {folder: files for folder, files in folders.items() if files > MOST_FILES_PER_FOLDER} == {}


def test_a_row_is_saved_as_new_or_in_what_was_changed():
    """A bare `save()` undoes what others have changed since the row was read, and makes one that is gone anew."""
    bare = [
        f"{place}:{node.lineno}"
        for file in product_files()
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "save"
        if not (node.args or node.keywords) and (place := str(file.relative_to(ROOT))) not in SAVED_WHOLE
    ]

    assert bare == []


def test_what_happens_now_is_told_by_a_clock():
    """A moment that is read before a writer waits for a lock is recorded behind those that came first."""
    takes_clocks = {
        function.name
        for file in product_files()
        for function in functions(file)
        if any(
            each.arg == "now" and ast.unparse(each.annotation or each) == "When" for each in function.args.kwonlyargs
        )
    }
    read_too_early = [
        f"{file.relative_to(ROOT)}:{call.lineno}"
        for file in python_files()
        if "tests" not in file.parts
        for call in ast.walk(tree(file))
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] in takes_clocks
        if any(each.arg == "now" and ast.unparse(each.value) == "timezone.now()" for each in call.keywords)
    ]

    assert {"update_issue", "close_sprint", "import_issues", "sync"} <= takes_clocks
    assert read_too_early == []


def test_the_files_that_begin_first_are_there():
    assert [place for place in LONGEST_FIRST if not (ROOT / place).exists()] == []


def test_what_one_engine_tells_is_there():
    places = [*TOLD_ON_BOTH, *(place for places in ONE_ENGINE_SUFFICES.values() for place in places)]

    def is_there(place: str) -> bool:
        file, _, test = place.partition("::")
        return any(f"\ndef {test}" in each.read_text() if test else True for each in ROOT.glob(f"{file}*"))

    assert [place for place in places if not is_there(place)] == []


def test_no_test_that_sqlite_skips_is_left_out_on_postgresql():
    """Nothing would run it: the tests of the pages' races were never run until this looked."""
    skips_sqlite = re.compile(r'skipif\(\s*connection\.vendor (?:== "sqlite"|!= "postgresql")')
    skipping = [str(file.relative_to(ROOT)) for file in python_files() if skips_sqlite.search(file.read_text())]

    assert len(skipping) > 10
    assert [file for file in skipping if is_told_by_one(file)] == []
