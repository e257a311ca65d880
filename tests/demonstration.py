"""The demonstration, made once for all tests that look at it, and in a network of its own where that can be had."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.made_once import made_once
from tests.processes import ONE_THREAD, ROOT, kept_environment

#: A network of its own in which only the loopback is up, as a plain user: it binds every library, not Python's only.
ALONE = ["unshare", "--user", "--map-root-user", "--net"]
#: From nothing to a demonstration with its models, on a busy machine.
PREPARED_SECONDS = 300
_NO_WAY_OUT = """
import fcntl, socket, struct
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14s", b"lo", 0x1 | 0x40, b""))
try:
    socket.create_connection(("192.0.2.1", 80), 1)
except OSError:
    pass
else:
    raise SystemExit("there is a way out")
"""
_PREPARE = """
import django
django.setup()
from base import demonstration
login = demonstration.prepare(None)
print(login)
"""
_ASK = """
from rest_framework.test import APIClient
client = APIClient(HTTP_HOST="localhost")
given = client.post("/api/v1/auth/token/", {"email": login.email, "password": login.password}, format="json").json()
client.credentials(HTTP_AUTHORIZATION="Bearer " + given["access"])
asked = {"title": "Fix authentication bug", "issue_type": "bug", "project_id": login.project_id}
answers = [
    client.post("/api/v1/ml/predict-effort/", asked, format="json"),
    client.post("/api/v1/ml/recommend-story-points/", asked, format="json"),
    client.post(f"/api/v1/ml/{login.project_id}/project-summary/"),
    client.get("/api/docs/"),
]
import json
print(json.dumps([[answer.status_code for answer in answers], answers[0].json()["method"]]))
"""


@dataclass(frozen=True)
class Demonstration:
    """An installation's folder, who may log in, and what it told and answered where there was no network."""

    folder: Path
    email: str
    password: str
    told: str
    answers: Any


@pytest.fixture(scope="session")
def demonstration(shared_folder: Path, with_tables: Callable[[Path], Path]) -> Demonstration:
    """To be copied by who changes it."""
    folder = shared_folder / "demonstration"
    told = made_once(shared_folder / "demonstration.txt", lambda: prepare(with_tables(folder))).read_text()
    email, password = login(told)
    return Demonstration(folder, email, password, told, json.loads(told.splitlines()[-1]))


def login(told: str) -> tuple[str, str]:
    """E-mail address and password, of what `prepare` told."""
    found = re.search(r"Login\(email='([^']*)', password='([^']*)'", told)
    assert found, told
    return found[1], found[2]


def prepare(folder: Path) -> str:
    """A first start without a server; what it told, with its answers in the last line."""
    around, guard = (ALONE, _NO_WAY_OUT) if can_be_alone() else ([], "")
    done = subprocess.run(
        [*around, sys.executable, "-c", guard + _PREPARE + _ASK],
        cwd=ROOT,
        env=environment_of(folder) | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PREPARED_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment_of(folder: Path) -> dict[str, str]:
    """Of everything that runs on this installation."""
    settings = {"SCRUM_ML_VAR_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "base.settings", "WEB_WORKERS": "1"}
    return kept_environment() | ONE_THREAD | {"LC_ALL": "C.UTF-8"} | settings


@cache
def can_be_alone() -> bool:
    """Whether this machine gives a process a network of its own."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode == 0
