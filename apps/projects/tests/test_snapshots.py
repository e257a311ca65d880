"""The books of a sprint: frozen once when it is closed, told from the history before that."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.projects import services
from apps.projects.history.snapshots import BOOKS, books_of
from apps.projects.models import Sprint, SprintSnapshot
from apps.projects.tests.factories import IssueFactory, SprintFactory

pytestmark = pytest.mark.django_db
START = datetime(2026, 2, 2, 9, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


@pytest.fixture
def sprint(project):
    return SprintFactory(project=project, active=True)


@pytest.fixture
def story(project, lead, sprint):
    """By name: two committed issues, one finished and one not, one that came in late and one that left."""
    sizes = {"finished": 3, "unfinished": 5, "late": 2, "left": 8}
    issues = {
        name: IssueFactory(project=project, created_at=day(-5), story_points=size) for name, size in sizes.items()
    }
    for name in ("finished", "unfinished", "left"):
        services.update_issue(issues[name], by=lead.user, now=day(-1), sprint=sprint)
    services.update_issue(issues["late"], by=lead.user, now=day(2), sprint=sprint)
    services.update_issue(issues["left"], by=lead.user, now=day(3), sprint=None)
    services.update_issue(issues["finished"], by=lead.user, now=day(4), status=project.statuses.get(name="Done"))
    return issues


def report(sprint, now):
    sprint = Sprint.objects.select_related("snapshot", "project").get(pk=sprint.pk)
    books = books_of([sprint], now=now)[str(sprint.pk)]
    return {book: books.report.amount(book) for book in BOOKS}, books.is_frozen


def test_closing_freezes_what_became_of_the_sprint(sprint, lead, story):
    services.close_sprint(sprint, by=lead.user, now=day(14))

    frozen = SprintSnapshot.objects.get(sprint=sprint)
    assert frozen.frozen_at == day(14)
    assert (frozen.committed_issues, frozen.committed_points) == (3, 16.0)
    assert (frozen.added_issues, frozen.added_points) == (1, 2.0)
    assert (frozen.removed_issues, frozen.removed_points) == (1, 8.0)
    assert (frozen.completed_issues, frozen.completed_points) == (1, 3.0)
    assert (frozen.carried_over_issues, frozen.carried_over_points) == (2, 7.0)


def test_what_happens_later_changes_nothing(project, sprint, lead, story):
    following = SprintFactory(project=project)
    services.close_sprint(sprint, by=lead.user, now=day(14), move_to=following)
    before = report(sprint, day(15))

    to_do = project.statuses.get(name="To do")
    services.update_issue(story["finished"], by=lead.user, now=day(16), status=to_do, story_points=40.0, sprint=None)
    services.update_issue(story["unfinished"], by=lead.user, now=day(16), status=project.statuses.get(name="Done"))
    services.delete_issue(story["late"])

    assert report(sprint, day(20)) == before
    assert before[1] is True


def test_a_running_sprint_is_told_as_of_now(sprint, story):
    (amounts, is_frozen), (later, _) = report(sprint, day(1)), report(sprint, day(5))

    assert is_frozen is False
    assert (amounts["committed"].points, amounts["added"].issues, amounts["removed"].issues) == (16.0, 0, 0)
    assert (later["added"].issues, later["removed"].issues, later["completed"].points) == (1, 1, 3.0)


def test_a_sprint_that_nobody_froze_is_told_from_the_history_as_it_would_have_been_frozen(sprint, lead, story):
    services.close_sprint(sprint, by=lead.user, now=day(14))
    frozen, _ = report(sprint, day(20))
    SprintSnapshot.objects.all()._raw_delete("default")

    told, is_frozen = report(sprint, day(20))

    assert (told, is_frozen) == (frozen, False)


def test_a_sprint_entered_after_the_fact_completed_what_was_finished_on_its_days(project, lead, now):
    sprint = SprintFactory(project=project, start_date=day(0).date(), end_date=day(11).date())
    IssueFactory(project=project, sprint=sprint, completed=True, story_points=3, created_at=day(1))
    IssueFactory(project=project, sprint=sprint, completed=True, story_points=5, created_at=day(-9))
    services.start_sprint(sprint, now=now)

    services.close_sprint(sprint, by=lead.user, now=now)

    frozen = SprintSnapshot.objects.get(sprint=sprint)
    assert (frozen.committed_issues, frozen.completed_points, frozen.done_outside_points) == (2, 3.0, 5.0)


def test_a_snapshot_is_neither_changed_nor_deleted_but_goes_with_its_project(project, sprint, lead, story):
    services.close_sprint(sprint, by=lead.user, now=day(14))
    frozen = SprintSnapshot.objects.get()

    with pytest.raises(TypeError):
        frozen.save()
    with pytest.raises(TypeError):
        SprintSnapshot.objects.update(added_issues=7)
    with pytest.raises(TypeError):
        SprintSnapshot.objects.all().delete()
    services.delete_project(project)
    assert not SprintSnapshot.objects.exists()


def test_a_refused_closing_freezes_nothing(project, sprint, lead, story, monkeypatch):
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(services, "set_for_all", fails)

    with pytest.raises(RuntimeError):
        services.close_sprint(sprint, by=lead.user, now=day(14))

    assert not SprintSnapshot.objects.exists()


def test_an_old_issue_created_in_a_running_sprint_was_added(project, sprint, lead):
    kind = project.issue_types.first()
    services.create_issue(
        project, title="Moved here", by=lead.user, now=day(3), created_at=day(-20), sprint=sprint, issue_type=kind
    )

    amounts, _ = report(sprint, day(4))

    assert (amounts["committed"].issues, amounts["added"].issues) == (0, 1)


class TestApi:
    def test_members_see_the_report_before_and_after_closing(self, as_, url, sprint, lead, story):
        address = url("sprints", sprint.id, "report")

        running = as_("viewer").get(address).json()
        services.close_sprint(sprint, by=lead.user, now=day(14))
        closed = as_("viewer").get(address).json()

        assert (running["is_frozen"], closed["is_frozen"]) == (False, True)
        assert closed["as_of"] == "2026-02-16T09:00:00Z"
        line = {"issue_id": str(story["late"].id), "key": "", "title": story["late"].title, "points": 2.0}
        assert closed["added"] == {"issues": 1, "points": 2.0, "lines": [line]}
        assert {book: running[book] for book in BOOKS} == {book: closed[book] for book in BOOKS}

    def test_a_stranger_is_told_that_there_is_nothing(self, as_, url, sprint):
        assert as_("stranger").get(url("sprints", sprint.id, "report")).status_code == 404

    def test_a_sprint_of_another_project_is_not_there(self, as_, url):
        assert as_("lead").get(url("sprints", SprintFactory().id, "report")).status_code == 404

    @pytest.mark.parametrize("n", [1, 20])
    def test_the_queries_do_not_grow_with_the_sprint(self, as_, url, sprint, n, django_assert_num_queries):
        client = as_("member")
        IssueFactory.create_batch(n, project=sprint.project, sprint=sprint)

        with django_assert_num_queries(6):
            client.get(url("sprints", sprint.id, "report"))
