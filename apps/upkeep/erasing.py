"""Erasure of a person or a project everywhere, proven by a search afterwards; what stays is a signed record.

A person becomes a pseudonym: the issues stay, and that the same somebody did them: a team's figures rest on it.
What belongs to the person alone (memberships, notifications, preferences, keys, log-ins) is removed. Models and
training sets that may have learned from the name are removed at once and trained anew.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models, transaction
from django.db.models import Q, Value
from django.db.models.functions import Lower

from apps.accounts.models import User
from apps.common import page_marks
from apps.common.exceptions import ApplicationError
from apps.common.models import FirstAnswer
from apps.importers.models import ImportRun
from apps.ml.models import MLModel, StrayObject
from apps.ml.services import ModelLoader
from apps.ml.services.training.jobs import AlreadyTraining, request_training
from apps.ml.services.upkeep.installation import this_installation
from apps.ml.storage import get_object_store
from apps.ml.storage.keys import DATASETS, mark_key
from apps.ml.tasks import send_trainings
from apps.projects.models import Issue, Project
from apps.projects.services import delete_project
from apps.upkeep.models import ErasureRecord
from apps.upkeep.texts import Needles, found_in_database, found_in_store, replace_in_database

logger = logging.getLogger(__name__)

_PURPOSE = "scrum-ml erasure 1"
#: A single short word ("Ann") is in too many others ("annual") to be replaced blindly.
_FEWEST_LETTERS = 5
_DROPPED = "Its artefacts were removed by an erasure."


class NobodyFound(ApplicationError):
    """There is no such person or project, and no text names it."""

    code = "nobody_found"


class ErasureIncomplete(ApplicationError):
    """The search afterwards found what should be gone."""

    code = "erasure_incomplete"


def erase_person(email: str, *, now: datetime) -> ErasureRecord:
    """Erase who has this address, or whom only texts name by it.

    Raises
    ------
    NobodyFound
        If neither database nor store know the address.
    ErasureIncomplete
        If the search afterwards finds it; everything else is done.
    """
    people = list(_rows_of(email))
    needles = _needles(email, people)
    if not people and not found_in_database(needles):
        raise NobodyFound
    with transaction.atomic():
        # First, so that each row gets a pseudonym of its own.
        left = [_leave_a_pseudonym(person) for person in people]
        counts, projects = erase_texts(needles, *people)
        counts = _sum(counts, *left)
        record = _record(ErasureRecord.Kind.PERSON, email, counts, now)
    _drop_models(projects, needles, now)
    _prove(needles)
    return record


def erase_project(key: str, *, now: datetime) -> ErasureRecord:
    """Erase a project with its models and training sets, and train global models anew without it.

    Raises
    ------
    NobodyFound
        If there is no project with this key.
    ErasureIncomplete
        If the search afterwards finds it.
    """
    project = Project.objects.filter(key=key).first()
    if project is None:
        raise NobodyFound
    project_id = project.pk
    keys = _keys_of(MLModel.objects.filter(project=project))
    keys |= {found.key for found in get_object_store().list(f"{DATASETS}/{project_id}")}
    counts = {"projects.issue": Issue.objects.filter(project=project).count(), "objects": len(keys)}
    with transaction.atomic():
        delete_project(project)
        record = _record(ErasureRecord.Kind.PROJECT, key, counts, now)
    _remove_objects(keys)
    _drop_models([], [], now)
    _prove([str(project_id)])
    return record


def erase_deleted_account(user: User, *, now: datetime) -> ErasureRecord:
    """An account is being deleted: its row goes by itself, and here goes what others wrote of it."""
    people = list(_rows_of(user.email))
    needles = _needles(user.email, people)
    left = [_leave_a_pseudonym(imported) for imported in people if imported != user]
    counts, projects = erase_texts(needles, *people)
    counts = _sum(counts, *left)
    record = _record(ErasureRecord.Kind.PERSON, user.email, counts, now)
    transaction.on_commit(lambda: _drop_models(projects, needles, now))
    return record


def names_of(user: User) -> list[str]:
    """What names a person in a text: the address, and the whole name if it cannot be mistaken for a word."""
    name = user.full_name.strip()
    is_plain = len(name) >= _FEWEST_LETTERS and " " in name
    addresses = [address for address in (user.email, user.named_address) if address]
    return [*addresses, name] if is_plain else addresses


def _needles(email: str, people: Iterable[User]) -> list[str]:
    """All that names these rows, the address that was asked for in front."""
    names = dict.fromkeys(name for person in people for name in names_of(person))
    return [email, *(name for name in names if name.lower() != email.lower())]


def _rows_of(email: str) -> "models.QuerySet[User]":
    """The account with this address, and those whom imports named by it or by whatever the person has become."""
    folded = Lower(Value(email))
    rows = User.objects.alias(own=Lower("email"), named=Lower("named_address"), now=Lower("became__email"))
    return rows.filter(Q(own=folded) | Q(named=folded) | Q(now=folded)).order_by("is_placeholder", "pk")


def erase_texts(needles: Sequence[str], *people: User) -> tuple[dict[str, int], list[UUID]]:
    """Replace the names in all texts; how much, and in which projects issues named the person or are the person's."""
    named = Q()
    for needle in needles:
        named |= Q(title__icontains=needle) | Q(description__icontains=needle)
    if people:
        named |= Q(assignee__in=people) | Q(reporter__in=people)
    projects = list(Issue.objects.filter(named).order_by().values_list("project_id", flat=True).distinct())
    sought = Needles(needles)
    uploads = [run.pk for run in ImportRun.objects.exclude(upload=None) if sought.are_in(bytes(run.upload or b""))]
    ImportRun.objects.filter(pk__in=uploads).update(upload=None)
    # Whom they name cannot be told: they are sealed with keys that only their callers have.
    FirstAnswer.objects.exclude(answer=None).delete()
    page_marks.forget_all()
    counts = replace_in_database(needles, _pseudonym(needles[0]))
    return counts | ({"importers.importrun.upload": len(uploads)} if uploads else {}), projects


