"""`/metrics`: who may read it, what it adds up over processes, and that ten thousand projects stay few series."""

import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from prometheus_client.parser import text_string_to_metric_families

from apps.common.operations import metric_files, scrape
from apps.common.operations.metrics import FAILED_REQUESTS
from apps.common.operations.middleware import request_log

TOKEN = "a-token-that-only-prometheus-knows"


@pytest.fixture(autouse=True)
def nothing_from_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrape, "LIVE_METRICS", [])


def samples(text: bytes) -> dict[tuple[str, ...], float]:
    """(name, label values…) → value."""
    families = text_string_to_metric_families(text.decode())
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


def test_this_machine_itself_may_read_them_without_a_token(client: Client) -> None:
    response = client.get("/metrics")

    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    assert "python_info" in {key[0] for key in samples(response.content)}


@pytest.mark.parametrize(
    "meta",
    [
        {"REMOTE_ADDR": "10.0.0.7"},
        {"REMOTE_ADDR": ""},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_FORWARDED": "for=127.0.0.1"},
        {"HTTP_X_REAL_IP": "127.0.0.1"},
    ],
)
def test_others_and_whoever_comes_through_a_proxy_may_not(client: Client, meta: dict[str, Any]) -> None:
    response = client.get("/metrics", **meta)

    assert response.status_code == 403
    assert b"scrum_ml" not in response.content


@pytest.mark.parametrize(
    ("header", "status"), [(f"Bearer {TOKEN}", 200), ("Bearer wrong", 403), (TOKEN, 403), ("Bearer é", 403), ("", 403)]
)
def test_with_a_token_set_only_the_token_opens(client: Client, settings: Any, header: str, status: int) -> None:
    settings.METRICS_TOKEN = TOKEN

    response = client.get("/metrics", headers={"Authorization": header}, REMOTE_ADDR="10.0.0.7")

    assert response.status_code == status


def test_this_machine_needs_the_token_too_once_there_is_one(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN

    assert client.get("/metrics").status_code == 403


def test_a_failed_request_is_counted_by_route_and_not_by_address() -> None:
    request: Any = RequestFactory().get("/api/v1/ml/predict-effort/?title=secret")
    request.resolver_match = SimpleNamespace(route="api/v1/ml/predict-effort/")
    counter = FAILED_REQUESTS.labels(endpoint="api/v1/ml/predict-effort/")
    before = counter._value.get()

    request_log(lambda _: HttpResponse(status=500))(request)

    assert counter._value.get() == before + 1


# --- The files that processes share -------------------------------------------------------------------------------

COUNT_IN_A_PROCESS = """
import sys
from pathlib import Path
from apps.common.operations.metric_files import share
share(Path(sys.argv[1]))
from apps.common.operations.metrics import TRAININGS
TRAININGS.labels(type="effort_prediction", outcome="failed").inc(int(sys.argv[2]))
from prometheus_client import generate_latest, CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from apps.common.operations.metric_files import files, leave
with files(Path(sys.argv[1])) as paths:
    families = list(MultiProcessCollector.merge(paths))
for family in families:
    print(*[sample.value for sample in family.samples if sample.name.endswith("_total")])
if len(sys.argv) > 3:
    leave(Path(sys.argv[1]))
"""


def counted(root: Path, amount: int, *more: str) -> float:
    """What a new process sees after it has counted `amount` trainings."""
    command = [sys.executable, "-c", COUNT_IN_A_PROCESS, str(root), str(amount), *more]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_processes_of_several_machines_add_up(tmp_path: Path) -> None:
    counted(tmp_path, 2)
    [own] = tmp_path.iterdir()
    own.rename(tmp_path / "another-machine")

    assert counted(tmp_path, 3) == 5


def test_the_first_process_of_all_begins_at_nothing(tmp_path: Path) -> None:
    counted(tmp_path, 2)

    assert counted(tmp_path, 3) == 3


def test_counters_never_fall_while_any_process_lives(tmp_path: Path) -> None:
    """A web process is killed, its master lives, and a worker starts; and again."""
    folder = tmp_path / socket.gethostname()
    folder.mkdir()
    (folder / f"{os.getpid()}.alive").touch()

    assert [counted(tmp_path, amount) for amount in (2, 3, 1)] == [2, 5, 6]
    # What ended processes counted lies in one file a kind, however many they were.
    assert len(list(folder.glob("counter_*.db"))) == 2


def test_a_machine_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    counted(tmp_path, 2)
    [own] = tmp_path.iterdir()
    gone = own.rename(tmp_path / "gone")
    long_ago = time.time() - metric_files.GONE_AFTER_SECONDS - 1
    for path in gone.iterdir():
        os.utime(path, (long_ago, long_ago))

    assert counted(tmp_path, 3) == 3


def test_the_last_process_takes_the_files_and_leaves_the_folder_to_who_counts_later(tmp_path: Path) -> None:
    counted(tmp_path, 1, "leave")

    [own] = tmp_path.iterdir()
    assert list(own.iterdir()) == []


def test_a_process_that_ends_takes_nothing_away_from_those_that_go_on(tmp_path: Path) -> None:
    folder = tmp_path / socket.gethostname()
    folder.mkdir()
    own, other = folder / f"counter_{os.getpid()}.db", folder / f"counter_{os.getppid()}.db"
    own.touch()
    other.touch()

    metric_files.leave(tmp_path)

    assert own.exists()
    assert other.exists()


def test_the_folder_is_in_memory_or_below_the_var_folder_and_never_anothers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = tmp_path / "memory"
    monkeypatch.setattr(metric_files, "MEMORY", memory)
    without_memory = metric_files.metrics_root("", tmp_path)
    memory.mkdir()
    in_memory = metric_files.metrics_root("", tmp_path)
    in_memory.symlink_to(tmp_path)

    assert without_memory == tmp_path / "metrics"
    assert in_memory.parent == memory
    assert metric_files.metrics_root("", tmp_path) == tmp_path / "metrics"
    assert metric_files.metrics_root("/somewhere", tmp_path) == Path("/somewhere")


def test_the_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    counted(tmp_path / "metrics", 1)

    assert stat.S_IMODE((tmp_path / "metrics").stat().st_mode) == 0o700
