"""The proxy of the production guide: it starts, and says whose request it is in place of what a client says."""

import re
import shutil
import subprocess
import textwrap
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.engine_process import free_ports, guarded
from tests.receivers import webhook_receiver

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "docs/how-to/run-in-production.md").read_text()
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
PATIENCE_SECONDS = 60


def configuration(folder: Path, *, port: int, service: int) -> str:
    """What the guide shows, on ports of ours and without certificates."""
    shown = re.search(r"With nginx, in `http`:\n\n((?:    .*\n|\n)+)", GUIDE)
    assert shown
    servers = re.sub(r"\n *ssl_certificate.*", "", textwrap.dedent(shown[1]))
    for theirs, ours in (("listen 80", f"listen unix:{folder}/plain"), ("listen 443 ssl", f"listen 127.0.0.1:{port}"),
                         ("127.0.0.1:8000", f"127.0.0.1:{service}")):  # fmt: skip
        assert theirs in servers
        servers = servers.replace(theirs, ours)
    kept = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr;\n"
        f"events {{}} http {{ access_log off; {kept}\n{servers} }}"
    )


@pytest.mark.skipif(NGINX is None, reason="nginx is not on this machine")
def test_the_proxy_of_the_guide_says_whose_request_it_is(tmp_path: Path) -> None:
    assert NGINX
    [port] = free_ports(1)
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "Host": "scrum.example.com"}
    with webhook_receiver() as service:
        (tmp_path / "nginx.conf").write_text(configuration(tmp_path, port=port, service=service.port))
        command = [NGINX, "-p", str(tmp_path), "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
        proxy = subprocess.Popen(guarded(command))
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{port}/", b"x", forged)
            answer(request, proxy)
        finally:
            proxy.kill()
            proxy.wait()

    [posted] = service.received
    passed = {name: posted.headers[name] for name in forged}
    assert passed == forged | {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http"}


def answer(request: urllib.request.Request, proxy: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()
        except urllib.error.URLError:
            assert proxy.poll() is None, "nginx refuses the configuration"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def test_both_pages_name_what_a_proxy_has_to_write() -> None:
    operations = (ROOT / "docs/operations.md").read_text()

    for header in ("Host", "X-Forwarded-Proto", "X-Forwarded-For"):
        assert f"proxy_set_header {header} " in GUIDE
        assert f"`{header}`" in operations
