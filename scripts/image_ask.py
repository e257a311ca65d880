"""Runs inside the image (`scripts/image.sh`): starts the server as the image does, logs in, and asks it something."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ADDRESS = "http://127.0.0.1:18000"
PATIENCE_SECONDS = 120.0
SERVER = ["gunicorn", "--config", "base/gunicorn_conf.py", "--bind", "127.0.0.1:18000"]


def call(path: str, body: dict[str, Any] | None = None, token: str = "") -> Any:
    """One request; the answer's document."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ADDRESS + path, data, headers)  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.loads(answer.read())


def wait_until_ready(server: "subprocess.Popen[bytes]") -> str:
    """What `/health/ready` says, once it says anything but 'unavailable'."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            return str(call("/health/ready")["status"])
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.5)
    sys.exit("it does not become ready")


def main() -> None:
    """Start, ask, stop; the last line says what was answered."""
    password = next(Path(os.environ["SCRUM_ML_VAR_DIR"]).glob("*password*")).read_text().strip()
    server = subprocess.Popen(SERVER)  # noqa: S603 - what the image itself starts
    try:
        ready = wait_until_ready(server)
        token = call("/api/v1/auth/token/", {"email": "demo@example.com", "password": password})["access"]
        project = call("/api/v1/projects/", token=token)["results"][0]["id"]
        asked = {"title": "Fix authentication bug", "issue_type": "bug", "project_id": project}
        said = call("/api/v1/ml/predict-effort/", asked, token)
    finally:
        server.terminate()
        server.wait()
    print(f"serves as user {os.getuid()}, is {ready}, and predicts {said['predicted_hours']} h by {said['method']}")


if __name__ == "__main__":
    main()
