"""Erasure of a person or a project everywhere, proven by a search afterwards; what stays is a signed record.

A person becomes a pseudonym: the issues stay, and that the same somebody did them: a team's figures rest on it.
What belongs to the person alone (memberships, notifications, preferences, keys, log-ins) is removed. Models and
training sets that may have learned from the name are removed at once and trained anew.
"""

import hashlib
import hmac
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts.mailboxes import mailbox
from apps.accounts.models import User
from apps.common import page_marks
from apps.common.exceptions import ApplicationError
from apps.common.models import FirstAnswer
from apps.importers.connections import forget_tokens
from apps.ml.models import MLModel, TrainingRun
from apps.ml.services import ModelLoader
from apps.ml.services.training.jobs import AlreadyTraining, request_training
from apps.ml.storage import get_object_store
from apps.ml.storage.keys import DATASETS, INDEXES
from apps.ml.tasks import send_trainings
from apps.projects.models import Issue, Project
from apps.projects.placeholders import domain_of, placeholders_of, touch_work_of
from apps.projects.services import delete_project
from apps.upkeep.addresses import require_address
from apps.upkeep.alone import forgetting, take_away, wait_for_others
from apps.upkeep.finding import Found, Search, replace
from apps.upkeep.learned import Dropped, drop_models, forget_what_was_read, keys_of, learned_by, remove_objects
from apps.upkeep.models import ErasureRecord
from apps.upkeep.needles import Needles
from apps.upkeep.objects import Stored, ours_of, require_sole_hold, search_objects
from apps.upkeep.records import new_record, subject_of
from apps.upkeep.sought import Sought, left_of, sought_for
from apps.upkeep.texts import found_in_database

logger = logging.getLogger(__name__)

_PERSON = ErasureRecord.Kind.PERSON
_ISSUES_PER_QUERY = 500
#: How often what came meanwhile is looked for: once is enough unless something goes on writing the name.
_MOST_TIMES = 5


class NobodyFound(ApplicationError):
    """There is no such person or project, and no text names it."""

    code = "nobody_found"


class ErasureIncomplete(ApplicationError):
    """The search afterwards found what should be gone."""

    code = "erasure_incomplete"


def erase_person(email: str, *, now: datetime, everywhere: bool = False, others_keep: bool = False) -> ErasureRecord:
    """Erase who has this address, or whom only texts name by it.

    Parameters
    ----------
    everywhere : bool
        Also the name where the person never was, and where it is the name of a thing.
    others_keep : bool
        Even where another installation holds models of this one, which it keeps.

    Raises
    ------
    HeldElsewhere
        If one does; nothing is changed.
    NotAnAddress
        If this is no address, and nobody has it for one.
    NobodyFound
        If neither database nor store know the address.
    ErasureIncomplete
        If the search afterwards finds it; everything else is done.
    """
    if not others_keep:
        require_sole_hold()
    people, sought = _sought(email, everywhere)
    search, stored = Search(sought), search_objects(sought)
    found = search.look()
    with forgetting():
        begun = take_away()
        counts, projects = _erase_rows(sought, people, found)
        # Before the commit: while the store is away nothing is done, and whoever asks again is known.
        forget_what_was_read(now)
        dropped = drop_models(projects, stored.found)
        record = new_record(ErasureRecord.Kind.PERSON, email, counts, now)
    try:
        _erase_the_rest(search, begun)
    finally:
        _train_again(dropped, now, begun)
    record.not_searched, record.left = _prove(sought, dropped.kept), _left(sought, people, stored)
    return record


def _erase_the_rest(search: Search, begun: list[UUID]) -> None:
    """What was written while the first search went on; adds the trainings that begin anew."""
    for _ in range(_MOST_TIMES):
        if not (found := search.look()):
            return
        with forgetting():
            begun += take_away()
            _touch(found)
            replace(found, _pseudonym(search.sought[0].names[0]))
    raise ErasureIncomplete("It is written again and again: end what writes it and repeat.")


def foresee_person(email: str, *, everywhere: bool = False) -> tuple[dict[str, int], dict[str, int]]:
    """What `erase_person` would change, by table, with the models it would drop, and would leave, by place.

    Raises
    ------
    NobodyFound
        If neither database nor store know the address.
    """
    people, sought = _sought(email, everywhere)
    stored, found = search_objects(sought), Search(sought).look()
    with transaction.atomic():
        counts, projects = _erase_rows(sought, people, found)
        left = _left(sought, people, stored)
        transaction.set_rollback(True)
    return counts | {"objects": len(keys_of(learned_by(projects, stored.found)) | ours_of(stored.found))}, left


def _sought(email: str, everywhere: bool) -> tuple[list[User], Sequence[Sought]]:
    email = mailbox(email)
    people = list(_rows_of(email))
    if not people:
        # Any word stands in texts.
        require_address(email)
    sought = sought_for(email, people, everywhere=everywhere)
    if not people and not Search(sought).look() and not search_objects(sought).found:
        raise NobodyFound
    return people, sought


