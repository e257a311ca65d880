"""Searching holds nobody: only what was found is written in the transaction, and what comes meanwhile goes after."""

import gzip
import random
from contextlib import contextmanager
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.names.needles import Needles
from apps.accounts.tests.factories import UserFactory
from apps.importers.models import ImportRun
from apps.ml.storage import get_object_store
from apps.ml.tests.factories import MLModelFactory
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from apps.upkeep import erasing, finding, objects
from apps.upkeep.erasing import ErasureIncomplete, NobodyFound, erase_person
from apps.upkeep.kept import around, file_holds
from apps.upkeep.texts import TextTable, found_in_database, search_store, tables

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins")]
EMAIL, NAME = "ann.smith@example.com", "Ann Smith"
FILE = f"id,title\n1,Ask {NAME}\n".encode()


@pytest.fixture
def team():
    return TeamMemberFactory(user=UserFactory(email=EMAIL, full_name=NAME)).project


def test_a_table_without_rows_is_not_read(team):
    with CaptureQueriesContext(connection) as queries:
        found = found_in_database([NAME])

    assert found == {"accounts.user": 1} or not found
    assert len(queries) < len(tables()) / 2


@pytest.fixture
def writing(monkeypatch):
    """What happens in its transactions: `begins` is called with the number of each, `is_open` while one is."""

    class Writing:
        is_open, times = False, 0
        begins = staticmethod(lambda _number: None)

    true = erasing.forgetting

    @contextmanager
    def forgetting():
        Writing.begins(Writing.times)
        Writing.times += 1
        with true():
            Writing.is_open = True
            try:
                yield
            finally:
                Writing.is_open = False

    monkeypatch.setattr(erasing, "forgetting", forgetting)
    return Writing


@pytest.mark.parametrize("number", [1, 5])
def test_in_the_transaction_only_rows_that_were_found_are_read(team, now, monkeypatch, writing, number):
    for at in range(number):
        IssueFactory(project=team, title=f"Ask {NAME} {at}")
        ImportRun.objects.create(project=team, upload=b"ann at smith example com " * 1_000)
    holding, searched = TextTable.holding, []

    def spied(self, needles, within=None, among=None):
        searched.extend([self.table] if writing.is_open and among is None else [])
        return holding(self, needles, within, among)

    def read(needles, data):
        searched.extend(["a file"] if writing.is_open and len(data) > 1_000 else [])
        return file_holds(needles, data)

    monkeypatch.setattr(TextTable, "holding", spied)
    for module in (finding, erasing):
        monkeypatch.setattr(module, "file_holds", read)

    erase_person(EMAIL, now=now)

    assert (writing.times, searched) == (1, [])
    assert ImportRun.objects.exclude(upload=None).count() == number


def test_what_comes_between_search_and_change_is_erased_too(team, now, writing):
    issue = IssueFactory(project=team, title="Nothing")
    said = [
        lambda: IssueFactory(project=team, title=f"New: {EMAIL}"),
        lambda: type(issue).objects.filter(pk=issue.pk).update(title=f"Now of {NAME}"),
        lambda: ImportRun.objects.create(project=team, source="csv", status="running", upload=FILE),
    ]
    writing.begins = lambda number: said[number]() if number < len(said) else None

    erase_person(EMAIL, now=now)

    assert writing.times == len(said) + 1
    assert found_in_database([EMAIL, NAME]) == {}
    run = ImportRun.objects.get()
    assert (run.upload, run.status) == (None, "queued"), "What its process has read is kept no more."


def test_what_goes_on_writing_it_is_told(team, now, writing):
    writing.begins = lambda number: IssueFactory(project=team, title=f"{number}: {EMAIL}")

    with pytest.raises(ErasureIncomplete, match="again and again"):
        erase_person(EMAIL, now=now)


def test_a_file_is_read_once(team, now, writing):
    run = ImportRun.objects.create(project=team, upload=b"nobody")
    ImportRun.objects.create(project=team, upload=FILE)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        erase_person(EMAIL, now=now)

    read = [each["sql"] for each in queries if each["sql"].startswith('SELECT "importers_importrun"."upload"')]
    assert len(read) == 2
    run.refresh_from_db()
    assert bytes(run.upload) == b"nobody"


