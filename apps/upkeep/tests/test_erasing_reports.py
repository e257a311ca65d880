"""Reports of imports whose source goes on naming somebody who was erased, and of imports that were taken back."""

import csv
import io
import json
import unicodedata

import pytest

from apps.accounts.tests.factories import UserFactory
from apps.importers import runs
from apps.importers.models import ImportRun
from apps.projects.models import Issue
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory
from apps.upkeep.erasing import erase_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins")]
EMAIL, NAME = "ann@example.com", "Ann Smith"


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


@pytest.fixture
def upload(project, now):
    def upload(content, *, name="a.csv", is_dry_run=False):
        run = runs.ask_upload(project, name=name, content=content.encode(), by=None, now=now, is_dry_run=is_dry_run)
        return runs.execute(run.pk, now=now)

    return upload


def table(*rows):
    header = "Issue key,Summary,Status,Created,Assignee,Assignee Email,Reporter,Story Points"
    return "\n".join([header, *rows])


def lines(*rows):
    return "\n".join(json.dumps(row) for row in rows)


def kept_of(run):
    stored = ImportRun.objects.get(pk=run.pk)
    return json.dumps([stored.report, stored.error], ensure_ascii=False)


@pytest.fixture(params=["imported", "member"])
def erased(request, upload, project, now):
    """Whom an import named, or who was a member, and is erased."""
    if request.param == "member":
        TeamMemberFactory(project=project, user=UserFactory(email=EMAIL, full_name=NAME))
    assert upload(table(f"A-1,Plain,To Do,2026-01-01,{NAME},{EMAIL},{NAME},1")).status == "completed"
    erase_person(EMAIL, now=now)


@pytest.mark.parametrize("is_dry_run", [False, True])
@pytest.mark.usefixtures("erased")
def test_whoever_was_erased_is_told_as_the_pseudonym_that_the_import_finds(upload, is_dry_run):
    run = upload(table(f"A-1,Ask {NAME},To Do,2026-01-01,{NAME},{EMAIL},,1"), is_dry_run=is_dry_run)

    assert run.status == "completed"
    told = run.report["samples"][0]["assignee"]
    assert told.startswith("erased-")
    assert is_dry_run or told == Issue.objects.get().assignee.email
    assert (EMAIL in kept_of(run), NAME in kept_of(run)) == (False, False)


@pytest.mark.usefixtures("erased")
def test_nor_do_cells_and_rows_that_cannot_be_read_name_whoever_was_erased(upload):
    run = upload(table(
        f"A-1,Plain,To Do,2026-01-01,{NAME},{EMAIL},,1",
        f"A-2,Plain,To Do,2026-01-01,{NAME},{EMAIL},,{NAME}",
        f"A-3,Plain,To Do,2026-01-01,{NAME},{EMAIL},,of {EMAIL}",
        f"A-4,Plain,,2026-01-01,,,,by {NAME} <{EMAIL}>",
        f"A-5,Plain,To Do,2026-01-01,{NAME},{EMAIL},,1,{NAME}",
    ))  # fmt: skip

    assert run.status == "completed"
    assert len(run.report["unread_cells"]) == 3
    assert (EMAIL in kept_of(run), NAME in kept_of(run)) == (False, False)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Conan O'Brien", "Conan O’Brien"), ("Élodie Ångström", unicodedata.normalize("NFD", "Élodie Ångström")),
        ("Élodie Ångström", "ÉLODIE ÅNGSTRÖM"), ("Nguyễn Văn", "Nguyê\u0303n Văn"), ("Ann Smith", "Smith, Ann"),
        ("Ann Smith", "Ann\u00a0Smith"), ("王 小明", "王小明"), ("Ann \\Smith", "Ann \\Smith"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_read_names_nobody_however_it_spells_them(upload, now, name, said):
    def rows(*rows):
        file = io.StringIO()
        csv.writer(file).writerows([table().split(","), *rows])
        return file.getvalue()

    upload(rows(["A-1", "Plain", "To Do", "2026-01-01", name, EMAIL, "", "1"]))
    erase_person(EMAIL, now=now)

    row = ["Plain", "To Do", "2026-01-01", name, EMAIL, ""]
    run = upload(rows(["A-2", *row, said], ["A-3", *row, "3"]))

    assert len(run.report["unread_cells"]) == 1
    told = run.report["unread_cells"][0]
    assert "'erased-" in told
    assert said not in told


@pytest.mark.usefixtures("erased")
def test_nor_do_lines_of_json(upload):
    person = {"name": NAME, "email": EMAIL}
    run = upload(
        lines(
            {"id": "B-1", "title": "Plain", "assignee": person},
            {"id": "B-2", "title": "Plain", "assignee": person, "created_at": f"{NAME} {EMAIL}"},
        ),
        name="a.jsonl",
    )

    assert run.status == "completed"
    pseudonym = Issue.objects.get(external_id="B-1").assignee.email
    assert (run.report["samples"][0]["assignee"], run.report["error_count"]) == (pseudonym, 1)
    assert (EMAIL in kept_of(run), NAME in kept_of(run)) == (False, False)


def test_who_was_erased_by_name_alone_is_looked_up_in_a_row_that_is_refused(upload, project, now):
    """Nobody else of the file names them."""
    upload(table(f"A-1,Plain,To Do,2026-01-01,{NAME},,,1"))
    erase_person(Issue.objects.get().assignee.email, now=now)

    run = upload(table(f"A-2,Plain,To Do,2026-01-01,,,,{NAME}", "A-3,Plain,To Do,2026-01-01,,,,3"))

    assert NAME not in kept_of(run)
    assert "erased-" in kept_of(run)


def test_others_are_told_as_the_team_knows_them(upload, project):
    TeamMemberFactory(project=project, user=UserFactory(email="bob@example.com", full_name="Bob Jones"))
    run = upload(table(
        "A-1,Plain,To Do,2026-01-01,Robert,BOB@example.com,,1", "A-2,Plain,To Do,2026-01-01,Cy Young,cy@example.com,,1"
    ))  # fmt: skip

    told = [sample["assignee"] for sample in run.report["samples"]]
    assert told == ["Bob Jones <bob@example.com>", "Cy Young <cy@example.com>"]


@pytest.mark.parametrize("way", ["in one", "by a worker"])
def test_of_an_import_that_was_taken_back_figures_are_left_and_no_names(upload, now, way):
    run = upload(table(
        f"A-1,Ask {NAME},{NAME},2026-01-01,{NAME},{EMAIL},,1",
        f"A-2,Plain,To Do,2026-01-01,{NAME},{EMAIL},,{NAME}",
        f"A-3,Plain,To Do,2026-01-01,{NAME},{EMAIL},,1,{NAME}",
    ))  # fmt: skip
    ImportRun.objects.update(error=f"'{NAME}' is no date.")
    assert NAME in kept_of(run)

    runs.undo(run) if way == "in one" else runs.undo_here(run, now=now)

    stored = ImportRun.objects.get(pk=run.pk)
    assert (stored.status, stored.report["new"], stored.report["error_count"]) == ("undone", 2, 1)
    assert (EMAIL in kept_of(run), NAME in kept_of(run)) == (False, False)