def _erase_rows(sought: Sequence[Sought], people: Sequence[User], found: Found) -> tuple[dict[str, int], list[UUID]]:
    # First, so that each row gets a pseudonym of its own.
    left = [_leave_a_pseudonym(person) for person in people]
    counts, projects = _erase_texts(sought, people, found)
    return _sum(counts, *left), projects


def foresee_project(key: str) -> dict[str, int]:
    """What `erase_project` would remove; nothing is changed.

    Raises
    ------
    NobodyFound
        If there is no project with this key.
    """
    return _foreseen(_project(key))[0]


def _project(key: str) -> Project:
    project: Project | None = Project.objects.filter(key=key).first()
    if project is None:
        raise NobodyFound
    return project


def _foreseen(project: Project) -> tuple[dict[str, int], set[str]]:
    """How much there is of it, and the keys of its objects."""
    keys, store = keys_of(MLModel.objects.filter(project=project)), get_object_store()
    keys |= {found.key for prefix in (DATASETS, INDEXES) for found in store.list(f"{prefix}/{project.pk}")}
    counts = {"projects.issue": Issue.objects.filter(project=project).count(), "objects": len(keys)}
    return counts | {"accounts.user": placeholders_of(project).count()}, keys


def erase_project(key: str, *, now: datetime, others_keep: bool = False) -> ErasureRecord:
    """Erase a project with its models and training sets, and train global models anew without it.

    Raises
    ------
    HeldElsewhere
        As of `erase_person`.
    NobodyFound
        If there is no project with this key.
    ErasureIncomplete
        If the search afterwards finds it.
    """
    if not others_keep:
        require_sole_hold()
    project = _project(key)
    project_id = project.pk
    counts, keys = _foreseen(project)
    with forgetting():
        begun = take_away()
        delete_project(project)
        kept = remove_objects(keys)
        dropped = drop_models([], [])
        record = new_record(ErasureRecord.Kind.PROJECT, key, counts, now)
    _train_again(dropped, now, begun)
    # What the global ones learned is no project's alone.
    record.not_searched = _prove([Sought([str(project_id)])], kept)
    if User.objects.filter(email__endswith=f"@{domain_of(project)}").exists():
        raise ErasureIncomplete("People whom its imports named are still there.")
    return record


def erase_deleted_account(user: User, *, now: datetime) -> ErasureRecord:
    """An account is being deleted: its row goes by itself, and here goes what others wrote of it.

    Kept files and the model store are searched after the commit: the deletion holds all who write.
    """
    people = list(_rows_of(user.email))
    sought = sought_for(user.email, people)
    search = Search(sought)
    found = search.look(in_files=False)
    wait_for_others()
    begun = take_away()
    left = [_leave_a_pseudonym(imported) for imported in people if imported != user]
    counts, projects = _erase_texts(sought, people, found)
    forget_what_was_read(now)
    dropped = drop_models(projects, [])
    record = new_record(ErasureRecord.Kind.PERSON, user.email, _sum(counts, *left), now)
    # The account is gone whatever comes of it: a fault is logged.
    transaction.on_commit(lambda: _go_on_without_account(search, people, dropped, now, begun), robust=True)
    return record


def _go_on_without_account(
    search: Search, people: Sequence[User], dropped: Dropped, now: datetime, begun: list[UUID]
) -> None:
    """After the commit: what nobody shall wait for."""
    try:
        _erase_the_rest(search, begun)
        stored = search_objects(search.sought)
        if stored.found:
            with forgetting():
                begun += take_away()
                dropped |= drop_models([], stored.found)
    finally:
        _train_again(dropped, now, begun)
    if dropped.kept:
        logger.warning(
            "Another installation holds what was learned, too: erase there as well objects=%d", len(dropped.kept)
        )
    for place, count in _left(search.sought, people, stored).items():
        logger.warning("The name stays where the person never was or a thing has it place=%s count=%s", place, count)


def _rows_of(email: str) -> "models.QuerySet[User]":
    """The account with this address, and those whom imports named by it or by whatever the person has become."""
    # All, since one of before may have the address in another spelling.
    wanted, rows = mailbox(email), User.objects.values_list("pk", "email", "named_address", "became__email")
    found = [pk for pk, *names in rows if wanted in {mailbox(name) for name in names if name}]
    return User.objects.filter(pk__in=found).order_by("is_placeholder", "pk")


