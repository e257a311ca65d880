"""Health and metrics of the real web server and worker on real engines, which are cut off one by one."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests import engines
from tests.engine_process import free_ports
from tests.processes import ROOT, Processes, kept_environment

pytestmark = pytest.mark.engine

TOKEN = "token-of-the-operations-test"
PREDICTIONS = 24
MAKE_A_TEAM = """
from apps.accounts.tests.factories import UserFactory
from apps.projects.models import TeamMember
from apps.projects.tests.factories import ProjectFactory
from django.utils import timezone
from apps.accounts.log_ins import access_token
user = UserFactory(email="lead@example.com")
member = TeamMember.objects.create(project=ProjectFactory(key="OPS"), user=user, role=TeamMember.Role.LEAD)
print(f"{member.project_id} {access_token(user, now=timezone.now())}")
"""


@dataclass(slots=True)
class Service(Processes):
    """A running web server with two processes, and the engines below it."""

    address: str
    postgres: engines.PostgresServer
    valkey: engines.ValkeyServer
    s3: engines.S3Server

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        return self._ask(urllib.request.Request(self.address + path, headers=headers))

    def post(self, path: str, body: dict[str, Any], **headers: str) -> tuple[int, str]:
        headers = {"Content-Type": "application/json", **headers}
        return self._ask(urllib.request.Request(self.address + path, json.dumps(body).encode(), headers=headers))

    def ready(self) -> tuple[int, str, dict[str, str]]:
        """Status code, overall status, and each part's."""
        code, text = self.get("/health/ready")
        body = json.loads(text)
        return code, body["status"], {name: line["status"] for name, line in body["checks"].items()}

    def wait_until(self, code: int, status: str, *, failing: set[str] | None = None) -> dict[str, str]:
        """The parts, once readiness is as named, and of the parts only those fail."""

        def found() -> dict[str, str] | None:
            answered, told, parts = self.ready()
            return parts if (answered, told) == (code, status) and failing in (None, not_ok(parts)) else None

        parts: dict[str, str] = self.wait_for(found)
        return parts

    def is_live(self) -> bool:
        try:
            return self.get("/health/live")[0] == 200
        except OSError:
            return False

    @staticmethod
    def _ask(request: urllib.request.Request) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: engines.PostgresServer,
    valkey_server: engines.ValkeyServer,
    s3_server: engines.S3Server,
) -> Iterator[Service]:
    [port] = free_ports(1)
    directory = tmp_path_factory.mktemp("operations")
    database_url = engines.new_database(postgres_server.url, "operations", like=engines.MIGRATED)
    environment = _environment(directory, database_url, valkey_server, s3_server)
    found = Service(directory, environment, f"http://127.0.0.1:{port}", postgres_server, valkey_server, s3_server)
    try:
        found.serve(port)
        found.wait_for(found.is_live)
        yield found
    finally:
        found.end()


def _environment(
    directory: Path, database_url: str, valkey: engines.ValkeyServer, s3: engines.S3Server
) -> dict[str, str]:
    return {
        **kept_environment(),
        "SCRUM_ML_VAR_DIR": str(directory / "var"),
        "DATABASE_URL": database_url,
        "CELERY_BROKER_URL": valkey.url,
        "AWS_STORAGE_BUCKET_NAME": s3.bucket,
        "AWS_STORAGE_PREFIX": "operations",
        "AWS_S3_ENDPOINT_URL": s3.endpoint_url,
        "AWS_ACCESS_KEY_ID": s3.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.secret_key,
        "METRICS_TOKEN": TOKEN,
        "LOG_FORMAT": "json",
    }


def not_ok(parts: dict[str, str]) -> set[str]:
    return {name for name, status in parts.items() if status != "ok"}


def value(text: str, name: str, **labels: str) -> float:
    """The sum of all samples of a name that carry the labels."""
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())


def test_metrics_add_up_over_the_processes_of_the_web_server(service: Service):
    project_id, token = service.manage("shell", "--no-imports", "-c", MAKE_A_TEAM).split()
    issue = {"title": "A title that is nobody's business", "issue_type": "bug", "project_id": project_id}
    answers = [
        service.post("/api/v1/ml/predict-effort/", issue, Authorization=f"Bearer {token}") for _ in range(PREDICTIONS)
    ]

    scrapes = [service.get("/metrics", Authorization=f"Bearer {TOKEN}") for _ in range(6)]

    assert {code for code, _ in answers} == {200}
    # Whichever process answers the scrape, it answers for both.
    assert {value(text, "scrum_ml_predictions_total", type="effort_prediction") for _, text in scrapes} == {PREDICTIONS}


def test_metrics_are_refused_without_the_token(service: Service):
    code, text = service.get("/metrics")

    assert code == 403
    assert "scrum_ml_" not in text


def test_the_log_is_json_and_holds_no_title_and_no_secret(service: Service):
    service.get("/api/v1/projects/", **{"X-Request-ID": "from-the-proxy-1"})

    log = service.log.read_text()

    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert "from-the-proxy-1" in {line.get("request_id") for line in lines}
    secrets = [service.environment[name] for name in ("AWS_SECRET_ACCESS_KEY", "METRICS_TOKEN", "CELERY_BROKER_URL")]
    for secret in ("nobody's business", *secrets):
        assert secret not in log


@pytest.mark.usefixtures("engines_started_again")
def test_every_part_that_is_cut_off_is_named_and_only_the_database_is_required(service: Service):
    parts = service.wait_until(200, "degraded")
    assert not_ok(parts) == {"active_models", "workers"}

    service.valkey.engine.kill()
    service.s3.engine.kill()
    service.wait_until(200, "degraded", failing={"active_models", "workers", "broker", "store"})

    service.postgres.engine.kill()
    parts = service.wait_until(503, "unavailable")
    assert (parts["database"], parts["migrations"]) == ("down", "down")
    assert service.get("/health/live")[0] == 200

    for engine in (service.postgres.engine, service.valkey.engine, service.s3.engine):
        engine.start()
    service.wait_until(200, "degraded", failing={"active_models", "workers"})


def test_the_deploy_checks_find_the_engines_that_answer(service: Service):
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy"],
        cwd=ROOT,
        env=service.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    found = {word.strip("()") for word in (done.stdout + done.stderr).split() if word.startswith(("(common", "(ml"))}
    assert found == {"common.W001", "common.W002", "common.W003", "common.W004", "ml.W002"}
