"""`import_issues` from a tracker: now, kept in step, dry, and taken back."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.importers.models import Connection, ImportRun
from apps.importers.sources.registry import Place, place_of
from apps.importers.tests.trackers.server import Reply
from apps.projects.models import Issue, Project

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(jira, monkeypatch):
    """The Jira of this machine as if it were on the internet."""
    monkeypatch.setenv("TRACKER_TOKEN", "ada@example.org:secret-token")
    place: Place = place_of("jira", jira.url, "SHOP")
    page = "https://acme.atlassian.net/browse/SHOP-1"
    found = {page: place}.get
    monkeypatch.setattr("apps.importers.management.commands.import_issues.place_in", found)
    return page


def run(*arguments, **options):
    out = StringIO()
    call_command("import_issues", *arguments, stdout=out, **options)
    return out.getvalue()


def test_a_tracker_is_imported_with_its_ledger_and_how_to_take_it_back(project, source):
    told = run(source, project="SHOP")
    assert "4 new" in told
    assert "What cannot be had:" in told
    assert "descriptions and labels come without their history; touches training" in told
    assert f"--undo {ImportRun.objects.get().pk}" in told
    assert Connection.objects.count() == 0
    assert Issue.objects.filter(project=project).count() == 4


def test_an_import_is_taken_back_by_its_id(project, source):
    run(source, project=project.key)
    told = run(undo=ImportRun.objects.get().pk)
    assert "is taken back" in told
    assert Issue.objects.count() == 0


def test_a_dry_run_makes_no_project_and_shows_what_cannot_be_had(source):
    told = run(source, project="NEW", create_project="", dry_run=True)
    assert "Dry run, nothing was changed. NEW: 4 new" in told
    assert "What cannot be had:" in told
    assert "A-1 is read as:\n  external_id      A-1\n" in told
    assert "  story_points     2\n" in told
    assert "  Won't do                 dropped      1 issue\n" in told
    assert "hours of an issue: not yet, 1 finished issues with hours (50 are needed)" in told
    assert (Project.objects.count(), Issue.objects.count(), ImportRun.objects.count()) == (0, 0, 0)


def test_to_be_kept_in_step_stores_the_token_and_the_next_time_none_is_needed(project, source, monkeypatch, jira):
    run(source, project=project.key, keep_in_step=True)
    monkeypatch.delenv("TRACKER_TOKEN")
    asked = len(jira.requests)
    told = run(source, project=project.key)
    assert "0 new, 4 unchanged" in told
    assert any("updated >=" in request.body["jql"] for request in jira.requests[asked:] if "search" in request.path)


def test_without_a_token_it_says_what_is_wanted_and_where(project, source, monkeypatch):
    monkeypatch.delenv("TRACKER_TOKEN")
    with pytest.raises(CommandError, match=r"ada@example.org:ATATT.*TRACKER_TOKEN"):
        run(source, project=project.key)


def test_a_refusal_ends_in_words_and_the_run_is_over(project, source, jira):
    jira.answer = lambda request: Reply(status=401)
    with pytest.raises(CommandError, match="does not accept the token"):
        run(source, project=project.key)
    assert ImportRun.objects.get().status == "failed"


@pytest.mark.parametrize("arguments", [[], ["export.csv"]])
def test_what_is_missing_is_asked_for(arguments):
    with pytest.raises(CommandError, match="import_issues SOURCE --project KEY"):
        run(*arguments)


def test_what_a_tracker_told_is_saved_and_imported_again_without_it(project, source, tmp_path):
    path = tmp_path / "told.jsonl"
    run(source, project=project.key, save_as=path)
    run(str(path), project="AGAIN", create_project="")
    told = [Issue.objects.filter(project__key=key).order_by("external_id") for key in (project.key, "AGAIN")]
    names = (
        "external_id",
        "status__name",
        "sprint__name",
        "story_points",
        "started_at",
        "resolved_at",
        "changes__changed_at",
    )
    first, again = (sorted(map(str, issues.values_list(*names))) for issues in told)
    assert first == again


@pytest.mark.parametrize("text", ["{", "[" * 100_000 + "]" * 100_000], ids=["half", "deep"])
def test_a_mapping_that_is_no_json_is_told_as_such(tmp_path, text):
    (tmp_path / "mapping.json").write_text(text)
    (tmp_path / "issues.jsonl").write_text("{}")
    with pytest.raises(CommandError, match="no mapping in JSON"):
        run(str(tmp_path / "issues.jsonl"), project="NEW", create_project="", mapping=tmp_path / "mapping.json")


@pytest.mark.parametrize("keeps_in_step", [True, False])
def test_what_a_connected_place_tells_is_saved_whole(project, source, tmp_path, keeps_in_step):
    if not keeps_in_step:
        run(source, project=project.key, keep_in_step=True)
    path = tmp_path / "told.jsonl"

    run(source, project=project.key, keep_in_step=keeps_in_step, save_as=path)
    run(str(path), project="AGAIN", create_project="")

    keys = Issue.objects.filter(project=project).values_list("external_id", flat=True)
    assert set(Issue.objects.filter(project__key="AGAIN").values_list("external_id", flat=True)) == {*keys}


@pytest.mark.parametrize("name", ["issues.csv", "issues.jsonl"])
def test_a_file_is_saved_as_no_other(project, tmp_path, name):
    (tmp_path / name).write_text("")
    with pytest.raises(CommandError, match="--save-as is for trackers"):
        run(str(tmp_path / name), project=project.key, save_as=tmp_path / "told.jsonl")
