"""Erasure of a person or a project everywhere, proven by a search afterwards; what stays is a signed record.

A person becomes a pseudonym: the issues stay, and that the same somebody did them: a team's figures rest on it.
What belongs to the person alone (memberships, notifications, preferences, keys, log-ins) is removed. Models and
training sets that may have learned from the name are removed at once and trained anew.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts.mailboxes import mailbox
from apps.accounts.models import User
from apps.accounts.names.needles import Needles
from apps.importers.connections import forget_tokens
from apps.importers.writing.dry_run import undone_at_the_end
from apps.ml.models import MLModel, TrainingRun
from apps.ml.services import ModelLoader
from apps.ml.services.predictions.switch import PredictionsOff
from apps.ml.services.training.jobs import AlreadyTraining, request_training
from apps.ml.storage import get_object_store
from apps.ml.storage.keys import DATASETS, INDEXES, is_plain
from apps.ml.tasks import send_trainings
from apps.projects.models import Issue, Project
from apps.projects.placeholders import placeholders_of, touch_work_of
from apps.projects.rows import in_parts, lock
from apps.projects.services import delete_project
from apps.upkeep.addresses import require_address
from apps.upkeep.alone import (
    forget_kept_answers,
    forgetting,
    take_away,
    wait_for_imports,
    wait_for_others,
    wait_for_questions,
)
from apps.upkeep.finding import Found, NobodyFound, Search, replace
from apps.upkeep.holding import hold
from apps.upkeep.kept import file_holds
from apps.upkeep.learned import Dropped, drop_models, forget_what_was_read, keys_of, learned_by, remove_objects
from apps.upkeep.models import ErasureRecord
from apps.upkeep.objects import Stored, ours_of, require_sole_hold, search_objects
from apps.upkeep.pseudonyms import leave_a_pseudonym, named_in_address, pseudonym_of, rows_of
from apps.upkeep.sought import Sought, left_of, sought_for
from apps.upkeep.unfinished import (
    ErasureIncomplete,
    Unfinished,
    begun,
    is_concluded,
    only_the_rest,
    read,
    rest_of_project,
    summed,
    telling_what_is_left,
    unfinished_of,
)

logger = logging.getLogger(__name__)

#: How often what came meanwhile is looked for: once is enough unless something goes on writing the name.
_MOST_TIMES = 5
_AGAIN_AND_AGAIN = "It is written again and again: end what writes it and repeat."
_MAYBE_LEFT = (
    "Of a deleted account something may be left: erase_person with its address does the rest, too record=%s left=%s"
)
_PERSON, _PROJECT = ErasureRecord.Kind.PERSON, ErasureRecord.Kind.PROJECT


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
    begun_before = unfinished_of(_PERSON, email)
    if begun_before and not _is_back(email):
        return go_on(read(begun_before), now=now, others_keep=others_keep)
    if not others_keep:
        require_sole_hold()
    _, sought = _sought(email, everywhere)
    search, stored = Search(sought), search_objects(sought)
    found = search.look()
    with forgetting():
        taken = take_away()
        people, search = _once_more(email, search, everywhere=everywhere)
        counts, projects = _erase_rows(search.sought, people, found)
        # Before the commit: while the store is away nothing is done, and whoever asks again is known.
        forget_what_was_read(now)
        rest = begun(_PERSON, email, now)
        rest.add(search.sought, people, drop_models(projects, stored.found), counts)
    return _finish(rest, search.also(rest.sought), taken, now=now, others_keep=others_keep)


def _once_more(email: str, search: Search, *, everywhere: bool = False) -> tuple[list[User], Search]:
    """Whom the address means by now, and what to look for: meanwhile imports named people, and teams took some in."""
    people = list(rows_of(email))
    return people, search.also(sought_for(email, people, everywhere=everywhere) if people else [])


def _is_back(email: str) -> bool:
    """Whether somebody has opened an account with the address since."""
    return rows_of(email).filter(is_placeholder=False).exists()


def go_on(rest: Unfinished, *, now: datetime, others_keep: bool = False) -> ErasureRecord:
    """Do the rest of what broke off; raises `ErasureIncomplete`."""
    if rest.record.kind == _PROJECT:
        return _finish_project(rest, [], now=now, others_keep=others_keep)
    if _is_back(rest.subject):
        raise ErasureIncomplete(
            "Somebody has opened an account with the address since, so that nothing more is replaced: erase_person "
            "with the address erases that one, too; with --give-up it forgets what was still to be looked for."
        )
    return _finish(rest, Search(rest.sought), [], now=now, others_keep=others_keep)


def _finish(
    rest: Unfinished, search: Search, taken: list[UUID], *, now: datetime, others_keep: bool = False
) -> ErasureRecord:
    """After the commit: what came meanwhile goes, too, a search proves it, and trainings begin anew."""
    with telling_what_is_left(rest):
        # Whoever erases the same beside it may have added to what is to be looked for.
        for _ in range(_MOST_TIMES):
            search, stored = _search_to_the_end(rest, search, taken, now)
            left = _left(search.sought, rest.people, stored)
            if is_concluded(rest, search.sought, stored, others_keep=others_keep):
                rest.record.not_searched, rest.record.left = stored.not_searched, left
                return rest.record
            # They have begun.
            taken = []
        raise ErasureIncomplete(_AGAIN_AND_AGAIN)


def _search_to_the_end(rest: Unfinished, search: Search, taken: list[UUID], now: datetime) -> tuple[Search, Stored]:
    try:
        wait_for_imports()
        search = _erase_the_rest(rest, search, taken)
        stored = search_objects(search.sought, now=now)
        if ours_of(stored.found):
            with forgetting():
                taken += take_away()
                rest.add([], [], drop_models([], stored.found), {})
            stored = search_objects(search.sought, now=now)
    finally:
        _train_again(rest, taken, now)
    return search, stored


def _erase_the_rest(rest: Unfinished, search: Search, taken: list[UUID]) -> Search:
    """What was written while the first search went on; adds what it drops, and the trainings that begin anew."""
    for _ in range(_MOST_TIMES):
        wait_for_questions()
        # Whoever has opened an account with the address since is told, and keeps it.
        came = list(rows_of(rest.subject).filter(is_placeholder=True))
        search = search.also([*rest.sought, *(sought_for(rest.subject, came) if came else [])])
        found = search.look()
        if not (found or came or named_in_address()):
            return search
        with forgetting():
            taken += take_away()
            counts, projects = _erase_rows(search.sought, came, found)
            # Another moment than that of the erasure before: what was read between is from before, too.
            forget_what_was_read(timezone.now())
            rest.add(search.sought, came, drop_models(projects, []), counts)
    raise ErasureIncomplete(_AGAIN_AND_AGAIN)


def foresee_person(email: str, *, everywhere: bool = False) -> tuple[dict[str, int], dict[str, int]]:
    """What `erase_person` would change, by table, with the models it would drop, and would leave, by place.

    Raises
    ------
    NobodyFound
        If neither database nor store know the address.
    """
    people, sought = _sought(email, everywhere)
    stored, found = search_objects(sought), Search(sought).look()
    with undone_at_the_end():
        counts, projects = _erase_rows(sought, people, found)
        left = _left(sought, people, stored)
    return counts | {"objects": len(keys_of(learned_by(projects, stored.found)) | ours_of(stored.found))}, left


def _sought(email: str, everywhere: bool) -> tuple[list[User], Sequence[Sought]]:
    email = mailbox(email)
    people, begun_before = list(rows_of(email)), unfinished_of(_PERSON, email)
    if not people:
        # Any word stands in texts.
        require_address(email)
    sought: Sequence[Sought] = sought_for(email, people, everywhere=everywhere)
    if begun_before:
        return people, Search(sought).also(read(begun_before).sought).sought
    if not people and not Search(sought).look() and not search_objects(sought).found:
        raise NobodyFound
    return people, sought


def _erase_rows(sought: Sequence[Sought], people: Sequence[User], found: Found) -> tuple[dict[str, int], list[UUID]]:
    hold(people, found)
    # First, so that each row gets a pseudonym of its own.
    left = [leave_a_pseudonym(person) for person in people]
    counts, projects = _erase_texts(sought, people, found)
    return summed(counts, *left), projects


def foresee_project(key: str) -> dict[str, int]:
    """What `erase_project` would remove; nothing is changed.

    Raises
    ------
    NobodyFound
        If there is no project with this key.
    """
    return {} if rest_of_project(key) else _foreseen(_project(key))[0]


def _project(key: str) -> Project:
    project: Project | None = Project.objects.filter(key=key).first()
    if project is None:
        raise NobodyFound
    return project


def _foreseen(project: Project) -> tuple[dict[str, int], set[str]]:
    """How much there is of it, and the keys of its objects."""
    keys, store = keys_of(MLModel.objects.filter(project=project)), get_object_store()
    stored = [found.key for prefix in (DATASETS, INDEXES) for found in store.list(f"{prefix}/{project.pk}")]
    # What has a name that we give to nothing is somebody else's.
    keys |= set(filter(is_plain, stored))
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
    NewerProject
        If this has done the rest of what broke off, and a newer one has the key by now.
    ErasureIncomplete
        If the search afterwards finds it.
    """
    if rest := rest_of_project(key):
        return only_the_rest(go_on(rest, now=now, others_keep=others_keep), key)
    if not others_keep:
        require_sole_hold()
    project = _project(key)
    with forgetting():
        # Before what runs in it.
        lock(project, to_delete=True)
        taken, project_id = take_away(), str(project.pk)
        # Now that nothing is trained any more.
        counts, keys = _foreseen(project)
        delete_project(project)
        forget_kept_answers()
        kept = remove_objects(keys)
        # What the global ones learned is no project's alone.
        dropped = drop_models([], [])
        rest = begun(_PROJECT, key, now)
        rest.add([Sought([project_id])], [], Dropped(dropped.served, kept), counts)
    return _finish_project(rest, taken, now=now, others_keep=others_keep)


