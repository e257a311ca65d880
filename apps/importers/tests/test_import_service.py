"""Records into the domain: idempotent, complete where the source speaks, silent where it does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.importers.records import ImportedIssue, ImportRefused, Person, RowError
from apps.importers.services import import_issues
from apps.importers.sources.csv.columns import SYNONYMS
from apps.ml.selectors.issues import completed_with_hours
from apps.projects.history.reads import issue_pasts
from apps.projects.models import Issue, IssueChange, IssueType, Project, Sprint, TeamMember, WorkflowStatus
from apps.projects.placeholders import domain_of
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory
from apps.projects.tests.history import recorded

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
CREATED = datetime(2025, 1, 6, 9, 0, tzinfo=UTC)
EVERY_FIELD = frozenset(SYNONYMS)


def record(external_id: str = "A-1", **said) -> ImportedIssue:
    defaults = {"title": f"Title of {external_id}", "created_at": CREATED, "status": "To do", "issue_type": "bug"}
    return ImportedIssue(line=2, external_id=external_id, **(defaults | said))


def finished(external_id: str = "A-1", **said) -> ImportedIssue:
    return record(external_id, **({"status": "Done", "resolved_at": CREATED + DAY, "actual_hours": 3.0} | said))


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


@pytest.fixture
def run(now, project):
    """Imports records into the project."""

    def run(*rows, mapped=EVERY_FIELD, **options):
        return import_issues(rows, project_key=options.pop("project_key", "SHOP"), mapped=mapped, now=now, **options)

    return run


def test_a_second_run_changes_nothing(run):
    rows = [finished("A-1", assignee=Person("Ada")), record("A-2", sprint="Sprint 1", labels=("x",))]

    first, before = run(*rows), list(Issue.objects.values())
    second = run(*rows)

    assert (first.new, first.changed, first.unchanged) == (2, 0, 0)
    assert (second.new, second.changed, second.unchanged) == (0, 0, 2)
    assert list(Issue.objects.values()) == before
    assert (second.people_added, second.sprints_added) == (0, 0)


def test_what_changed_at_the_source_is_updated(run):
    run(record(), record("A-2"))

    report = run(finished(title="New title", story_points=5.0), record("A-2"))

    issue = Issue.objects.get(external_id="A-1")
    assert (report.new, report.changed, report.unchanged) == (0, 1, 1)
    assert (issue.title, issue.story_points, issue.status.name) == ("New title", 5.0, "Done")
    assert issue.resolved_at == CREATED + DAY


def test_what_the_source_does_not_have_stays_as_people_set_it(run):
    run(record())
    Issue.objects.update(description="Written here", story_points=8.0)

    run(record(title="Changed"), mapped={"external_id", "title"})

    issue = Issue.objects.get()
    assert (issue.title, issue.description, issue.story_points) == ("Changed", "Written here", 8.0)


def test_what_the_source_has_and_emptied_is_emptied(run):
    run(record(story_points=3.0, assignee=Person("Ada")))

    run(record())

    issue = Issue.objects.get()
    assert (issue.story_points, issue.assignee) == (None, None)


def test_work_reopened_at_the_source_is_open_again(run):
    run(finished())

    run(record(status="In progress"))

    issue = Issue.objects.get()
    assert (issue.status.category, issue.resolved_at) == ("in_progress", None)


def test_history_is_not_invented(run):
    run(finished(), record("A-2"))
    run(finished(), record("A-2"))

    assert not IssueChange.objects.exists()


def test_what_an_import_changes_is_recorded(run, now):
    run(record(story_points=3.0, labels=("a",), sprint="Sprint 1"))
    run(record(story_points=5.0, labels=("a", "b"), sprint="Sprint 2", title="Clearer", issue_type="story"))

    issue = Issue.objects.get()
    first, second = Sprint.objects.order_by("name")
    assert sorted(recorded(issue)) == [
        ("issue_type", "bug", "story"),
        ("labels", '["a"]', '["a", "b"]'),
        ("sprint", str(first.pk), str(second.pk)),
        ("story_points", "3", "5"),
        ("title", "Title of A-1", "Clearer"),
    ]
    assert set(issue.changes.values_list("changed_at", flat=True)) == {now}


def test_the_end_of_work_is_dated_as_the_source_dates_it(run):
    run(record())
    run(finished(started_at=CREATED + DAY / 2))
    run(record(status="In progress", started_at=CREATED + DAY / 2))

    issue = Issue.objects.get()
    at_the_end = issue.changes.filter(changed_at=CREATED + DAY).values_list("field", "old_value", "new_value")
    assert set(at_the_end) == {("status", "To do", "Done"), ("actual_hours", "", "3")}
    assert ("resolved_at", (CREATED + DAY).isoformat(), "") in recorded(issue)
    (past,) = issue_pasts(Issue.objects.all(), now=CREATED + 2 * DAY)
    assert (past.category, past.resolved_at) == ("done", CREATED + DAY)


def test_what_is_filled_with_the_news_that_work_began_was_known_when_it_began(run, now):
    """An issue that was seen before it had begun is learned from like one that is seen finished at once."""
    run(record("A-1"))
    news = {"started_at": CREATED + DAY / 2, "story_points": 5.0, "assignee": Person("Ada")}
    run(finished("A-1", **news), finished("A-2", **news))

    seen_before, seen_at_once = completed_with_hours(Project.objects.get().pk)
    assert seen_before.facts == replace(seen_at_once.facts, title=seen_before.facts.title)
    assert seen_before.facts.story_points == 5.0


def test_what_an_import_replaces_after_the_work_began_was_not_known_before(run):
    run(finished(started_at=CREATED + DAY / 2, story_points=3.0, description="Before"))
    run(finished(started_at=CREATED + DAY / 2, story_points=13.0, description="After"))

    (known,) = completed_with_hours(Project.objects.get().pk)
    assert (known.facts.story_points, known.facts.description, known.story_points) == (3.0, "Before", 13.0)


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("FINISHED", "done"),
        ("Won't Fix", "dropped"),
        ("In Review", "in_progress"),
        ("Backlog", "to_do"),
        ("Zur Abnahme", "to_do"),
    ],
)
def test_a_status_means_what_its_name_means_nearly_everywhere(run, name, category):
    run(record(status=name))

    assert WorkflowStatus.objects.get(name=name).category == category


def test_the_source_may_say_itself_what_a_status_means(run):
    run(record(status="Zur Abnahme", status_category="In Progress"))

    assert WorkflowStatus.objects.get(name="Zur Abnahme").category == "in_progress"


def test_a_completion_date_implies_done(run):
    report = run(
        finished("A-1", status="In progress"), finished("A-2", status="Veröffentlicht"), finished("A-3", status="")
    )

    assert set(Issue.objects.values_list("status__category", flat=True)) == {"done"}
    assert WorkflowStatus.objects.get(name="In progress").category == "in_progress"
    assert report.remarks["with a completion date but a status that is not done: imported as done"] == 1


def test_types_and_statuses_of_the_project_are_used_whatever_their_case(run, project):
    run(record(issue_type="Bug", status="TO DO"), record("A-2", issue_type="Epic"))

    assert Issue.objects.get(external_id="A-1").issue_type.name == "bug"
    assert set(IssueType.objects.filter(project=project).values_list("name", flat=True)) == {
        "bug",
        "story",
        "task",
        "Epic",
    }
    assert WorkflowStatus.objects.filter(project=project).count() == 4


def test_people_become_users_who_cannot_log_in_and_who_has_issues_a_member(run, project):
    report = run(record(assignee=Person("42"), reporter=Person("Jörg Müller", "joerg@example.org")))

    ids = User.objects.get(email__startswith="42@shop-")
    named = User.objects.get(named_address="joerg@example.org")
    assert (ids.full_name, named.full_name, report.people_added) == ("42", "Jörg Müller", 1)
    assert not ids.has_usable_password()
    assert not named.has_usable_password()
    assert named.email.endswith(f"@{domain_of(project)}")
    assert set(TeamMember.objects.filter(project=project).values_list("user__email", "role")) == {
        (ids.email, "member"),
    }


def test_people_are_known_again_by_address_and_by_name(run, project):
    by_name = TeamMemberFactory(project=project, user__full_name="Ada Lovelace").user
    by_address = TeamMemberFactory(project=project, user__email="Bob@Example.org").user

    run(record(assignee=Person("ada lovelace"), reporter=Person("Robert", "bob@example.org")))

    issue = Issue.objects.get()
    assert (issue.assignee, issue.reporter) == (by_name, by_address)
    assert project.team.count() == 2


def test_two_members_of_one_name_are_not_confused(run, project):
    TeamMemberFactory.create_batch(2, project=project, user__full_name="Ada")

    run(record(assignee=Person("Ada")))

    assert Issue.objects.get().assignee.email == f"ada@{domain_of(project)}"
    assert project.team.count() == 3


def test_names_that_look_alike_without_their_accents_stay_two_people(run, project):
    run(
        record("A-1", assignee=Person("José")),
        record("A-2", assignee=Person("Jose")),
        record("A-3", assignee=Person("李")),
    )

    assert project.team.count() == 3


def test_an_unknown_project_is_refused_with_the_way_to_make_it(run):
    with pytest.raises(ImportRefused, match=r"There is no project NEW\. To make it: --create-project"):
        run(record(), project_key="NEW")


def test_a_new_project_has_the_default_workflow_and_the_lead_who_was_named(run, now):
    lead = UserFactory()

    run(finished(), project_key="NEW", create_as="A new one", lead=lead)

    project = Project.objects.get(key="NEW")
    assert (project.name, project.issues.count(), project.statuses.count()) == ("A new one", 1, 4)
    assert project.team.get(user=lead).role == "lead"


def test_a_key_that_cannot_be_one_is_refused(run):
    with pytest.raises(ImportRefused, match="There can be no project 'no key'"):
        run(record(), project_key="no key", create_as="x")


def test_a_dry_run_tells_the_truth_and_changes_nothing(run):
    report = run(finished(assignee=Person("Ada"), sprint="S"), project_key="NEW", create_as="New", dry_run=True)

    assert (report.new, report.people_added, report.with_hours) == (1, 1, 1)
    assert not Project.objects.filter(key="NEW").exists()
    assert not User.objects.exists()


def test_the_same_id_in_two_projects_is_two_issues(run):
    run(record())
    run(record(), project_key="OTHER", create_as="Other")

    assert Issue.objects.count() == 2


def test_errors_are_counted_kept_up_to_a_limit_and_all_passed_on(run):
    heard = []

    report = run(*[RowError(line, "", "bad") for line in range(30)], record(), on_error=heard.append)

    assert (report.new, report.error_count, len(report.errors), len(heard)) == (1, 30, 20, 30)


def test_sprints_are_made_by_name_and_over_when_all_their_work_is(run):
    report = run(finished("A-1", sprint="S 1"), finished("A-2", sprint="S 2"), record("A-3", sprint="S 2"))

    assert report.sprints_added == 2
    assert Sprint.objects.get(name="S 1").status == "completed"
    assert Sprint.objects.get(name="S 1").completed_at == CREATED + DAY
    assert Sprint.objects.get(name="S 2").status == "planned"


@pytest.mark.parametrize(
    ("starts_in_days", "status"),
    [(-20, "completed"), (-14, "completed"), (-13, "active"), (0, "active"), (1, "planned")],
)
def test_a_sprint_with_dates_is_where_they_say(run, now, starts_in_days, status):
    start = now.date() + starts_in_days * DAY

    run(finished(sprint="S", sprint_starts_on=start, sprint_ends_on=start + 13 * DAY))

    sprint = Sprint.objects.get()
    assert (sprint.status, sprint.start_date, sprint.completed_at) == (status, start, None)


def test_an_issue_without_dates_was_created_when_it_was_first_seen(run, now):
    run(record(created_at=None))
    run(record(created_at=None), mapped=EVERY_FIELD)

    assert Issue.objects.get().created_at == now


def test_the_report_ends_with_what_the_data_suffices_for(run):
    report = run(*[finished(f"A-{number}", story_points=2.0 if number < 10 else None) for number in range(1_204)])

    assert report.sentence() == (
        "1,204 completed issues with hours: an effort model can be trained (50 are needed). "
        "10 completed issues with points: 40 more are needed to train a points model (50)."
    )


def test_queries_do_not_grow_with_people_and_rows(run, django_assert_max_num_queries):
    rows = [finished(f"A-{number}", assignee=Person(str(number % 200))) for number in range(900)]

    # 900 rows of 25 values are 24 statements below SQLite's 999 parameters, their touches of 6 values 6; each of
    # its transactions holds its run and its project, and looks at what it did to other tables; the rest is a constant.
    with django_assert_max_num_queries(115):
        run(*rows)


def test_sprints_without_dates_are_said_to_tell_nothing_of_durations(run):
    undated = run(finished("A-1", sprint="S 1"), finished("A-2", sprint="S 2"))
    dated = run(finished("A-3", sprint="S 3", sprint_starts_on=CREATED.date(), sprint_ends_on=CREATED.date()))

    assert "2 sprints, none with dates: sprint durations cannot be estimated. Add the columns" in undated.sentence()
    assert "sprint" not in dated.sentence()
    assert "sprint" not in run(finished("A-4"), project_key="NEW", create_as="New").sentence()


def test_a_later_import_gives_a_sprint_the_dates_it_had_not(run):
    start = CREATED.date()
    run(finished("A-1", sprint="S", resolved_at=CREATED + 40 * DAY))

    run(finished("A-1", sprint="S", sprint_starts_on=start, sprint_ends_on=start + 13 * DAY))

    sprint = Sprint.objects.get()
    assert (sprint.start_date, sprint.end_date) == (start, start + 13 * DAY)
    assert (sprint.status, sprint.completed_at) == (Sprint.Status.COMPLETED, None)


def test_dates_of_a_sprint_that_the_source_changes_are_taken_over(run):
    start = CREATED.date()
    run(finished("A-1", sprint="S", sprint_starts_on=start, sprint_ends_on=start + 13 * DAY))

    run(finished("A-1", sprint="S", sprint_starts_on=start + DAY, sprint_ends_on=start + 14 * DAY))

    sprint = Sprint.objects.get()
    assert (sprint.start_date, sprint.end_date) == (start + DAY, start + 14 * DAY)


@pytest.mark.parametrize(
    ("said", "category"),
    [
        ({"status": "Closed", "resolution": "Won't Do"}, "dropped"),
        ({"status": "Closed", "resolution": "Duplicate of A-7"}, "dropped"),
        ({"status": "Closed - Cannot Reproduce"}, "dropped"),
        ({"status": "Canceled", "resolved_at": None}, "dropped"),
        ({"status": "Done", "resolution": "Fixed"}, "done"),
        ({"status": "Reopened", "resolution": "Duplicate", "status_category": "To Do"}, "to_do"),
        ({"status": "In Progress", "status_category": "In Progress"}, "in_progress"),
        ({"status": "Closed", "status_category": "Done", "resolution": "Not a bug"}, "dropped"),
    ],
)
def test_how_an_issue_ended_is_told_by_category_status_and_resolution(run, said, category):
    run(finished(**said))

    issue = Issue.objects.get()
    ended_at = said.get("resolved_at", CREATED + DAY)
    assert issue.status.category == category
    assert issue.resolved_at == (ended_at if category == "done" else None)
    assert issue.dropped_at == (ended_at if category == "dropped" else None)


def test_dropped_work_trains_nothing_and_is_counted_in_the_report(run, project):
    report = run(finished("A-1"), finished("A-2", status="Closed", resolution="Duplicate"))

    assert report.with_hours == 1
    assert report.remarks["dropped: not delivered, and not left to do"] == 1
    assert [issue.issue_id for issue in completed_with_hours(project.id)] == [
        str(Issue.objects.get(external_id="A-1").id)
    ]
