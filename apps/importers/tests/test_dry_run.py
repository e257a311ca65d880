"""A dry run keeps nobody from working, and leaves nothing."""

from threading import Thread

import pytest
from django.db import connection, connections, transaction

from apps.importers.models import ImportRun
from apps.importers.runs import ask_upload, execute
from apps.importers.writing.dry_run import read_before, undone_at_the_end
from apps.projects.models import Issue, Project
from apps.projects.tests.factories import ProjectFactory
from conftest import NOW


def in_another_process(work) -> None:
    """By a connection of its own."""

    def done() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = Thread(target=done)
    thread.start()
    thread.join()


@pytest.mark.django_db(transaction=True)
def test_while_it_runs_others_write_and_what_it_writes_nobody_gets():
    ProjectFactory(key="SHOP")

    with undone_at_the_end():
        Project.objects.filter(key="SHOP").update(name="tried")
        in_another_process(lambda: ProjectFactory(key="OTHER"))
        assert Project.objects.get(key="SHOP").name == "tried"
        with undone_at_the_end():
            ProjectFactory(key="INNER")

    assert sorted(Project.objects.values_list("key", flat=True)) == ["OTHER", "SHOP"]
    assert Project.objects.get(key="SHOP").name != "tried"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has many writers: no copy is made")
@pytest.mark.django_db(transaction=True)
def test_the_copy_that_it_writes_into_has_no_name_that_a_kill_would_leave():
    with undone_at_the_end(), connection.cursor() as cursor:
        cursor.execute("pragma database_list")
        assert [(name, file) for _, name, file in cursor.fetchall()] == [("main", "")]


@pytest.mark.django_db(transaction=True)
def test_a_dry_run_that_fails_gives_the_connection_back():
    def fail():
        with undone_at_the_end():
            ProjectFactory(key="TRIED")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    ProjectFactory(key="SHOP")
    assert list(Project.objects.values_list("key", flat=True)) == ["SHOP"]
    assert not connection.in_atomic_block


@pytest.mark.django_db(transaction=True)
def test_what_would_be_done_at_a_commit_is_not_done():
    done = []
    with undone_at_the_end():
        transaction.on_commit(lambda: done.append(1))

    assert done == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("content", [b"id,title\nA-1,one\nA-2,two\n", b'{"id": "A-1", "title": "one"}\n'])
def test_a_file_that_is_tried_says_what_it_would_do(content):
    name = "z.csv" if content.startswith(b"id") else "z.jsonl"
    run = ask_upload(ProjectFactory(key="SHOP"), name=name, content=content, by=None, now=NOW, is_dry_run=True)

    execute(run.pk, now=NOW)

    run.refresh_from_db()
    assert (run.status, run.error) == (ImportRun.Status.COMPLETED, "")
    assert run.report["new"] == content.count(b"A-")
    assert not Issue.objects.exists()


def test_all_is_read_before_the_first_is_given():
    read = []

    def told():
        for number in range(3):
            read.append(number)
            yield {"number": number}

    found = read_before(told())

    assert read == [0, 1, 2]
    assert list(found) == [{"number": number} for number in range(3)]