def _finish_project(rest: Unfinished, taken: list[UUID], *, now: datetime, others_keep: bool) -> ErasureRecord:
    with telling_what_is_left(rest):
        # As of a person.
        for _ in range(_MOST_TIMES):
            wait_for_questions()
            _train_again(rest, taken, now)
            sought, taken = rest.sought, []
            stored = search_objects(sought, now=now)
            # As `domain_of` a project that is gone.
            domains = [f"-{UUID(each.names[0]).hex[-12:]}." for each in sought]
            if any(User.objects.filter(is_placeholder=True, email__contains=each).exists() for each in domains):
                raise ErasureIncomplete("People whom its imports named are still there.")
            if is_concluded(rest, sought, stored, others_keep=others_keep):
                rest.record.not_searched = stored.not_searched
                return rest.record
        raise ErasureIncomplete(_AGAIN_AND_AGAIN)


def erase_deleted_account(user: User, *, now: datetime) -> ErasureRecord:
    """An account is being deleted: its row goes by itself, and here goes what others wrote of it.

    Kept files and the model store are searched after the commit: the deletion holds all who write.
    """
    search = Search(sought_for(user.email, rows_of(user.email)))
    found = search.look(in_files=False)
    wait_for_others()
    taken = take_away()
    people, search = _once_more(user.email, search)
    hold(people, found)
    left = [leave_a_pseudonym(imported) for imported in people if imported != user]
    counts, projects = _erase_texts(search.sought, people, found)
    forget_what_was_read(now)
    rest = begun(_PERSON, user.email, now)
    rest.add(search.sought, people, drop_models(projects, []), summed(counts, *left))
    # The account is gone whatever comes of it: a fault is logged, and the rest is done by the clock.
    transaction.on_commit(lambda: _finish_without_account(rest, search.also(rest.sought), taken, now), robust=True)
    return rest.record


