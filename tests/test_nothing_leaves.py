"""Nothing leaves the house: the suite runs without the outside, and so does the demonstration."""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request

import pytest

from tests.nothing_leaves import LeavesTheHouse, is_here
from tests.processes import ROOT, kept_environment

#: A network of its own in which only the loopback is up, as a plain user: it binds every library, not Python's only.
ALONE = ["unshare", "--user", "--map-root-user", "--net"]
IN_IT = """
import fcntl, socket, struct
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14s", b"lo", 0x1 | 0x40, b""))
try:
    socket.create_connection(("192.0.2.1", 80), 1)
except OSError:
    pass
else:
    raise SystemExit("there is a way out")
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "base.settings"
import django
django.setup()
from base import demonstration
login = demonstration.prepare(None)
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


@pytest.mark.parametrize("host", ["192.0.2.1", "example.com", "2001:db8::1", b"example.com", "10.0.0.1"])
def test_another_machine_is_elsewhere(host):
    assert not is_here(host)


@pytest.mark.parametrize("host", ["example.com", b"example.com"])
def test_nobody_outside_is_asked_for_a_name(host):
    with pytest.raises(LeavesTheHouse):
        socket.getaddrinfo(host, 80)


def test_a_connection_by_number_is_refused_before_it_is_made():
    with socket.socket() as sock, pytest.raises(LeavesTheHouse):
        sock.connect(("192.0.2.1", 80))
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(LeavesTheHouse):
        sock.sendto(b"a name", ("192.0.2.1", 53))


def test_libraries_meet_the_same_wall():
    with pytest.raises(OSError, match="leave the house"):
        urllib.request.urlopen("http://example.com/", timeout=5)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "::1", "localhost", None, "0.0.0.0"])
def test_this_machine_is(host):
    assert is_here(host)


def can_be_alone():
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.slow
def test_the_demonstration_trains_and_answers_without_any_network(tmp_path):
    if not can_be_alone():
        pytest.skip("unshare cannot make a network of its own here: the demonstration is not tried without one.")
    environment = {**kept_environment(), "SCRUM_ML_VAR_DIR": str(tmp_path / "var"), "OMP_NUM_THREADS": "1"}

    done = subprocess.run(
        [*ALONE, sys.executable, "-c", IN_IT],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT), "LC_ALL": os.environ.get("LC_ALL", "C.UTF-8")},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [[200, 200, 200, 200], "ml_model"]
