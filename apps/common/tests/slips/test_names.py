"""Names in the environment that were meant for this service, and the many that were not."""

import logging
import os
import re
from pathlib import Path

import pytest
from django.core.checks import run_checks

from apps.common.operations.environment import Environment
from apps.common.operations.slips import SETTINGS, names, refuse_slips

ROOT = Path(__file__).parents[4]
#: Of shells, systems, Python, Amazon's and Google's tools, CI, clusters, databases, proxies, and neighbours of ours.
ORDINARY = """
PATH HOME LANG LANGUAGE LC_ALL TZ PWD OLDPWD SHELL SHLVL TERM USER LOGNAME HOSTNAME EDITOR PAGER LS_COLORS MAIL
DISPLAY TMPDIR XDG_RUNTIME_DIR XDG_DATA_DIRS SSH_AUTH_SOCK SSH_CLIENT INVOCATION_ID JOURNAL_STREAM STATE_DIRECTORY
LOGS_DIRECTORY CACHE_DIRECTORY CONFIGURATION_DIRECTORY RUNTIME_DIRECTORY CREDENTIALS_DIRECTORY NOTIFY_SOCKET
LISTEN_PID VIRTUAL_ENV PYTHONPATH PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE PYTHONHASHSEED PYTHON_VERSION PIP_INDEX_URL
PIP_CACHE_DIR UV_CACHE_DIR AWS_REGION AWS_DEFAULT_REGION AWS_PROFILE AWS_ROLE_ARN AWS_ROLE_SESSION_NAME
AWS_WEB_IDENTITY_TOKEN_FILE AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_CA_BUNDLE AWS_MAX_ATTEMPTS AWS_RETRY_MODE
AWS_EC2_METADATA_DISABLED AWS_EXECUTION_ENV AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_CONTAINER_AUTHORIZATION_TOKEN
AWS_DEFAULT_OUTPUT AWS_STS_REGIONAL_ENDPOINTS AWS_USE_FIPS_ENDPOINT AWS_USE_DUALSTACK_ENDPOINT AWS_S3_USE_ARN_REGION
AWS_PAGER GOOGLE_APPLICATION_CREDENTIALS AZURE_CLIENT_ID AZURE_CLIENT_SECRET CLIENT_ID CLIENT_SECRET CI GITHUB_TOKEN
GITHUB_ACTIONS GITHUB_REF_NAME RUNNER_TEMP GITLAB_CI CI_PROJECT_DIR CI_SERVER_HOST CI_JOB_TOKEN JENKINS_URL BUILD_URL
TEST_DATABASE_URL KUBERNETES_SERVICE_HOST KUBERNETES_PORT_443_TCP REDIS_SERVICE_HOST REDIS_PORT WEB_PORT
WEB_SERVICE_PORT DATABASE_PORT PGHOST PGUSER PGPASSWORD PGDATABASE PGSSLMODE POSTGRES_PASSWORD POSTGRES_USER
POSTGRES_DB REDIS_PASSWORD MYSQL_URL http_proxy HTTPS_PROXY NO_PROXY ALL_PROXY SSL_CERT_FILE REQUESTS_CA_BUNDLE
DJANGO_SETTINGS_MODULE GUNICORN_CMD_ARGS OMP_NUM_THREADS OPENBLAS_NUM_THREADS TRACKER_TOKEN PORT HOST APP_ENV NODE_ENV
LOG_FILE LOG_DIR SENTRY_DSN API_KEY TOKEN SECRET PASSWORD EMAIL DOMAIN BASE_URL S3_SECRET_KEY CELERY_RESULT_BACKEND
FLOWER_PORT PROMETHEUS_MULTIPROC_DIR
"""
MEANT = {
    "REDIS_URL": "CELERY_BROKER_URL",
    "BROKER_URL": "CELERY_BROKER_URL",
    "CELERY_BROKER": "CELERY_BROKER_URL",
    "DB_URL": "DATABASE_URL",
    "DATABASE_URI": "DATABASE_URL",
    "SECRETKEY": "SECRET_KEY",
    "ALLOWED_HOST": "ALLOWED_HOSTS",
    "MODEL_STORE_DIRECTORY": "MODEL_STORE_DIR",
    "MODEL_STORE": "MODEL_STORE_DIR",
    "THROTTLE_RATE": "USER_THROTTLE_RATE",
    "AWS_STORAGE_BUCKET": "AWS_STORAGE_BUCKET_NAME",
    "AWS_S3_REGION": "AWS_S3_REGION_NAME",
    "AWS_S3_TIMEOUT": "AWS_S3_TIMEOUT_SECONDS",
    "JWT_ACCESS_MIN": "JWT_ACCESS_MINUTES",
    "OIDC_SECRET": "OIDC_CLIENT_SECRET",
    "LOGGING_LEVEL": "LOG_LEVEL",
    "WEB_CONCURRENCY": "WEB_WORKERS",
    "EMAIL_HOST": "EMAIL_URL",
    "VAR_DIR": "SCRUM_ML_VAR_DIR",
    "SCRUM_ML_DIR": "SCRUM_ML_VAR_DIR",
    "SCRUM_ML_DATABASE_URL": "DATABASE_URL",
    "DJANGO_SECRET_KEY": "SECRET_KEY",
    "DJANGO_ALLOWED_HOST": "ALLOWED_HOSTS",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Nothing but what a test puts there."""
    found: dict[str, str] = {}
    monkeypatch.setattr(os, "environ", found)
    monkeypatch.setattr(Environment, "ENVIRON", found)
    return found


def told() -> dict[str, str]:
    found = run_checks(tags=[SETTINGS], include_deployment_checks=True)
    return {each.msg.removesuffix(" is no setting."): str(each.hint) for each in found if "no setting" in each.msg}


@pytest.mark.parametrize(("name", "meant"), MEANT.items())
def test_a_name_that_was_meant_for_a_setting_is_told_with_that_one(
    environment: dict[str, str], name: str, meant: str
) -> None:
    environment[name] = "x"

    assert told() == {name: f"Is it {meant}?"}


def test_what_other_services_have_and_this_one_has_not_is_told_so(environment: dict[str, str]) -> None:
    environment |= {"TIME_ZONE": "Europe/Berlin", "SCRUM_ML_WHATEVER": "1"}

    assert told().keys() == {"TIME_ZONE", "SCRUM_ML_WHATEVER"}
    assert "each project has a time zone" in told()["TIME_ZONE"]


def test_what_others_have_in_an_environment_is_told_nobody(environment: dict[str, str]) -> None:
    environment |= dict.fromkeys(ORDINARY.split(), "x")

    assert told() == {}


def test_a_name_beside_the_right_one_has_another_use(environment: dict[str, str]) -> None:
    environment |= {"REDIS_URL": "redis://cache", "CELERY_BROKER_URL": "redis://broker"}

    assert told() == {}


def test_names_of_ours_that_are_no_settings_are_known() -> None:
    """Whatever scripts and modules call so, but for tests, which make some up."""
    python = [file for folder in ("apps", "base", "scripts") for file in (ROOT / folder).rglob("*.py")]
    files = [*(file for file in python if "tests" not in file.parts), *(ROOT / "tests").glob("*.py")]
    files += [*(ROOT / "scripts").glob("*.sh"), *(ROOT / name for name in ("run", "test", "check", "bench"))]

    named = {name for file in files for name in re.findall(r"\bSCRUM_ML_[A-Z_]*[A-Z]\b", file.read_text())}

    assert named - Environment.asked <= names.NO_SETTINGS


def test_thousands_of_names_delay_no_start(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    from apps.common.operations.slips import names

    asked: list[str] = []

    def note(name: str) -> str:
        asked.append(name)
        return ""

    monkeypatch.setattr(names, "_setting_like", note)
    environment |= dict.fromkeys([f"NAME_{n}" for n in range(20_000)] + ["X" * 100_000], "x")

    told()

    assert len(asked) <= 2 * 1_000
    assert max(map(len, asked)) <= 60


def test_the_start_logs_what_may_be_meant_and_goes_on(
    environment: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    environment["REDIS_URL"] = "redis://:geheim@host"

    with caplog.at_level(logging.WARNING):
        refuse_slips()

    assert caplog.messages == ["settings: REDIS_URL is no setting. Is it CELERY_BROKER_URL?"]
    caplog.clear()
    refuse_slips(is_told_later=True)
    assert caplog.messages == []
