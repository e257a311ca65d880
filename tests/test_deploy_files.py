"""Dockerfile, compose, dashboard and alerts agree with the code: no container engine runs where this is built."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY, Counter, Histogram

from apps.common.operations import metrics
from apps.common.operations.scrape import SCRAPE_SECONDS
from tests.test_settings_docs import settings_in_code

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
APP_SERVICES = ("migrate", "web", "worker", "trainer", "importer", "beat")
DASHBOARD = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text())
RULES = [
    rule for group in yaml.safe_load((ROOT / "deploy/alerts.yml").read_text())["groups"] for rule in group["rules"]
]
DOCUMENTATION = (ROOT / "docs/operations.md").read_text()
COUNTED: list[Any] = [each for each in vars(metrics).values() if isinstance(each, (Counter, Histogram))]
ASKED = metrics.LIVE_GAUGES | metrics.OUTBOX_GAUGES | metrics.IMPORT_GAUGES
GAUGES = [*metrics.SCRAPE_GAUGES, *ASKED]
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def dockerfile() -> list[tuple[str, str]]:
    """(instruction, arguments) in order, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return [(name, rest.strip()) for name, _, rest in (line.strip().partition(" ") for line in lines)]


def arguments(instruction: str) -> list[str]:
    return [rest for name, rest in dockerfile() if name == instruction]


def series() -> set[str]:
    """Every time series that the service can expose."""
    kinds = {each._name: each._type for each in COUNTED} | dict.fromkeys(GAUGES, "gauge")
    return {name + suffix for name, kind in kinds.items() for suffix in SUFFIXES[kind]}


