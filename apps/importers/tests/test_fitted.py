"""Whatever characters a source holds: what it tells is written, into SQLite and PostgreSQL alike."""

import csv
import json
from datetime import timedelta
from io import StringIO
from itertools import count

import pytest

from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue, Person, RowError
from apps.importers.runs import ask_upload, execute
from apps.importers.services import import_issues
from apps.importers.sources.lines.mapping import PATHS, TOLD
from apps.importers.tracked import Change, Stage, TrackedIssue, TrackedSprint
from apps.importers.writing import sprints
from apps.importers.writing.texts import fitted, plain_json
from apps.projects.history import writing
from apps.projects.models import Issue, IssueChange, Sprint
from apps.projects.tests.factories import ProjectFactory
from conftest import NOW

#: A NUL, half a character, an escape, and a mark that turns what follows.
HOSTILE = "a\x00b\ud800c\x1bd\u202ee"
PLAIN = "a b c d e"


def test_every_text_of_a_record_is_plain_and_none_is_longer_than_its_column():
    told = TrackedIssue(
        line=1, external_id=HOSTILE, title=HOSTILE, description=f"{HOSTILE}\n", source_id="s" * 500,
        sprint_id="9" * 500, assignee=Person(HOSTILE, HOSTILE, HOSTILE), labels=(HOSTILE,),
        blocked_by=(HOSTILE,), parent=HOSTILE,
        changes=(
            Change("status", Stage(HOSTILE, "done"), None, NOW, Person(HOSTILE)),
            Change("labels", (), (HOSTILE,), NOW),
        ),
    )  # fmt: skip

    found = fitted(told)

    assert (found.external_id, found.title, found.parent, found.labels, found.blocked_by) == (
        PLAIN, PLAIN, PLAIN, (PLAIN,), (PLAIN,),
    )  # fmt: skip
    assert found.description == "a b c d\u202ee\n"
    assert (len(found.source_id), len(found.sprint_id)) == (200, 200)
    assert found.assignee == Person(PLAIN, PLAIN, PLAIN)
    assert (found.changes[0].old, found.changes[0].by) == (Stage(PLAIN, "done"), Person(PLAIN))
    assert found.changes[1].new == (PLAIN,)


def test_what_is_plain_stays_the_same_object():
    record = ImportedIssue(line=1, external_id="A-1", title="Señor Ünïcode 日本", description="a\n\tb")

    assert fitted(record) is record


def test_errors_and_sprints_are_told_plainly_too():
    assert fitted(RowError(1, HOSTILE, HOSTILE)) == RowError(1, PLAIN, PLAIN)
    assert fitted(TrackedSprint(external_id=HOSTILE, name=HOSTILE)).name == PLAIN
    assert plain_json({HOSTILE: [HOSTILE, 1, None]}) == {"a b c d\u202ee": ["a b c d\u202ee", 1, None]}


def test_an_id_is_never_cut_to_anothers():
    assert isinstance(fitted(ImportedIssue(line=3, external_id="x" * 201, title="t")), RowError)


LINES = [
    {"id": "L-\0", "title": "a b"},
    {"id": "L-2", "title": "a\ud800b"},
    {"id": "L-4", "title": "a b", "assignee": {"name": "x\0\ud800", "account": "4\0", "email": "a\0@b.example"}},
    {"id": "L-5", "title": "a b", "parent": "\0", "source_id": "\0", "component": "\ud800", "type": "t\0"},
    {"id": "L-6", "title": "a b", "status": "s\0\ud800", "labels": ["\0", "\ud800"], "description": "\0\ud800"},
    {"id": "L-16", "title": "a b", "sprint": "x" * 500},
    {"id": "L-17", "title": "good one"},
]
CSV = "id,title,type,status,assignee,sprint,labels,component\nC-\0,a\0b,t\0,s\0,p\0,S\0,l\0,c\0\nC-2,good one,,,,,,\n"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("z.jsonl", "\n".join(map(json.dumps, LINES)).encode()),
        ("é" * 150 + ".csv", CSV.encode()),
        ("z.csv", CSV.encode()),
        (f"{'é' * 150}.jsonl", "\n".join(map(json.dumps, LINES)).encode()),
        ("a.b/../c\0.csv", CSV.encode()),
    ],
    ids=["lines", "csv with a long name", "csv", "lines with a long name", "a hostile name"],
)
def test_one_hostile_line_does_not_keep_the_others_out(name, content):
    run = ask_upload(ProjectFactory(key="SHOP"), name=name.replace("\0", ""), content=content, by=None, now=NOW)

    execute(run.pk, now=NOW)

    run.refresh_from_db()
    assert (run.status, run.error) == (ImportRun.Status.COMPLETED, "")
    assert Issue.objects.filter(title="good one").exists()
    for row in Issue.objects.values("external_id", "title", "description", "labels", "component", "source_id"):
        assert "\0" not in repr(row).replace("\\x00", "\0")
        json.dumps(row).encode()


#: What no field may hold, and what some may.
ODD = (
    None, "", " ", True, 0, -1, 10**400, 1e308, -1e308, "1e999", "NaN", [], {}, [[]], [None], {"a": None}, "\0",
    "a \ud83d", "x" * 3_000, "2026-02-30", "9999-12-31T23:59:59Z", "0001-01-01", 1e18, -(10**30),
)  # fmt: skip


