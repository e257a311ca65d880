"""Indexes of texts outside the process: begun with, brought up to date, replaced, forgotten; never another answer."""

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import OperationalError
from django.utils import timezone
from prometheus_client import REGISTRY

from apps.ml.core import artifact, text_index
from apps.ml.models import TextSnapshot
from apps.ml.services.similar import issue_texts, text_snapshots
from apps.ml.services.similar.issue_texts import ISSUE_TEXTS, IssueTexts
from apps.ml.services.similar.text_snapshots import forget_indexes, projects_behind, stored_index
from apps.ml.services.upkeep.strays import sweep_store
from apps.ml.services.upkeep.verification import verify_store
from apps.ml.storage import get_object_store
from apps.ml.storage.keys import INDEXES
from apps.ml.storage.signing import Identity, digest, sign
from apps.ml.tasks import refresh_indexes
from apps.projects.models import Issue
from apps.projects.services import delete_issue, update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory

pytestmark = pytest.mark.django_db

WORDS = ("login", "page", "invoice", "total", "report", "slow", "export", "mail")


@pytest.fixture
def kept(monkeypatch):
    """A project large enough to be kept, each change of which is far behind."""
    project = ProjectFactory()
    monkeypatch.setattr(text_snapshots, "MIN_ISSUES", 3)
    monkeypatch.setattr(text_snapshots, "FEWEST_BEHIND", 1)
    for number in range(4):
        IssueFactory(project=project, title=f"Fix {WORDS[number]} of {WORDS[-number]}")
    return project


def in_a_new_process(project):
    """The index as a process that remembers nothing has it."""
    return IssueTexts(max_bytes=2**30).of_project(project.pk)


def built(project, monkeypatch):
    """The index that no store has a part in."""
    with monkeypatch.context() as alone:
        alone.setattr(issue_texts, "stored_index", lambda _: None)
        alone.setattr(issue_texts, "keep_snapshot", lambda *_: None)
        return in_a_new_process(project)


def reads(outcome):
    return REGISTRY.get_sample_value("scrum_ml_index_reads_total", {"outcome": outcome}) or 0.0


def same(index, other):
    for name in ("issue_ids", "hours", "created", "directions", "words", "offsets", "owners", "counts", "lengths"):
        np.testing.assert_array_equal(getattr(index, name), getattr(other, name), err_msg=name)
    assert index.names.pieces() == other.names.pieces()


def change(project, rng, now):
    """Somebody does something."""
    issues = list(Issue.objects.filter(project=project))
    what = rng.choice(["add", "add old", "edit", "finish", "delete"]) if len(issues) > 3 else "add"
    title = f"{rng.choice(WORDS)} {rng.choice(WORDS)}"
    if what.startswith("add"):
        IssueFactory(project=project, title=title, created_at=now - timedelta(days=rng.randrange(3) * (what != "add")))
    elif what == "delete":
        delete_issue(rng.choice(issues))
    else:
        update_issue(
            rng.choice(issues), by=None, now=now, **({"title": title} if what == "edit" else {"story_points": 3})
        )


@pytest.mark.parametrize("seed", range(6))
def test_random_edits_answer_alike_with_and_without_what_is_stored(kept, monkeypatch, seed, now):
    rng = random.Random(seed)
    monkeypatch.setattr(issue_texts, "MAX_ISSUES", rng.choice([4, 100]))
    for _ in range(8):
        for _ in range(rng.randrange(4)):
            change(kept, rng, now)
        monkeypatch.setattr(text_snapshots, "FEWEST_BEHIND", rng.choice([1, 3]))

        index, alone = in_a_new_process(kept), built(kept, monkeypatch)

        same(index, alone)
        title = f"{rng.choice(WORDS)} {rng.choice(WORDS)}"
        assert index.query(title) == alone.query(title)


def test_a_process_begins_with_what_another_has_stored(kept, monkeypatch):
    first = in_a_new_process(kept)
    monkeypatch.setattr(issue_texts, "issue_texts", lambda *_, **__: pytest.fail("issues were read"))

    same(in_a_new_process(kept), first)


def test_the_next_one_takes_the_place_of_the_last_and_the_store_is_sound(kept, now):
    in_a_new_process(kept)
    before = TextSnapshot.objects.get(project=kept).key
    IssueFactory(project=kept, title="Wrong invoice")
    in_a_new_process(kept)

    row = TextSnapshot.objects.get(project=kept)
    assert [found.key for found in get_object_store().list("ml_indexes")] == [row.key] != [before]
    assert verify_store(now=now).is_sound
    assert sweep_store(now=timezone.now() + timedelta(days=30)) == 0