def expressions() -> Iterator[tuple[str, str]]:
    """(where, PromQL) of every panel and alert."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield f"panel {panel['title']!r}", target["expr"]
    for rule in RULES:
        yield f"alert {rule['alert']}", rule["expr"]


# --- The image ----------------------------------------------------------------------------------------------------


def test_the_base_image_is_a_pinned_slim_python_that_the_project_supports():
    [base] = arguments("FROM")

    assert re.fullmatch(r"python:3\.1[123]\.\d+-slim-\w+", base)


def test_only_locked_packages_are_installed():
    [install] = [run for run in arguments("RUN") if "pip install" in run]

    assert "--require-hashes" in install
    assert "-r requirements.txt" in install


def test_the_process_is_nobody_special_and_cannot_change_the_code():
    instructions = dockerfile()
    names = [name for name, _ in instructions]

    assert arguments("USER") == ["scrum-ml"]
    assert max(n for n, name in enumerate(names) if name in ("COPY", "RUN")) < names.index("USER")
    assert not any("--chown" in each for each in arguments("COPY"))


def test_what_is_copied_exists_and_is_let_through():
    copied = [source for each in arguments("COPY") for source in each.split()[:-1]]
    let_through = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)

    assert sorted(copied) == sorted(let_through)
    assert all((ROOT / each).exists() for each in copied)


def test_no_secret_gets_into_the_image():
    first = next(line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#"))

    assert first == "*"
    assert not re.search(r"(KEY|TOKEN|PASSWORD)\s*=", "\n".join(arguments("ENV") + arguments("ARG")))


def test_the_code_is_compiled_and_the_process_is_watched():
    assert any("compileall" in each for each in arguments("RUN"))
    assert any("/health/live" in each for each in arguments("HEALTHCHECK"))


def test_the_product_imports_nothing_that_the_image_leaves_out():
    files = [file for folder in ("apps", "base") for file in (ROOT / folder).rglob("*.py") if "tests" not in file.parts]

    importing = [str(file) for file in files if re.search(r"^\s*(from|import) (\w+\.)*tests\b", file.read_text(), re.M)]

    assert importing == []


# --- The services -------------------------------------------------------------------------------------------------


def test_every_part_is_there_and_has_its_commands():
    assert set(APP_SERVICES) | {"postgres", "redis", "s3", "prometheus", "grafana"} == set(SERVICES)
    for name, word in (("migrate", "migrate"), ("worker", "worker"), ("beat", "beat")):
        assert word in SERVICES[name]["command"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_images_are_pinned_to_a_release(name: str):
    tag = SERVICES[name]["image"].rpartition(":")[2]

    assert re.fullmatch(r"v?\d+(\.\d+)+(-\w+)?", tag)


#: Never in production; and of the image, whose data lie in its volume and whose models in a bucket.
NOT_OF_CONTAINERS = {"DEBUG", "SCRUM_ML_VAR_DIR", "MODEL_STORE_DIR"}


@pytest.mark.parametrize("name", APP_SERVICES)
def test_a_container_has_all_settings_that_the_code_reads(name: str):
    assert set(SERVICES[name]["environment"]) == set(settings_in_code()) - NOT_OF_CONTAINERS


def test_what_env_says_is_what_a_container_has_unless_the_page_says_otherwise():
    """What compose fixes: where the engines are that it runs itself."""
    fixed = {name for name, said in COMPOSE["x-app"]["environment"].items() if said and f"${{{name}" not in said}

    row = next(line for line in DOCUMENTATION.splitlines() if "Compose itself says" in line)
    assert set(re.findall(r"`(\w+)`", row.partition("Compose itself says")[2])) == fixed


def test_every_variable_is_explained():
    variables = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))

    assert [name for name in sorted(variables) if f"`{name}`" not in DOCUMENTATION] == []


def test_no_secret_is_written_down_and_none_has_a_default():
    text = (ROOT / "compose.yaml").read_text()
    secret = [(name, rest) for name, rest in re.findall(r"\$\{(\w*(?:KEY|KEYS|TOKEN|PASSWORD))\b([^}]*)", text)]

    assert {name for name, _ in secret} >= {"SECRET_KEY", "ML_SIGNING_KEYS", "POSTGRES_PASSWORD", "S3_SECRET_KEY"}
    assert [(name, rest) for name, rest in secret if rest and not rest.startswith(":?") and rest != ":-"] == []


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate", "beat"}))
def test_what_serves_has_a_health_check(name: str):
    own = SERVICES[name].get("healthcheck", {})

    # The image's own check is the web server's.
    assert "test" in own or name == "web"


@pytest.mark.parametrize("name", APP_SERVICES)
def test_our_containers_have_few_rights(name: str):
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_nothing_is_reachable_from_outside_without_a_proxy():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_what_holds_data_keeps_it_in_a_volume():
    named = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    files = {each for each in named if each.startswith("./")}

    assert named - files == set(COMPOSE["volumes"])
    assert all((ROOT / each).exists() for each in files)


def test_tables_exist_before_anything_uses_them():
    for name in ("web", "worker", "beat"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_the_store_gets_the_bucket_and_keys_that_the_service_uses():
    ours, theirs = SERVICES["web"]["environment"], SERVICES["s3"]["environment"]

    assert theirs["S3_BUCKET"] == ours["AWS_STORAGE_BUCKET_NAME"]
    assert theirs["AWS_ACCESS_KEY_ID"] == ours["AWS_ACCESS_KEY_ID"]
    assert theirs["AWS_SECRET_ACCESS_KEY"] == ours["AWS_SECRET_ACCESS_KEY"]


# --- Monitoring ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_series_that_is_asked_for_can_exist(where: str, expression: str):
    asked = set(re.findall(r"\bscrum_ml_\w+", expression))

    assert asked - series() == set(), where
    assert asked or "up{" in expression


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_label_that_is_asked_for_exists(where: str, expression: str):
    grouped = {name.strip() for group in re.findall(r"\bby \(([^)]*)\)", expression) for name in group.split(",")}
    counted = {label for each in COUNTED for label in each._labelnames}
    live = {label for _, labels in ASKED.values() for label in labels}

    assert grouped - {"le"} - counted - live == set(), where


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_brackets_match(where: str, expression: str):
    for opening, closing in ("()", "{}", "[]"):
        assert expression.count(opening) == expression.count(closing), where


def test_every_metric_is_on_the_dashboard_and_in_the_documentation():
    shown = " ".join(expression for _, expression in expressions())
    names = {each._name for each in COUNTED} | set(GAUGES)

    assert [name for name in sorted(names) if name not in shown] == []
    assert [name for name in sorted(names) if name not in DOCUMENTATION] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_how_bad_it_is_and_what_to_do(rule: dict[str, Any]):
    page, _, anchor = rule["annotations"]["runbook"].partition("#")

    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"].endswith(".")
    assert page == "docs/operations.md"
    assert f"### {rule['alert']}\n" in DOCUMENTATION
    assert anchor == rule["alert"].lower()


def test_the_dashboard_has_distinct_panels_that_do_not_overlap():
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]

    assert len(set(places)) == len(set(ids)) == len(DASHBOARD["panels"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in DASHBOARD["panels"])


def test_dashboard_and_data_source_name_the_same_source():
    provisioned = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text())
    [source] = provisioned["datasources"]

    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {source["uid"]}


def test_prometheus_reads_our_rules_with_the_token_from_where_it_is_served():
    configuration = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())
    [job] = configuration["scrape_configs"]

    assert configuration["rule_files"] == ["alerts.yml"]
    times = configuration["global"]
    timeout, interval = (int(times[f"scrape_{each}"].removesuffix("s")) for each in ("timeout", "interval"))
    assert 2 * SCRAPE_SECONDS < timeout < interval, "whatever is away, a busy machine answers in time"
    assert job["metrics_path"] == "/metrics"
    assert job["authorization"]["credentials_file"].endswith(COMPOSE["services"]["prometheus"]["secrets"][0])
    [down] = [rule["expr"] for rule in RULES if rule["alert"] == "ScrumMLDown"]
    assert f'up{{job="{job["job_name"]}"}}' in down


def test_the_checks_that_are_documented_are_the_ones_that_exist():
    named = ("checks.py", "slips.py", "slips/*.py", "records.py")
    sources = [file for name in named for file in (ROOT / "apps").rglob(name) if "tests" not in file.parts]
    exist = {found for file in sources for found in re.findall(r'"(\w+\.[EW]\d{3})"', file.read_text())}
    table = set(re.findall(r"^\| (?:`[a-z]+\.[EW]\d{3}` ?)+", DOCUMENTATION, re.MULTILINE))
    table = set(re.findall(r"`(\w+\.[EW]\d{3})`", " ".join(table)))

    assert table == exist


def test_the_registry_holds_what_the_module_declares():
    assert {name for name in series() if name.endswith("_total")} <= set(REGISTRY._names_to_collectors)