def test_a_deletion_searches_files_and_store_after_its_commit(team, monkeypatch, django_capture_on_commit_callbacks):
    """It holds all who write: what it reads within is bounded by texts, and there may be a GiB of files."""
    ann, issue = team.members.get(), IssueFactory(project=team, title=f"Ask {NAME}")
    run = ImportRun.objects.create(project=team, upload=FILE * 100)
    search, read, stored = objects.search_store, [], []
    monkeypatch.setattr(
        finding, "file_holds", lambda needles, data: read.append(len(data)) or file_holds(needles, data)
    )
    monkeypatch.setattr(objects, "search_store", lambda names: stored.append(names) or search(names))

    with django_capture_on_commit_callbacks(execute=True):
        ann.delete()
        during = [*read, *stored]
        issue.refresh_from_db()
        assert NAME not in issue.title
        came = IssueFactory(project=team, title=f"New: {EMAIL}")

    assert (during, max(read), len(stored)) == ([], len(FILE) * 100, 1)
    run.refresh_from_db()
    came.refresh_from_db()
    assert run.upload is None
    assert EMAIL not in came.title


def test_what_the_store_holds_elsewhere_goes_with_a_deletion(team, django_capture_on_commit_callbacks):
    """A training set that names the person, of a model whose project the person left."""
    model = MLModelFactory(project=ProjectFactory(), dataset_key="ml_datasets/x/1.jsonl.gz")
    get_object_store().put(model.dataset_key, gzip.compress(EMAIL.encode()))

    with django_capture_on_commit_callbacks(execute=True):
        team.members.get().delete()

    assert search_store([EMAIL]).found == ()
    model.refresh_from_db()
    assert model.dataset_key == ""


@pytest.mark.parametrize("place", ["file", "store"])
def test_whom_only_a_file_or_the_store_knows_is_erased(now, place):
    run = ImportRun.objects.create(project=ProjectFactory(), upload=EMAIL.encode() if place == "file" else b"nobody")
    model = MLModelFactory(project=ProjectFactory(), dataset_key="ml_datasets/x/1.jsonl.gz")
    get_object_store().put(model.dataset_key, gzip.compress(EMAIL.encode() if place == "store" else b"nobody"))

    erase_person(EMAIL, now=now)

    run.refresh_from_db()
    assert (run.upload is None) == (place == "file")
    assert search_store([EMAIL]).found == ()
    with pytest.raises(NobodyFound):
        erase_person(EMAIL, now=now)


# --- Files --------------------------------------------------------------------------------------------------------
def test_a_part_that_everybody_has_costs_nothing():
    """Every line has the host, and some the first name; the other one stands nowhere near."""
    lines = [f"{at},A title of some length,ann.o{at}@example.com,Smiths\n" for at in range(20_000)]
    data = "".join([*lines, "Ann Smithson, asmith@example.com\n"]).encode().lower()

    near = [len(data[begins:ends]) for begins, ends in around(data, b"smithson", 64 * len(EMAIL))]
    assert sum(near) < len(data) / 100
    assert not file_holds(Needles([EMAIL, NAME]), data)


def test_looking_around_grows_as_the_file_does():
    """However often a part stands there, each byte is in one piece, and pieces lie as far apart as they reach."""
    for part_every in (1, 7, 1_000):
        data = (b"x" * part_every + b"ann") * (200_000 // part_every)
        pieces = list(around(data, b"ann", 64))
        assert sum(min(ends, len(data)) - begins for begins, ends in pieces) <= len(data) + 2 * len(pieces)
        assert all(after[0] >= before[1] - 1 for before, after in pairwise(pieces))


SPELLED = [
    "Ann Smith",
    "ANN\u00a0SMITH",
    "ann   smith",
    "ann.smith@example.com",
    "Ann%2ESmith%40EXAMPLE.com",
    "Ann&nbsp;Smith",
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_it_finds_what_reading_the_whole_file_finds(encoding):
    rng, needles = random.Random(7), Needles([EMAIL, NAME])
    words = ["ann", "smith", "example", "com", "Grüße", "joann", "smiths", ",", "\n", "x" * 700, *SPELLED[:1]]
    seen = set()
    for _ in range(400):
        text = " ".join(rng.choices(words, [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 0.2], k=rng.randrange(1, 40)))
        if rng.random() < 0.3:
            at = rng.randrange(len(text) + 1)
            text = f"{text[:at]}{rng.choice(['', ' '])}{rng.choice(SPELLED)}{text[at:]}"
        data = b"x" * rng.choice([0, 0, 2]) + text.encode(encoding, errors="replace")
        whole = any(
            needles.whole.search(data.decode(each, errors="ignore"))
            for each in ("utf-8", "utf-16-le", "utf-16-be", "cp1252")
        )
        seen.add(whole)
        assert file_holds(needles, data) == whole, text
    assert seen == {False, True}
