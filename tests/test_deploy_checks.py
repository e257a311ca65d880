"""`check --deploy`: each mistake in the settings is named, with a hint; a sound production reports nothing."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.db import OperationalError, connection
from drf_spectacular.settings import spectacular_settings

from apps.common.operations import checks, health
from apps.common.operations.health import Check, Health
from apps.common.operations.slips import values
from apps.importers.connections import connect
from apps.importers.sources.registry import place_of
from apps.ml import health as ml_health
from apps.ml.tests.factories import MLModelFactory
from apps.projects.tests.factories import ProjectFactory
from conftest import NOW
from tests.receivers import mail_server

STRONG, ALSO_STRONG = "k3Vd9-QmZ7xW_pL2sYf8RtB4nHc6", "w8Xq2_NjK5vD-tG1zMa7PbE9rSu3"
PRODUCTION: dict[str, Any] = {
    "SECRET_KEY": STRONG * 2,
    "ML_SIGNING_KEYS": [ALSO_STRONG],
    "CONNECTION_KEYS": [STRONG],
    "METRICS_TOKEN": STRONG,
    "ALLOWED_HOSTS": ["scrum.example.com"],
    "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
    "SECURE_SSL_REDIRECT": True,
    "SECURE_HSTS_SECONDS": 31_536_000,
    "CELERY_BROKER_URL": "redis://broker/0",
    "AWS_STORAGE_BUCKET_NAME": "models",
    "EMAIL_URL": "smtp+tls://mail.example.com",
    "DEFAULT_FROM_EMAIL": "Scrum ML <scrum@example.com>",
    "PUBLIC_URL": "https://scrum.example.com",
}
ENGINES_ARE_UP = {name: Check(lambda: Health("ok", "It answers.")) for name in ("database", "migrations", "broker")}


@pytest.fixture
def production(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings without a mistake, on engines that answer."""
    for name, value in PRODUCTION.items():
        setattr(settings, name, value)
    monkeypatch.setattr(checks, "CHECKS", dict(ENGINES_ARE_UP))
    monkeypatch.setattr(ml_health, "whole_store", lambda: Health("ok", "It answers."))
    return settings


def findings() -> dict[str, CheckMessage]:
    return {str(each.id): each for each in run_checks(include_deployment_checks=True)}


