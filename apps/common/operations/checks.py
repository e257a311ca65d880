"""What `./run manage check --deploy` says of the settings, beside Django's own checks; each finding says what to do.

Django reports itself: DEBUG (security.W018), a weak SECRET_KEY (W009), cookies that travel without TLS (W012, W016).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from apps.common.operations.health import CHECKS, Check

#: Names under which only the machine itself reaches the service.
LOCAL_HOSTS = {"127.0.0.1", "localhost", "[::1]"}
#: What a generated key of 128 bits has at least in any usual writing: 22 characters in base 64.
FEWEST_KEY_CHARACTERS = 22
CheckFunction = Callable[..., Sequence[CheckMessage]]


@register(Tags.security, deploy=True)
def keys_are_strong(**_: Any) -> list[CheckMessage]:
    keys: dict[str, list[str]] = {
        "ML_SIGNING_KEYS": settings.ML_SIGNING_KEYS,
        "CONNECTION_KEYS": settings.CONNECTION_KEYS,
        "METRICS_TOKEN": [settings.METRICS_TOKEN] if settings.METRICS_TOKEN else [],
    }
    return [
        Error(
            f"{name} can be guessed.",
            hint="Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
            id="common.E001",
        )
        for name, values in keys.items()
        if any(map(_is_weak, values))
    ]


def _is_weak(key: str) -> bool:
    return len(key) < FEWEST_KEY_CHARACTERS or len(set(key)) < math.sqrt(FEWEST_KEY_CHARACTERS)


@register(Tags.security, deploy=True)
def models_have_a_key_of_their_own(**_: Any) -> list[CheckMessage]:
    if settings.SECRET_KEY not in settings.ML_SIGNING_KEYS:
        return []
    return [
        Warning(
            "Models are signed with SECRET_KEY: who learns one secret has both, and changing it refuses every model.",
            hint="Set ML_SIGNING_KEYS to a key of its own, and for a while to both: new,old.",
            id="common.W001",
        )
    ]


@register(Tags.security, deploy=True)
def the_secret_is_shared(**_: Any) -> list[CheckMessage]:
    made_here = settings.VAR_DIR / "secret_key"
    if not made_here.is_file() or made_here.read_text().strip() != settings.SECRET_KEY:
        return []
    return [
        Warning(
            "SECRET_KEY was made by this machine and lies in its var folder; another machine will make another.",
            hint="With more than one machine, set SECRET_KEY to one long random value everywhere.",
            id="common.W002",
        )
    ]


def _is_of_anybody(pattern: str) -> bool:
    """`*`, or all that end so with an ending that is the world's (`.com`)."""
    return pattern == "*" or (pattern.startswith(".") and "." not in pattern.strip("."))


@register(Tags.security, deploy=True)
def the_outside_reaches_it(**_: Any) -> list[CheckMessage]:
    if set(settings.ALLOWED_HOSTS) <= LOCAL_HOSTS:
        return [
            Warning(
                "ALLOWED_HOSTS names only this machine: requests for any other name are answered 400.",
                hint="Set it to the host names of the service, separated by commas.",
                id="common.W003",
            )
        ]
    if wide := next(filter(_is_of_anybody, settings.ALLOWED_HOSTS), None):
        return [
            Error(
                f"ALLOWED_HOSTS holds {wide}, which allows names of anybody.",
                hint="Name the hosts; health and metrics are answered under any address too.",
                id="common.E002",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def tls_ends_at_a_proxy(**_: Any) -> list[CheckMessage]:
    if settings.SECURE_PROXY_SSL_HEADER:
        return []
    return [
        Warning(
            "Nothing says that TLS ends before this service: log-ins would travel readably.",
            hint="Put it behind a proxy that ends TLS, redirects and sends HSTS, and set BEHIND_TLS_PROXY=True.",
            id="common.W004",
        )
    ]


@register(Tags.database, Tags.compatibility, deploy=True)
def engines_suit_several_machines(**_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        hint = "For more than one machine, set DATABASE_URL=postgresql://…"
        found.append(Warning("The database is a file (SQLite) of this machine.", hint=hint, id="common.W005"))
    if settings.CELERY_BROKER_URL.startswith("filesystem"):
        hint = "For more than one machine, set CELERY_BROKER_URL=redis://… or amqp://…"
        found.append(Warning("The broker is a folder of this machine.", hint=hint, id="common.W006"))
    return found


@register(Tags.compatibility, deploy=True)
def the_database_answers(**_: Any) -> list[CheckMessage]:
    """With the tables of this version: Django's own command makes none, and looks for none."""
    missing = "The database is not up to date"
    return unhealthy(CHECKS["database"], "The database cannot be used", "Check DATABASE_URL.", "common.E004") or (
        unhealthy(CHECKS["migrations"], missing, "./run manage migrate", "common.E008")
    )


@register(Tags.compatibility, deploy=True)
def the_broker_answers(**_: Any) -> list[CheckMessage]:
    return unhealthy(CHECKS["broker"], "The broker cannot be used", "Check CELERY_BROKER_URL.", "common.E005")


def unhealthy(check: Check, sentence: str, hint: str, id: str) -> list[CheckMessage]:
    """A readiness check as a system check; what the driver says is for the operator's terminal only."""
    try:
        found = check.run()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a driver raises, a panic too, means that it does not work
        return [Error(f"{sentence}: {str(error).partition(chr(10))[0] or type(error).__name__}", hint=hint, id=id)]
    return [] if found.status == "ok" else [Warning(f"{sentence}: {found.message}", hint=hint, id=id)]
