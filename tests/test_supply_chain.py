"""What we depend on can be had for every Python we name, is audited, and is listed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.supply_chain import verdict
from tests.processes import ROOT

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: What uv says when it is the index that is away, and not a package.
NO_INDEX = re.compile(r"error sending request|Failed to fetch|dns error|[Cc]onnection refused|timed out|Network is")
UV = Path(sys.executable).with_name("uv")


@pytest.mark.slow
@pytest.mark.parametrize("version", PYTHONS)
def test_the_lock_has_wheels_for_every_python(version, tmp_path):
    """Found and not installed: what is locked, by its digest, and nothing that would have to be built."""
    uv = str(UV) if UV.exists() else shutil.which("uv")
    if uv is None:
        pytest.skip("There is no uv beside this Python: ./test puts it there.")
    command = [uv, "pip", "install", "--dry-run", "--target", str(tmp_path / "nowhere"), "--python-version", version]

    done = subprocess.run(
        [*command, "--only-binary", ":all:", "--require-hashes", "-r", "requirements-dev.txt"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    if done.returncode and NO_INDEX.search(done.stderr):
        pytest.skip("The package index cannot be reached: whether there are wheels is not known.")
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "nowhere").glob("*/METADATA")) == []


def test_every_place_names_the_same_pythons():
    lowest, highest = PYTHONS[0], PYTHONS[-1]
    beyond = f"3.{int(highest.partition('.')[2]) + 1}"
    bootstrap = (ROOT / "scripts/bootstrap.sh").read_text()

    assert f'requires-python = ">={lowest},<{beyond}"' in (ROOT / "pyproject.toml").read_text()
    assert all(f"python{version} " in bootstrap for version in PYTHONS)
    assert f"(3, 11) <= sys.version_info[:2] <= (3, {highest.partition('.')[2]})" in bootstrap
    for page in ("README.md", "docs/tutorial/first-prediction.md", "run"):
        assert f"Python {lowest} to {highest}" in (ROOT / page).read_text(), page


def test_a_known_weakness_fails_the_audit_and_says_what_heals_it(capsys):
    weak = {"name": "thing", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}

    assert verdict([weak, {"name": "other", "version": "2.0", "vulns": []}]) == 1
    assert capsys.readouterr().out == "thing 1.0: PYSEC-1, fixed in 1.1\n"


def test_what_the_source_does_not_know_is_said_and_fails_nothing(capsys):
    assert verdict([{"name": "thing", "skip_reason": "not found"}, {"name": "other", "version": "2", "vulns": []}]) == 0
    assert capsys.readouterr().out.startswith("note: 1 of 2 packages are unknown")


def test_an_image_without_buildah_is_said_in_one_line(tmp_path):
    for tool in ("sh", "dirname", "id"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "")

    done = subprocess.run(
        ["sh", str(ROOT / "scripts/image.sh")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (
        0,
        "image: not built, there is no buildah here (apt-get install buildah)\n",
    )