@pytest.mark.django_db
def test_a_sound_production_on_one_database_file_has_only_that_to_hear(
    production: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spectacular_settings, "ENABLE_DJANGO_DEPLOY_CHECK", True)
    MLModelFactory(is_active=True)

    one_file = {"common.W005"} if connection.vendor == "sqlite" else set()
    assert set(findings()) - {"security.W005", "security.W021"} == one_file


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value", "finding"),
    [
        ("ML_SIGNING_KEYS", ["short"], "common.E001"),
        ("ML_SIGNING_KEYS", ["a" * 40], "common.E001"),
        ("CONNECTION_KEYS", ["short"], "common.E001"),
        ("METRICS_TOKEN", "secret", "common.E001"),
        ("ALLOWED_HOSTS", ["*"], "common.E002"),
        ("ML_SIGNING_KEYS", [STRONG * 2], "common.W001"),
        ("ALLOWED_HOSTS", ["localhost"], "common.W003"),
        ("SECURE_PROXY_SSL_HEADER", None, "common.W004"),
        ("CELERY_BROKER_URL", "filesystem://", "common.W006"),
        ("DEBUG", True, "security.W018"),
        ("SECRET_KEY", "weak", "security.W009"),
        ("SESSION_COOKIE_SECURE", False, "security.W012"),
        ("SECURE_SSL_REDIRECT", False, "security.W008"),
        ("SECURE_HSTS_SECONDS", 0, "security.W004"),
        ("AWS_STORAGE_BUCKET_NAME", None, "ml.W001"),
        ("EMAIL_URL", "", "notifications.W001"),
        ("WEBHOOK_ALLOWED_NETWORKS", ["10.0.0.1/8"], "common.E006"),
        *(
            ("ALLOWED_HOSTS", [host], "common.E006")
            for host in ("https://a.example", "a.example:80", "::1", "a.example/", "*.example.com", ".", "a.*")
        ),
        *(
            ("ALLOWED_HOSTS", [host], "common.E006")
            for host in ("'5'", "a..example", "münchen.example", "a.example.", "5;b", "a_b", "-a.example", "x" * 300)
        ),
        *(
            ("DEFAULT_FROM_EMAIL", sender, "common.E006")
            for sender in (
                "Scrum ML",
                "a@x.example, b@x.example",
                "a@x.example b",
                "A <a@x.example>;",
                "A: <a@x.example>",
                "a@x.example\n",
                "A\n <a@x.example>",
                "A\t<a@x.example>",
                "a@x.example\r\nBcc: b@x.example",
                "a@\u200bx.example",
            )
        ),
        *(
            ("CELERY_BROKER_URL", f"amqp://u:p@mq.example//?{option}", "common.E006")
            for option in ("connect_timeout=abc", "heartbeat=-5", "login_method=FOO", "heartbeat=nan", "what=1")
        ),
        *(("ALLOWED_HOSTS", [host], "common.E006") for host in ("256.256.1.1", "1.2.3", "a.example.5")),
        (
            "SIMPLE_JWT",
            {"ACCESS_TOKEN_LIFETIME": timedelta(days=30), "REFRESH_TOKEN_LIFETIME": timedelta(days=1)},
            "common.E006",
        ),
        ("METRICS_TOKEN", STRONG + "ä", "common.E006"),
        ("PUBLIC_URL", "https://a.example/?b", "common.E006"),
        ("PUBLIC_URL", "https://a.example/#b", "common.E006"),
        *(
            ("PUBLIC_URL", f"https://{host}", "common.E006")
            for host in ("*.a.example", "a..example", "-a", "%00", "ann:geheim@a.example", ".a.example")
        ),
        *(
            ("PUBLIC_URL", f"https://{rest}", "common.E006")
            for rest in (
                "a%41.example",
                "a%0a.example",
                "a.example/%0a",
                "a.example/%1B",
                "a.example/%7f",
                "a.example/%zz",
            )
        ),
        ("AWS_S3_ENDPOINT_URL", "http://stor%61ge:9000", "ml.E001"),
        ("OIDC_NAME", "Single\nsign-on", "common.E006"),
        ("DEFAULT_FROM_EMAIL", "scrum@\u2603.example", "notifications.E002"),
        ("DEFAULT_FROM_EMAIL", "scrum-ml@localhost", "common.W009"),
        ("ML_HISTORY_DAYS", 1, "common.W009"),
        ("ALLOWED_HOSTS", ["other.example.com"], "common.W009"),
        ("MODEL_STORE_DIR", "/proc/models", "common.E006"),
        ("METRICS_DIR", "/tmp", "common.E006"),
        ("AWS_ACCESS_KEY_ID", "only-the-id", "ml.E001"),
        ("AWS_SESSION_TOKEN", "only-the-token", "ml.E001"),
        ("AWS_S3_ENDPOINT_URL", "storage:9000", "ml.E001"),
        ("AWS_S3_ENDPOINT_URL", "http://storage/?x=1", "ml.E001"),
        ("AWS_S3_ENDPOINT_URL", "http://user:password@storage", "ml.E001"),
    ],
)
def test_a_mistake_is_named_and_comes_with_a_hint(production: Any, name: str, value: object, finding: str) -> None:
    production.OIDC_ISSUER = "https://id.example.com" if name.startswith("OIDC_") else ""
    production.OIDC_RP_CLIENT_ID = production.OIDC_RP_CLIENT_SECRET = "known" if production.OIDC_ISSUER else ""
    setattr(production, name, value)

    found = findings()[finding]

    assert found.hint or finding.startswith("security.")


@pytest.mark.parametrize("rate", ["-5/min", "0/min", "20/month", "20/", "20 per minute", "1_0/min"])
def test_a_rate_that_lets_nobody_in_or_means_something_else_is_none(rate: str) -> None:
    assert not values._is_rate(rate)


@pytest.mark.parametrize("rate", ["", "20/min", "1200/m", "30/hour", "5/d"])
def test_rates_are_numbers_by_units_of_time(rate: str) -> None:
    assert values._is_rate(rate)


@pytest.mark.django_db
def test_a_secret_that_this_machine_made_is_not_another_machines(production: Any, tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text(production.SECRET_KEY + "\n")
    production.VAR_DIR = tmp_path

    assert "common.W002" in findings()


@pytest.mark.django_db
def test_two_addresses_of_the_store_exclude_each_other(production: Any) -> None:
    production.AWS_S3_ENDPOINT_URL, production.AWS_S3_USE_ACCELERATE_ENDPOINT = "https://storage", True

    assert "exclude each other" in findings()["ml.E001"].msg


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "value"), [("AWS_S3_ENDPOINT_URL", "https://storage"), ("AWS_STORAGE_PREFIX", "a")])
def test_what_is_of_a_bucket_without_one_is_named(production: Any, name: str, value: str) -> None:
    production.AWS_STORAGE_BUCKET_NAME = None
    setattr(production, name, value)

    assert findings()["ml.E001"].hint == "Set AWS_STORAGE_BUCKET_NAME."


