"""A figure whose answer was lost, or whose label a tracker spells in its own way, is known as ours afterwards."""

import pytest
from django.db import connection as database

from apps.importers.connections import connect
from apps.importers.models import WriteBack
from apps.importers.sources.client import Client
from apps.importers.sources.registry import place_of
from apps.importers.sources.writers import JiraWriter, Target
from apps.importers.tests.trackers.server import Reply
from apps.importers.tests.trackers.written_site import Writing
from apps.importers.write_back import prepared
from apps.projects.tests.factories import IssueFactory

LOST = {"503": lambda: Reply({}, 503), "cut": lambda: Reply({"ok": "yes"}, cut=True)}


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def jira(linked, hours, site, served, now):
    """A field of Jira."""
    hours.clear()
    told = prepared(linked, "hours", Target(field="customfield_9"))
    told.save()
    return Writing("A-1", told, hours, site, served, now)


@pytest.fixture
def github(linked, hours, site, served, now):
    """Labels of GitHub, by what they begin with."""
    place = place_of("github", served.url, "o/r")
    connection = connect(linked.project, place, "token", by=linked.created_by, now=now)
    IssueFactory(project=linked.project, source="github", external_id="#7", source_id="7")

    def begun(label: str) -> Writing:
        told = WriteBack.objects.create(
            project=connection.project, place=connection.place, connection=connection, figure="hours", label=label
        )
        return Writing("#7", told, hours, site, served, now)

    return begun


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(Client, "pause", lambda client, seconds: None)


@pytest.fixture
def killed(monkeypatch):
    """Write until the process is killed in a request of one kind, which is done or not."""

    def write(writing: Writing, hours: str, *, method: str, is_done: bool) -> None:
        real = getattr(Client, method)

        def kill(*args, **options):
            if is_done:
                real(*args, **options)
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(Client, method, kill)
            with pytest.raises(Killed):
                writing.write(hours)

    return write


@pytest.mark.django_db
@pytest.mark.parametrize("how", LOST)
def test_a_figure_whose_answer_was_lost_is_replaced_and_taken_back(how, jira):
    jira.lose(LOST[how])
    assert len(jira.write("3").refused) == 1
    assert (jira.field, jira.noted) == (3, ["3 or nothing"])
    jira.find()

    assert jira.write("4").kept == []

    assert (jira.field, jira.noted) == (4, ["4"])
    jira.take_back()
    assert (jira.field, jira.noted) == (None, [])


@pytest.mark.django_db
@pytest.mark.parametrize("is_done", [True, False])
def test_of_a_figure_that_replaces_another_either_may_stand_there(is_done, jira, killed):
    jira.write("3")
    killed(jira, "4", method="put", is_done=is_done)
    assert (jira.field, jira.noted) == (4 if is_done else 3, ["4 or 3"])

    report = jira.write("5")

    assert (report.written, report.kept, jira.field, jira.noted) == (1, [], 5, ["5"])


@pytest.mark.django_db
@pytest.mark.parametrize("is_done", [True, False])
def test_whichever_of_two_stands_there_is_taken_back(is_done, jira, killed):
    jira.write("3")
    killed(jira, "4", method="put", is_done=is_done)

    assert jira.take_back().written == 1

    assert (jira.field, jira.noted) == (None, [])


@pytest.mark.django_db
def test_what_a_person_wrote_after_a_lost_answer_is_neither_replaced_nor_taken_back(jira):
    jira.lose(LOST["503"])
    assert len(jira.write("3").refused) == 1
    jira.find()
    jira.field = 13

    assert jira.write("4").kept == ["A-1"]
    report = jira.take_back()

    assert (report.kept, report.written, jira.field, jira.noted) == (["A-1"], 0, 13, [])


@pytest.mark.django_db
def test_a_persons_value_that_is_the_figure_stays_theirs(jira):
    jira.field = 3

    assert jira.write("3").kept == ["A-1"]

    jira.take_back()
    assert jira.write("4").kept == ["A-1"]
    assert (jira.field, jira.noted) == (3, [])


@pytest.mark.django_db
@pytest.mark.parametrize("before", [[], ["3"]])
def test_a_figure_that_the_tracker_refuses_is_not_noted(before, jira):
    for hours in before:
        jira.write(hours)
    jira.answer("PUT", lambda: Reply({"message": "no"}, 400), times=1, is_done=False)

    report = jira.write("4")

    assert [key for key, _ in report.refused] == ["A-1"]
    assert jira.noted == before


@pytest.mark.django_db(transaction=True)
def test_the_note_is_committed_before_the_tracker_is_asked(jira, monkeypatch):
    seen, write = [], JiraWriter.write

    def look(*args):
        seen.append((database.in_atomic_block, jira.noted))
        write(*args)

    monkeypatch.setattr(JiraWriter, "write", look)

    jira.write("3")

    assert seen == [(False, ["3 or nothing"])]


# --- Labels -----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("beginning", ["ml-hours:", "ML-hours:", "ml/hours/", "Höhe:"])
def test_one_label_stands_whatever_the_figures_and_whatever_their_case(beginning, github):
    writing = github(beginning)
    # Somebody made this one in the repository before.
    writing.site.made[f"{beginning}4".lower()] = f"{beginning}4".upper()
    writing.labels = ["web", "mlops"]

    for hours in ("3", "4", "5", "4"):
        assert writing.write(hours).kept == []
        assert len(writing.labels) == 3

    assert writing.imported_labels == ("web", "mlops")
    assert writing.take_back().written == 1
    assert writing.labels == ["web", "mlops"]


@pytest.mark.django_db
@pytest.mark.parametrize("beginning", ["ml hours:", "ml-hours: "])
def test_what_an_earlier_version_took_with_blanks_is_read_as_it_is_written(beginning, github):
    writing = github(beginning)

    for hours in ("3", "4"):
        writing.write(hours)

    assert writing.labels == [f"{beginning.replace(' ', '-')}4"]
    assert writing.imported_labels == ()
    told = prepared(writing.write_back.connection, "hours", Target(label=beginning), to_take_back=True)
    assert told == writing.write_back
    writing.take_back()
    assert writing.labels == []


@pytest.mark.django_db
def test_a_label_is_replaced_though_the_answer_to_its_removal_was_lost_once(github):
    writing = github("ml-hours:")
    writing.write("3")
    writing.answer("DELETE", LOST["503"], times=1)

    report = writing.write("4")

    assert (report.refused, writing.labels) == ([], ["ml-hours:4"])


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["delete", "add"])
@pytest.mark.parametrize("is_done", [True, False])
def test_what_is_broken_off_between_two_requests_leaves_no_label_for_good(method, is_done, github, killed):
    writing = github("ml-hours:")
    writing.write("3")
    killed(writing, "4", method=method, is_done=is_done)

    assert writing.write("5").kept == []

    assert writing.labels == ["ml-hours:5"]
    writing.take_back()
    assert writing.labels == []


@pytest.mark.django_db
def test_of_several_labels_that_begin_so_only_ours_is_taken_back(github):
    writing = github("ml-hours:")
    writing.write("3")
    writing.labels = ["ml-hours:3", "ml-hours:8"]

    assert writing.write("5").kept == ["#7"]
    assert writing.labels == ["ml-hours:3", "ml-hours:8"]
    assert writing.take_back().kept == ["#7"]
    assert writing.labels == ["ml-hours:8"]