def _finish_without_account(rest: Unfinished, search: Search, taken: list[UUID], now: datetime) -> None:
    """After the commit: what nobody shall wait for."""
    try:
        record = _finish(rest, search, taken, now=now)
    except ErasureIncomplete as error:
        logger.error(_MAYBE_LEFT, rest.record.pk, error.message)
        return
    except Exception as error:
        # Its text may quote the person: Django would log it.
        logger.exception(_MAYBE_LEFT, rest.record.pk, type(error).__name__)
        return
    for place, count in record.left.items():
        logger.warning(
            "The name or address stays: it is others', a thing's or maybe a word place=%s count=%s", place, count
        )


def _erase_texts(sought: Sequence[Sought], people: Sequence[User], found: Found) -> tuple[dict[str, int], list[UUID]]:
    """Replace the names in all texts; how much, and in which projects issues named the person or are the person's."""
    touch_work_of(people)
    theirs = Issue.objects.filter(Q(assignee__in=people) | Q(reporter__in=people)).order_by()
    projects = {*theirs.values_list("project_id", flat=True).distinct(), *_touch(found)}
    forget_kept_answers()
    everywhere = Needles([name for each in sought if each.projects is None for name in each.names])
    tokens = forget_tokens(given_by=people, is_meant=lambda token: file_holds(everywhere, token.encode()))
    # Of one word, too, which no text is searched for.
    logged = LogEntry.objects.filter(
        content_type__app_label="accounts", object_id__in=[str(each.pk) for each in people]
    )
    logged.update(object_repr=pseudonym_of(sought[0].names[0]))
    counts = replace(found, pseudonym_of(sought[0].names[0])) | {"importers.connection.token": tokens}
    return counts, sorted(projects)


def _touch(found: Found) -> set[UUID]:
    """What is told from these issues names people: it is told anew. In which projects they are."""
    issues, projects = found.issues, set[UUID]()
    for part in in_parts(issues):
        named = Issue.objects.filter(pk__in=part).order_by()
        projects.update(named.values_list("project_id", flat=True).distinct())
        named.update(updated_at=timezone.now())
    return projects


def _left(sought: Sequence[Sought], people: Sequence[User], stored: Stored) -> dict[str, int]:
    """How often names stay, by place: by project and table, and in which part of the store."""
    return left_of(sought, people) | dict(Counter(key.partition("/")[0] for key in stored.elsewhere))


def _train_again(rest: Unfinished, taken: Sequence[UUID], now: datetime) -> None:
    ModelLoader().clear_cache()
    begin = [*TrainingRun.objects.filter(pk__in=taken).values_list("pk", flat=True)]
    if served := {*rest.dropped.served}:
        with transaction.atomic():
            begin += _asked_for(served, now)
            rest.asked_for(served)
    send_trainings(begin)


def _asked_for(served: Iterable[tuple[str, UUID | None]], now: datetime) -> Iterator[UUID]:
    # One may be gone since.
    there = {None, *Project.objects.values_list("pk", flat=True)}
    for model_type, project_id in sorted((each for each in served if each[1] in there), key=str):
        try:
            yield request_training(model_type, project_id, cause="what it had learned was erased", now=now).id
        except (AlreadyTraining, PredictionsOff) as error:
            logger.info("No training is asked for type=%s project=%s: %s", model_type, project_id, error.message)