@pytest.mark.django_db
def test_no_active_model_is_a_warning_until_there_is_one(production: Any) -> None:
    before = findings()
    MLModelFactory(is_active=True)

    assert "ml.W002" in before
    assert "ml.W002" not in findings()


@pytest.mark.django_db
@pytest.mark.parametrize(("engine", "finding"), [("database", "common.E004"), ("broker", "common.E005")])
def test_an_engine_that_cannot_be_reached_is_an_error(
    production: Any, monkeypatch: pytest.MonkeyPatch, engine: str, finding: str
) -> None:
    def refuse() -> Health:
        raise OperationalError("connection refused\nDETAIL: a row")

    monkeypatch.setitem(vars(checks)["CHECKS"], engine, Check(refuse))

    assert findings()[finding].msg.endswith("cannot be used: connection refused")


@pytest.mark.django_db
def test_tables_that_are_missing_are_told_with_what_makes_them(
    production: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = Check(lambda: Health("unavailable", "3 migrations are missing"))
    monkeypatch.setitem(vars(checks)["CHECKS"], "migrations", missing)

    found = findings()["common.E008"]

    assert (found.msg, found.hint) == (
        "The database is not up to date: 3 migrations are missing", "./run manage migrate"
    )  # fmt: skip


@pytest.mark.django_db
def test_tokens_that_are_sealed_with_the_secret_of_everything_are_told_where_there_are_any(production: Any) -> None:
    production.CONNECTION_KEYS = [production.SECRET_KEY]
    before = findings()
    connect(ProjectFactory(), place_of("github", "", "a/b"), "token", by=None, now=NOW)

    assert "upkeep.W002" not in before
    assert "upkeep.W002" in findings()
    production.CONNECTION_KEYS = [STRONG, production.SECRET_KEY]
    assert "upkeep.W002" not in findings()


@pytest.mark.django_db
def test_a_store_that_cannot_be_reached_is_an_error(production: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    production.AWS_S3_ENDPOINT_URL, production.AWS_S3_MAX_RETRIES = "http://127.0.0.1:1", 0
    production.AWS_ACCESS_KEY_ID = production.AWS_SECRET_ACCESS_KEY = "any"

    assert "S3 listing failed in bucket 'models'" in findings()["ml.E001"].msg


def test_readiness_and_the_deploy_checks_ask_the_same_questions() -> None:
    assert vars(checks)["CHECKS"] is health.CHECKS


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("scheme", "port", "is_told"),
    [
        ("smtp", 465, True), ("smtp+tls", 465, True), ("smtp+ssl", 587, True), ("smtp+ssl", 25, True),
        ("smtp", 25, False), ("smtp", 587, False), ("smtp+tls", 587, False), ("smtp+ssl", 465, False),
        ("smtp+ssl", 2465, False),
    ],
)  # fmt: skip
def test_a_port_that_is_spoken_to_in_another_way_than_it_speaks_is_told(
    production: Any, scheme: str, port: int, is_told: bool
) -> None:
    production.EMAIL_URL, production.EMAIL_PORT = f"{scheme}://mail.example.com:{port}", port

    assert ("common.E006" in findings()) is is_told


@pytest.mark.django_db
def test_a_mail_server_that_takes_us_is_greeted_and_gets_no_mail(production: Any) -> None:
    with mail_server() as mails:
        production.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        production.EMAIL_HOST, production.EMAIL_PORT = "127.0.0.1", mails.port

        assert "notifications.E001" not in findings()
        mails.is_rude = True
        assert "notifications.E001" not in findings(), "It has taken us."

    assert mails.received == []
    assert "ConnectionRefusedError" in findings()["notifications.E001"].msg, "It is away."


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reply", "told"), [(b"535 ann.secret@example.org may not", "535"), (b"334 a", "Error"), (b"554 no", "554")]
)
def test_a_mail_server_that_does_not_take_us_is_told_of_without_its_words(
    production: Any, reply: bytes, told: str
) -> None:
    def answer(line: bytes) -> bytes | None:
        if line.upper().startswith(b"EHLO"):
            return b"250-test\r\n250 AUTH PLAIN LOGIN CRAM-MD5"
        return reply if line.upper().startswith(b"AUTH") or (reply.startswith(b"554") and not line) else None

    with mail_server() as mails:
        mails.reply = answer
        production.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        production.EMAIL_HOST, production.EMAIL_PORT = "127.0.0.1", mails.port
        production.EMAIL_HOST_USER, production.EMAIL_HOST_PASSWORD = "user", "password"

        found = findings()["notifications.E001"]

    assert told in found.msg
    assert "secret" not in f"{found.msg} {found.hint}"