def test_two_do_not_write_at_once(kept):
    TextSnapshot.objects.create(project=kept, claimed_at=timezone.now())

    in_a_new_process(kept)

    assert TextSnapshot.objects.get(project=kept).key == ""


def test_the_claim_of_a_clock_that_was_ahead_keeps_nobody_from_writing(kept):
    TextSnapshot.objects.create(project=kept, claimed_at=datetime(2900, 1, 1, tzinfo=UTC))

    in_a_new_process(kept)

    assert TextSnapshot.objects.get(project=kept).key


def exchange(row, arrays, meta):
    """Other bytes that are signed as its own."""
    data = artifact.dumps(text_index.KIND, arrays, meta)
    get_object_store().delete(row.key)
    get_object_store().put(row.key, data)
    signed = sign(digest(data), of=Identity(INDEXES, row.project_id, ""))
    TextSnapshot.objects.filter(pk=row.pk).update(digest=digest(data), signature=signed)


@pytest.mark.parametrize(
    ("harm", "outcome"),
    [
        ("damaged", "digest_mismatch"),
        ("missing", "object_missing"),
        ("of another", "signature_invalid"),
        ("of other arrays", "artifact_corrupted"),
    ],
)
def test_one_that_cannot_be_used_is_announced_counted_and_built_anew(kept, monkeypatch, caplog, harm, outcome):
    in_a_new_process(kept)
    row, before = TextSnapshot.objects.get(project=kept), reads(outcome)
    if harm == "damaged":
        get_object_store().delete(row.key)
        get_object_store().put(row.key, b"something else")
    elif harm == "of other arrays":
        found = artifact.loads(get_object_store().get(row.key), kind=text_index.KIND)
        exchange(row, found.arrays | {"offsets": np.zeros(0)}, found.meta)
    elif harm == "missing":
        get_object_store().delete(row.key)
    else:
        TextSnapshot.objects.update(signature=f"hs256-2:00000000:{'0' * 64}")

    index = in_a_new_process(kept)

    same(index, built(kept, monkeypatch))
    assert reads(outcome) == before + 1
    assert "is built anew" in caplog.text
    assert stored_index(kept.pk) is not None


def test_what_is_forgotten_is_neither_read_nor_remembered(kept, now):
    ISSUE_TEXTS.clear()
    texts = IssueTexts(max_bytes=2**30, clock=iter(range(0, 1000, 10)).__next__)
    first = texts.of_project(kept.pk)
    key = TextSnapshot.objects.get(project=kept).key
    Issue.objects.filter(project=kept).update(title="Erased")

    assert forget_indexes(now=now) == {key}
    anew = texts.of_project(kept.pk)

    assert {anew.name(row)[1] for row in range(len(anew))} == {"Erased"} != {first.name(0)[1]}


def test_who_read_before_texts_were_erased_writes_nothing_after(kept, monkeypatch, now):
    upload = text_snapshots.S3ModelStorageService.upload_index

    def erased_meanwhile(*arguments, **named):
        forget_indexes(now=now)
        return upload(*arguments, **named)

    monkeypatch.setattr(text_snapshots.S3ModelStorageService, "upload_index", erased_meanwhile)

    in_a_new_process(kept)

    assert TextSnapshot.objects.get(project=kept).key == ""
    assert get_object_store().list("ml_indexes") == []


def test_an_index_whose_row_cannot_be_written_goes_at_once(kept, monkeypatch):
    """Texts may be erased by the time that the database is back."""
    upload, beside = text_snapshots.S3ModelStorageService.upload_index, OperationalError("server closed the connection")

    def closed(*_, **__):
        raise beside

    def then_the_database_goes(*arguments, **named):
        stored = upload(*arguments, **named)
        monkeypatch.setattr(text_snapshots.TextSnapshot.objects, "filter", closed)
        return stored

    monkeypatch.setattr(text_snapshots.S3ModelStorageService, "upload_index", then_the_database_goes)

    with pytest.raises(OperationalError):
        in_a_new_process(kept)

    assert get_object_store().list("ml_indexes") == []


def test_a_small_project_is_not_stored():
    project = IssueFactory().project

    in_a_new_process(project)

    assert not TextSnapshot.objects.exists()


def test_a_worker_stores_what_is_behind(kept):
    assert list(projects_behind()) == [kept.pk]

    assert refresh_indexes() == 1

    assert list(projects_behind()) == []
    assert stored_index(kept.pk) is not None