def verify_record(record: ErasureRecord) -> bool:
    """Whether a record is as it was written here."""
    return any(hmac.compare_digest(_signature(key, record), record.signature) for key in settings.ML_SIGNING_KEYS)


def was_erased(kind: str, name: str) -> models.QuerySet[ErasureRecord]:
    """Records about this address or key."""
    subjects = [_subject(key, kind, name) for key in settings.ML_SIGNING_KEYS]
    return ErasureRecord.objects.filter(kind=kind, subject__in=subjects)


# --- Steps --------------------------------------------------------------------------------------------------------
def _pseudonym(email: str) -> str:
    digest = hmac.new(settings.ML_SIGNING_KEYS[0].encode(), email.lower().encode(), hashlib.sha256).hexdigest()
    return f"erased-{digest[:12]}@erased.invalid"


def _sum(*parts: dict[str, int]) -> dict[str, int]:
    return {
        name: sum(part.get(name, 0) for part in parts) for name in sorted({name for part in parts for name in part})
    }


def _leave_a_pseudonym(user: User) -> dict[str, int]:
    """Remove what would go with the account, and keep a row without name, log-in or right for what stays."""
    counts: dict[str, int] = {}
    for relation in user._meta.related_objects:
        if relation.on_delete is models.CASCADE and not relation.many_to_many:
            rows: models.QuerySet[models.Model] = models.QuerySet(relation.related_model).filter(
                **{relation.field.name: user}
            )
            if count := rows.count():
                counts[relation.related_model._meta.label_lower] = count
                rows.delete()
    sessions = [each.pk for each in Session.objects.all() if each.get_decoded().get("_auth_user_id") == str(user.pk)]
    Session.objects.filter(pk__in=sessions).delete()
    user.groups.clear()
    user.user_permissions.clear()
    user.email, user.full_name, user.last_login = _pseudonym(user.email), "", None
    user.named_address, user.became = "", None
    user.is_active = user.is_staff = user.is_superuser = False
    user.set_unusable_password()
    user.save()
    return counts | {"accounts.user": 1}


def _keys_of(rows: "models.QuerySet[MLModel]") -> set[str]:
    return {key for row in rows.values_list("s3_key", "serving_key", "dataset_key") for key in row if key}


def _drop_models(projects: Sequence[UUID], needles: Sequence[str], now: datetime) -> None:
    """Remove what those projects' models and the global ones have learned, and what a search finds; train anew."""
    found = set(found_in_store(needles)) if needles else set()
    learned = MLModel.objects.filter(
        Q(project__in=projects)
        | Q(project=None)
        | Q(s3_key__in=found)
        | Q(serving_key__in=found)
        | Q(dataset_key__in=found)
    )
    served = set(learned.filter(is_active=True).values_list("model_type", "project_id"))
    keys = _keys_of(learned) | found
    learned.update(
        is_active=False, status=MLModel.Status.DEPRECATED, s3_key="", serving_key="", dataset_key="", refusal=_DROPPED
    )
    _remove_objects(keys)
    ModelLoader().clear_cache()
    send_trainings(list(_asked_for(served, now)))


def _asked_for(served: Iterable[tuple[str, UUID | None]], now: datetime) -> Iterable[UUID]:
    for model_type, project_id in sorted(served, key=str):
        try:
            yield request_training(model_type, project_id, cause="what it had learned was erased", now=now).id
        except AlreadyTraining:
            logger.info("A training is under way already type=%s project=%s", model_type, project_id)


def _remove_objects(keys: Iterable[str]) -> None:
    store, us = get_object_store(), this_installation()
    for key in keys:
        store.delete(key)
        store.delete(mark_key(us, key))
        StrayObject.objects.filter(key=key).delete()


def _prove(needles: Sequence[str]) -> None:
    left = [*found_in_database(needles), *found_in_store(needles)]
    if left:
        raise ErasureIncomplete(f"It is still in: {', '.join(left)}.")


# --- The record ---------------------------------------------------------------------------------------------------
def _record(kind: str, name: str, counts: dict[str, int], now: datetime) -> ErasureRecord:
    key = settings.ML_SIGNING_KEYS[0]
    record = ErasureRecord(kind=kind, subject=_subject(key, kind, name), erased_at=now, counts=counts)
    record.signature = _signature(key, record)
    record.save()
    logger.info("Erased kind=%s record=%s", kind, record.pk)
    return record


def _subject(key: str, kind: str, name: str) -> str:
    return _mac(key, [_PURPOSE, "subject", kind, name.lower()])


def _signature(key: str, record: ErasureRecord) -> str:
    facts: list[Any] = [_PURPOSE, str(record.pk), record.kind, record.subject, record.erased_at.isoformat()]
    return _mac(key, [*facts, record.counts])


def _mac(key: str, facts: list[Any]) -> str:
    told = json.dumps(facts, sort_keys=True)
    return hmac.new(key.encode(), told.encode(), hashlib.sha256).hexdigest()
