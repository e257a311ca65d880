"""What we depend on can be had for every Python we name, is audited, and is listed."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts import supply_chain
from scripts.supply_chain import audit, verdict
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


def _wheel(folder, name, version="1", needs=""):
    """The smallest package there is, and its line in a lock."""
    inside = f"{name}-{version}.dist-info"
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nProvides-Extra: more\n{needs}"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{inside}/METADATA", about)
        wheel.writestr(f"{inside}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{inside}/RECORD", "")
    digest = hashlib.sha256(Path(wheel.filename).read_bytes()).hexdigest()
    return f"{name}=={version} --hash=sha256:{digest}\n"


@pytest.mark.slow
def test_where_the_installer_finds_nothing_pip_installs_the_same_lock(tmp_path):
    """Also where a package asks for an extra of another, which has a newer version by now."""
    lock = _wheel(tmp_path, "asking", needs="Requires-Dist: other[more]\n") + _wheel(tmp_path, "other")
    _wheel(tmp_path, "other", "2")
    (tmp_path / "lock.txt").write_text(lock)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True, timeout=120)
    (tmp_path / "venv/bin/uv").symlink_to("/bin/false")
    settings = {"ROOT": str(tmp_path), "SCRUM_ML_VENV": str(tmp_path / "venv")}
    settings |= {"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    settings |= {"PIP_CONFIG_FILE": os.devnull, "HOME": str(tmp_path)}

    done = subprocess.run(
        ["sh", "-c", f". {ROOT}/scripts/bootstrap.sh; bootstrap_install lock.txt"],
        env=settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert {each.name for each in tmp_path.glob("venv/lib/*/site-packages/*-1.dist-info")} == {
        "asking-1.dist-info",
        "other-1.dist-info",
    }


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


class _Weaknesses(BaseHTTPRequestHandler):
    """A source in the form of OSV: one of our packages has a weakness."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["package"]["name"]
        events = [{"introduced": "0"}, {"fixed": "9.9"}]
        affected = {"package": {"name": name, "ecosystem": "PyPI"}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
        weak = {"vulns": [{"id": "PYSEC-2026-1", "affected": [affected]}]} if name == "inflection" else {}
        body = json.dumps(weak).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing."""


@pytest.mark.slow
def test_the_lock_is_audited_where_a_source_can_be_reached(tmp_path, capfd):
    """By the real tool and over a socket; the first source is away, as behind a closed network."""
    few = tmp_path / "requirements.txt"
    blocks = re.findall(r"^(?:inflection|six)==.*(?:\n .*)+", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    few.write_text("\n".join(blocks))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Weaknesses)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    away, there = "http://127.0.0.1:9/", f"http://127.0.0.1:{server.server_port}/"
    osv = ["--vulnerability-service", "osv", "--timeout", "2", "--osv-url"]

    assert audit(few, [[*osv, away], [*osv, there]]) == 1
    assert re.fullmatch(r"inflection [\d.]+: PYSEC-2026-1, fixed in 9.9\n", capfd.readouterr().out)
    server.shutdown()
    server.server_close()


def test_where_no_source_knows_anything_nothing_was_audited_and_that_is_said(monkeypatch, capsys):
    unknown = [{"name": "thing", "skip_reason": "not found"}]
    answers = iter([(unknown, "it knows none of the packages"), ([], "connection refused")])
    monkeypatch.setattr(supply_chain, "_asked", lambda *_: next(answers))

    assert supply_chain.audit() == 0
    assert capsys.readouterr().out == (
        "note: nothing was audited, no source of weaknesses can be reached: connection refused\n"
    )


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


@pytest.mark.parametrize(
    ("python", "index", "told"),
    [
        ("exit 127", "ok", "not known, it needs Python 3.12 to 3.14"),
        (f'exec {sys.executable} "$@"', "exit 1", "not known, no environment can be made"),
    ],
    ids=["no newer Python", "no environment"],
)
def test_what_the_next_django_brings_is_told_and_fails_no_check(tmp_path, python, index, told):
    """Whatever is missing: one line, and the code is 0. The verdict itself takes minutes and an index."""
    tools = tmp_path / "tools"
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    tools.mkdir()
    for name in ("python3.12", "python3.13", "python3.14"):
        (tools / name).write_text(f"#!/bin/sh\n{python}\n")
    (tmp_path / "venv" / "bin" / "uv").write_text(f"#!/bin/sh\n{index}\n")
    for tool in (*tools.iterdir(), tmp_path / "venv" / "bin" / "uv"):
        tool.chmod(0o755)
    script = (ROOT / "scripts/next_django.sh").read_text().replace("bootstrap dev", "true")
    run = tmp_path / "run.sh"
    run.write_text(f"set -eu\nROOT={ROOT}\n{script}")

    done = subprocess.run(
        ["sh", str(run)],
        env={"PATH": f"{tools}:/usr/bin:/bin", "HOME": str(tmp_path), "SCRUM_ML_VENV": str(tmp_path / "venv")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1), done.stderr
    assert done.stdout.startswith(f"next-django: {told}")
