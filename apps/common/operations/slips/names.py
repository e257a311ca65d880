"""Names that are none of a setting and were probably meant for one."""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import islice
from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register

from apps.common.operations.environment import Environment
from apps.common.operations.slips import SETTINGS

#: Of 1: one letter in ten, or a beginning or an end more or less; AWS_ENDPOINT_URL_S3, of others, is less like ours.
_ALIKE = 0.9
#: Characters of a name that may be one of ours, and letters of a word that say which word it is.
_MOST_NAME, _FEWEST_LETTERS = 60, 3
#: Names of an environment that are looked at: of a thousand others each start would take a second.
_MOST_NAMES = 1_000
#: What other programs call the same.
_ELSEWHERE = {
    "ALLOWED_NETWORKS": "WEBHOOK_ALLOWED_NETWORKS or TRACKER_ALLOWED_NETWORKS",
    "AMQP_URL": "CELERY_BROKER_URL",
    "BROKER_URL": "CELERY_BROKER_URL",
    "RABBITMQ_URL": "CELERY_BROKER_URL",
    "REDIS_URL": "CELERY_BROKER_URL",
    "DB_HOST": "DATABASE_URL",
    "DB_URL": "DATABASE_URL",
    "POSTGRES_URL": "DATABASE_URL",
    "EMAIL_HOST": "EMAIL_URL",
    "SMTP_HOST": "EMAIL_URL",
    "SMTP_URL": "EMAIL_URL",
    "EMAIL_FROM": "DEFAULT_FROM_EMAIL",
    "S3_BUCKET": "AWS_STORAGE_BUCKET_NAME",
    "AWS_S3_BUCKET": "AWS_STORAGE_BUCKET_NAME",
    "SITE_URL": "PUBLIC_URL",
    "THROTTLE_RATE": "USER_THROTTLE_RATE",
    "VAR_DIR": "SCRUM_ML_VAR_DIR",
    "WEB_CONCURRENCY": "WEB_WORKERS",
}
#: What other programs have a setting for, and this one has not.
_NOWHERE = {
    "TIME_ZONE": "There is none: each project has a time zone of its own, and all else is in UTC.",
    "LANGUAGE_CODE": "There is none: pages speak the language that a browser asks for.",
}
#: What is put in front of a setting by those who know it from elsewhere.
_IN_FRONT = ("SCRUM_ML_", "DJANGO_")
_OURS = _IN_FRONT[0]
#: Of ours that are no settings: what scripts, tests and one process of ours tell another.
NO_SETTINGS = frozenset(
    f"{_OURS}{name}" for name in ("DATA", "GREETING", "PEERS", "TEST_HOSTS", "TEST_POSTGRES", "VENV", "WORKER")
)


@register(SETTINGS)
def names_are_names_of_settings(**_: Any) -> list[CheckMessage]:
    """In the file all is meant for this service; the environment is everybody's, so there it is only told."""
    found: list[CheckMessage] = []
    for name in _unknown():
        if meant := _setting_like(name.upper()):
            kind = Error if name in Environment.in_files else Warning
            found.append(kind(f"{name} is no setting.", hint=f"Is it {meant}?", id="common.E007"))
    return found


@register(SETTINGS, deploy=True)
def names_mean_no_other_setting(**_: Any) -> list[CheckMessage]:
    """What is less like one of ours may be another program's, in the file too, which containers share."""
    return [
        Warning(f"{name} is no setting.", hint=hint, id="common.W007")
        for name in _unknown()
        if not _setting_like(name.upper()) and (hint := _hint_for(name))
    ]


def _unknown() -> list[str]:
    """Of the file all; the environment of a container that has each service of a cluster is long."""
    ours, all_others = Environment.in_files, sorted({*os.environ} - Environment.in_files)
    names = (name for name in (*sorted(ours), *all_others) if name not in Environment.asked)
    return sorted(islice((name for name in names if len(name) <= _MOST_NAME), _MOST_NAMES))


def _setting_like(name: str) -> str:
    # Names of other lengths cannot be as like, and to compare takes long.
    as_long = [each for each in Environment.asked if 2 * min(map(len, (each, name))) >= _ALIKE * len(each + name)]
    near = get_close_matches(name, as_long, n=1, cutoff=_ALIKE)
    # In a short name one letter is more than a tenth.
    one_off = (each for each in sorted(Environment.asked) if _is_one_slip_off(name, each))
    return near[0] if near else next(one_off, "")


def _is_one_slip_off(name: str, meant: str) -> bool:
    """Whether one letter is another or missing, or two have changed places."""
    if len(name) != len(meant):
        return len(name) + 1 == len(meant) and any(name == meant[:at] + meant[at + 1 :] for at in range(len(meant)))
    others = [pair for pair in zip(name, meant, strict=True) if pair[0] != pair[1]]
    return len(others) == 1 or (len(others) == 2 and others[0] == others[1][::-1])


def _hint_for(name: str) -> str:
    """What is right, if the name is told; whoever has set what is meant has other uses for the name."""
    if hint := _NOWHERE.get(name):
        return hint
    meant = [each for each in _meant_by(name) if not Environment.ENVIRON.get(each)]
    if meant:
        return f"Is it {meant[0]}?"
    is_none = name.startswith(_OURS) and name not in NO_SETTINGS
    return "docs/reference/settings.md has all that there are." if is_none else ""


def _meant_by(name: str) -> Iterator[str]:
    if name in _ELSEWHERE:
        yield _ELSEWHERE[name]
    for front in _IN_FRONT:
        plain = name.removeprefix(front)
        if plain != name:
            yield from [plain] if plain in Environment.asked else filter(None, [_setting_like(plain)])
    if name not in NO_SETTINGS:
        yield from (each for each in sorted(Environment.asked) if _is_one_word_off(name.split("_"), each.split("_")))


def _is_one_word_off(words: list[str], meant: list[str]) -> bool:
    """Whether one word goes on or ends early (DIRECTORY, DIR), or one of three or more is missing, not the first."""
    if len(words) == len(meant) > 1:
        others = [pair for pair in zip(words, meant, strict=True) if pair[0] != pair[1]]
        return len(others) == 1 and _begins_the_other(*others[0])
    is_shorter = len(words) == len(meant) - 1 > 1
    return is_shorter and any(words == meant[:at] + meant[at + 1 :] for at in range(1, len(meant)))


def _begins_the_other(word: str, other: str) -> bool:
    return min(len(word), len(other)) >= _FEWEST_LETTERS and (word.startswith(other) or other.startswith(word))
