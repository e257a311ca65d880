"""The tests in copies of one process: each is run once and told of, whatever becomes of who runs it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT, kept_environment

FILES = {
    "test_ends.py": """
        import os, signal
        def test_before(): pass
        def test_kills_its_process(): os.kill(os.getpid(), signal.SIGKILL)
        def test_behind(): pass
    """,
    "test_fails.py": """
        import pytest
        @pytest.fixture(scope="session")
        def left_open():
            yield
            raise ValueError("cannot be closed")
        def test_unequal(left_open, tmp_path):
            print("said before")
            assert tmp_path.parent.name == "nowhere"
    """,
    "test_works.py": """
        import pytest
        @pytest.mark.parametrize("n", range(3))
        def test_prints_its_own(n, capfd):
            print(n)
            assert capfd.readouterr().out == f"{n}\\n"
        @pytest.mark.skip(reason="not here")
        def test_skipped(): pass
    """,
}


def run(folder: Path, *options: str, processes: int = 2) -> subprocess.CompletedProcess[str]:
    """pytest with the plugin alone: nothing of this project's is loaded."""
    (folder / "pytest.ini").write_text("[pytest]")
    plugins = ["-p", "tests.side_by_side", "-p", "no:cacheprovider", "-n", str(processes), "-q", "-rsf", *options]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugins],
        cwd=folder,
        env=kept_environment() | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """What a run in two processes said of tests that pass, fail, are skipped, and kill their process."""
    folder = tmp_path_factory.mktemp("tests")
    for name, text in FILES.items():
        (folder / name).write_text(text.replace("\n        ", "\n"))
    return run(folder)


def test_a_test_that_fails_is_shown_as_by_one_process(told):
    assert "E       AssertionError: assert 'gw" in told.stdout
    assert "said before" in told.stdout
    assert "FAILED test_fails.py::test_unequal" in told.stdout
    assert "SKIPPED [1] test_works.py" in told.stdout
    assert told.returncode == 1


def test_what_ends_with_the_session_is_told_too(told):
    assert "ValueError: cannot be closed" in told.stdout


def test_a_process_that_dies_is_a_failure_of_the_test_that_it_ran(told):
    assert "FAILED test_ends.py::test_kills_its_process" in told.stdout
    assert "The process that ran it ended with SIGKILL." in told.stdout
    assert "not run, since their process ended: 1 tests" in told.stdout
    assert re.search(r"2 failed, 4 passed, 1 skipped, 1 error in ", told.stdout), told.stdout


def test_files_are_run_at_once_and_each_by_one_process(tmp_path):
    """Each of two files waits for the other to begin."""
    for own, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"test_{own}.py").write_text(
            "import os, time, pathlib\n"
            f"def test_meets_the_other(): \n"
            f"    pathlib.Path('{own}').write_text(str(os.getpid()))\n"
            f"    while not pathlib.Path('{other}').exists(): time.sleep(0.01)\n"
            f"def test_is_where_the_first_was(): assert pathlib.Path('{own}').read_text() == str(os.getpid())\n"
        )

    done = run(tmp_path)

    assert "4 passed" in done.stdout, done.stdout
    assert len({int((tmp_path / name).read_text()) for name in "ab"} | {os.getpid()}) == 3


def test_after_the_first_failure_nothing_more_is_begun(tmp_path):
    (tmp_path / "test_a.py").write_text("def test_fails(): assert 0\ndef test_never(): open('begun', 'w')")

    done = run(tmp_path, "-x")

    assert (done.returncode, (tmp_path / "begun").exists()) == (1, False)
    assert "stopping after 1 failures" in done.stdout