def _erase_texts(sought: Sequence[Sought], people: Sequence[User], found: Found) -> tuple[dict[str, int], list[UUID]]:
    """Replace the names in all texts; how much, and in which projects issues named the person or are the person's."""
    touch_work_of(people)
    theirs = Issue.objects.filter(Q(assignee__in=people) | Q(reporter__in=people)).order_by()
    projects = {*theirs.values_list("project_id", flat=True).distinct(), *_touch(found)}
    # Whom they name cannot be told: they are sealed with keys that only their callers have.
    FirstAnswer.objects.exclude(answer=None).delete()
    page_marks.forget_all()
    everywhere = Needles(sought[0].names)
    tokens = forget_tokens(given_by=people, is_meant=lambda token: everywhere.are_in(token.encode()))
    # Of one word, too, which no text is searched for.
    logged = LogEntry.objects.filter(
        content_type__app_label="accounts", object_id__in=[str(each.pk) for each in people]
    )
    logged.update(object_repr=_pseudonym(sought[0].names[0]))
    counts = replace(found, _pseudonym(sought[0].names[0])) | {"importers.connection.token": tokens}
    return counts, sorted(projects)


def _touch(found: Found) -> set[UUID]:
    """What is told from these issues names people: it is told anew. In which projects they are."""
    issues, projects = found.issues, set[UUID]()
    for begins in range(0, len(issues), _ISSUES_PER_QUERY):
        named = Issue.objects.filter(pk__in=issues[begins : begins + _ISSUES_PER_QUERY]).order_by()
        projects.update(named.values_list("project_id", flat=True).distinct())
        named.update(updated_at=timezone.now())
    return projects


def _left(sought: Sequence[Sought], people: Sequence[User], stored: Stored) -> dict[str, int]:
    """How often names stay, by place: by project and table, and in which part of the store."""
    return left_of(sought, people) | dict(Counter(key.partition("/")[0] for key in stored.elsewhere))


def erased_people(places: Mapping[str, str]) -> dict[str, str]:
    """Which placeholders stand for people who were erased: by their row, or by the address that a source tells."""
    if not ErasureRecord.objects.exists():
        return {}
    rows = {_pseudonym(place, key): place for place in places for key in settings.ML_SIGNING_KEYS}
    left = User.objects.filter(email__in=rows).values_list("email", flat=True)
    told = {
        subject_of(key, _PERSON, own): place for place, own in places.items() if own for key in settings.ML_SIGNING_KEYS
    }
    recorded = ErasureRecord.objects.filter(kind=_PERSON, subject__in=told).values_list("subject", flat=True)
    return {told[each]: _pseudonym(told[each]) for each in recorded} | {rows[each]: each for each in left}


# --- Steps --------------------------------------------------------------------------------------------------------
def _pseudonym(email: str, key: str = "") -> str:
    digest = hmac.new(
        (key or settings.ML_SIGNING_KEYS[0]).encode(), mailbox(email).encode(), hashlib.sha256
    ).hexdigest()
    return f"erased-{digest[:12]}@erased.invalid"


def _free_pseudonym(user: User) -> str:
    """The row's own; another one where a former account of the same address has it already."""
    pseudonym = _pseudonym(user.email)
    taken = User.objects.filter(email=pseudonym).exclude(pk=user.pk).exists()
    return _pseudonym(f"{user.email} {user.pk}") if taken else pseudonym


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
    user.email, user.full_name, user.last_login = _free_pseudonym(user), "", None
    user.named_address, user.became = "", None
    user.is_active = user.is_staff = user.is_superuser = False
    user.set_unusable_password()
    user.save()
    return counts | {"accounts.user": 1}


def _train_again(dropped: Dropped, now: datetime, begun: Sequence[UUID]) -> None:
    ModelLoader().clear_cache()
    left = TrainingRun.objects.filter(pk__in=begun).values_list("pk", flat=True)
    send_trainings([*left, *_asked_for(dropped.served, now)])


def _asked_for(served: Iterable[tuple[str, UUID | None]], now: datetime) -> Iterable[UUID]:
    for model_type, project_id in sorted(served, key=str):
        try:
            yield request_training(model_type, project_id, cause="what it had learned was erased", now=now).id
        except AlreadyTraining:
            logger.info("A training is under way already type=%s project=%s", model_type, project_id)


def _prove(sought: Sequence[Sought], kept: Collection[str]) -> Mapping[str, str]:
    """Search again, where each name was looked for; returns what could not be searched, and why.

    Parameters
    ----------
    kept : collection of str
        Keys of objects that had to go and that another installation keeps, whatever the search finds in them.
    """
    left = [table for each in sought for table in found_in_database(each.names, each.within)]
    stored = search_objects(sought)
    ours = ours_of(stored.found)
    if left or ours:
        raise ErasureIncomplete(f"It is still in: {', '.join([*left, *sorted(ours)])}.")
    if others := stored.found | {*kept}:
        raise ErasureIncomplete(
            f"Nothing of ours holds it any more. What another installation wrote holds it too: "
            f"{', '.join(sorted(others))}. Erase there as well; where one runs no more, first make its objects this "
            f"one's: ./run manage verify_ml_models --take-over INSTALLATION."
        )
    return stored.not_searched