def odd_lines():
    """Each field of a line with each odd value, and the fields of its history and its people with them."""
    numbers = count(1)
    line = {"title": "a b", "created_at": "2026-01-01T00:00:00Z"}
    for value in ODD:
        for name in PATHS.values():
            yield line | {"id": f"O-{next(numbers)}"} | {name: value}
        for name in TOLD:
            change = {"field": name, "at": "2026-01-02T00:00:00Z", "from": value, "to": value, "by": value}
            yield line | {"id": f"O-{next(numbers)}", "changes": [change]}
        for name in ("name", "email", "account"):
            yield line | {"id": f"O-{next(numbers)}", "assignee": {"name": "Ann"} | {name: value}}
        for name in ("id", "name", "goal", "state", "started_at", "completed_at", "starts_on", "ends_on"):
            yield {"sprint": {"id": f"S-{next(numbers)}", "name": "One"} | {name: value}}


@pytest.mark.django_db
def test_no_value_in_any_field_keeps_the_other_lines_out():
    lines = [*odd_lines(), {"id": "L-1", "title": "good one"}]
    content = "\n".join(map(json.dumps, lines)).encode()

    project = ProjectFactory(key="SHOP")
    for _ in range(2):  # the second time most are there already
        run = ask_upload(project, name="z.jsonl", content=content, by=None, now=NOW)
        execute(run.pk, now=NOW)

        run.refresh_from_db()
        assert (run.status, run.error) == (ImportRun.Status.COMPLETED, "")
        assert Issue.objects.filter(title="good one").count() == 1


#: Of each field one name that a file gives it, and a value that can be.
ORDINARY = {
    "id": "1", "title": "a b", "description": "x", "issuetype": "bug", "parent": "", "blockedby": "", "blocks": "",
    "status": "Done", "resolution": "Done", "priority": "High", "component": "c", "reporter": "Ann", "assignee": "Bob",
    "sprint": "Sprint 1", "sprintstart": "2026-01-01", "sprintend": "2026-01-14", "storypoints": "3",
    "estimatedhours": "2", "actualhours": "4", "created": "2026-01-01", "started": "2026-01-02",
    "resolved": "2026-01-03", "due": "2026-01-04", "updated": "2026-01-03", "labels": "l",
}  # fmt: skip
ODD_CELLS = (
    "", " ", "\0", "-1", "1e308", "1e999", "NaN", "9" * 400, "x" * 3_000, "=1+1", "{}", "[[]]", ";" * 50,
    "\u202e\ud7ff", "0001-01-01", "9999-12-31T23:59:59Z", "2026-02-30", "31/12/2026", "-0", "1,5", "१२", "²", "1_0",
    "true",
)  # fmt: skip


@pytest.mark.django_db
def test_no_value_in_any_cell_keeps_the_other_rows_out():
    numbers = count(1)
    rows = [ORDINARY | {"id": f"C-{next(numbers)}"} | {name: odd} for odd in ODD_CELLS for name in ORDINARY]
    text = StringIO()
    table = csv.DictWriter(text, list(ORDINARY))
    table.writeheader()
    table.writerows([*rows, ORDINARY | {"id": "L-1", "title": "good one"}])

    project = ProjectFactory(key="SHOP")
    for _ in range(2):
        run = ask_upload(project, name="z.csv", content=text.getvalue().encode(), by=None, now=NOW)
        execute(run.pk, now=NOW)

        run.refresh_from_db()
        assert (run.status, run.error) == (ImportRun.Status.COMPLETED, "")
        assert Issue.objects.filter(title="good one").count() == 1


@pytest.mark.django_db
def test_a_sprint_a_line_is_looked_for_among_those_of_its_name_alone(monkeypatch):
    looked_at = []
    near = sprints._is_near
    monkeypatch.setattr(sprints, "_is_near", lambda *asked: looked_at.append(1) or near(*asked))
    rows = [ImportedIssue(line=n, external_id=f"A-{n}", title="a b", sprint=f"Sprint {n}") for n in range(1, 61)]

    for _ in range(2):
        import_issues(rows, project_key="SHOP", create_as="Shop", mapped=frozenset({"title", "sprint"}), now=NOW)

    assert Sprint.objects.count() == len(rows)
    assert len(looked_at) <= 3 * len(rows)


@pytest.mark.django_db
def test_of_descriptions_that_imports_replace_the_newest_are_kept(monkeypatch):
    monkeypatch.setattr(writing, "MOST_KEPT_CHARACTERS", 1_000)
    texts = [str(number) * 600 for number in range(4)]

    for hour, text in enumerate(texts):
        rows, at = [ImportedIssue(line=1, external_id="A-1", title="a", description=text)], NOW + timedelta(hours=hour)
        import_issues(rows, project_key="SHOP", create_as="Shop", mapped=frozenset({"title", "description"}), now=at)

    kept = IssueChange.objects.filter(field="description").values_list("old_value", flat=True)
    assert list(kept) == [writing.LET_GO, writing.LET_GO, texts[2]]
