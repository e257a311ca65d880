"""What the API shows and takes. Relations are looked up inside the project of the address, and nowhere else."""

from typing import Any, cast

from django.db.models import QuerySet
from rest_framework import serializers

from apps.accounts.models import User
from apps.common.api.serializers import RefusesUnknownFields, StrictSerializer
from apps.common.plausible import LONGEST_NAME, LONGEST_TEXT, MOST_NAMES
from apps.projects.history.snapshots import BOOKS, SprintBooks
from apps.projects.history.sprint_books import SprintReport
from apps.projects.models import DayOff, Issue, IssueChange, IssueType, Project, Sprint, TeamMember, WorkflowStatus
from apps.projects.preferences import PREFERENCES
from apps.projects.selectors import names_of


class NameField(serializers.SlugRelatedField[Any]):
    """A type or status of the project, by its name."""

    default_error_messages = {"does_not_exist": "This project has no such name; it has: {names}."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="name", **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        # The rules of text first: a database may choke on what is not text or holds a null character.
        name = serializers.CharField().run_validation(data)
        # A field that is written is never without one.
        names = cast("QuerySet[Any]", self.get_queryset())
        rows = names.filter(project=self.context["project"])
        found = rows.filter(name=name).first()
        if found is None:
            self.fail("does_not_exist", names=", ".join(rows.values_list("name", flat=True)[:20]))
        return found


class IdField(serializers.PrimaryKeyRelatedField[Any]):
    """A row of the project, by its id; `within` is the path from the row to the project."""

    default_error_messages = {"does_not_exist": "There is no such id in this project."}

    def __init__(self, *, within: str = "project", **kwargs: Any) -> None:
        self.within = within
        super().__init__(pk_field=serializers.UUIDField(), **kwargs)

    def get_queryset(self) -> QuerySet[Any] | None:
        rows = super().get_queryset()
        if rows is None or "project" not in self.context:
            return rows
        return rows.filter(**{self.within: self.context["project"]})


def names_field(help_text: str) -> serializers.ListField:
    """A list of names of statuses or labels."""
    name = serializers.CharField(max_length=LONGEST_NAME)
    return serializers.ListField(child=name, required=False, max_length=MOST_NAMES, help_text=help_text)


class ProjectSerializer(RefusesUnknownFields, serializers.ModelSerializer[Project]):
    description = serializers.CharField(max_length=LONGEST_TEXT, required=False, allow_blank=True)
    waiting_statuses = names_field("Statuses in which issues wait although work has begun: for flow efficiency.")
    blocked_statuses = names_field("An issue in one of these statuses is blocked.")
    blocked_labels = names_field("An issue that bears one of these labels is blocked; a tracker's flag is a label.")
    agent_labels = names_field(
        "Issues with one of these labels are done by agents, and are learned apart from those of people."
    )

    class Meta:
        model = Project
        fields = [
            "id",
            "key",
            "name",
            "description",
            "time_zone",
            "holiday_country",
            "holiday_region",
            "created_at",
            *PREFERENCES,
        ]
        read_only_fields = ["id", "created_at"]
        extra_kwargs = {
            "key": {"help_text": "Capital letters, digits, - and _; starts with a letter; stays."},
            "time_zone": {"help_text": "Of the team, such as Europe/Berlin: days and weeks are its days."},
            "holiday_country": {"help_text": "Whose public holidays are days off, by ISO 3166; empty for none."},
            "holiday_region": {"help_text": "A region of that country with holidays of its own, such as BY."},
            "target_date": {"help_text": "By when all open work shall be done."},
            "hides_names": {"help_text": "Whether suggestions of who could take an issue name nobody."},
            "hides_until_voted": {
                "help_text": "Whether points are recommended only for issues that the team has sized itself."
            },
            "predictions_enabled": {
                "help_text": "False: nothing is predicted for it, recorded of it or learned from it."
            },
        }


class ProjectUpdateSerializer(ProjectSerializer):
    """The key is how others know the project: it stays."""

    class Meta(ProjectSerializer.Meta):
        read_only_fields = ["id", "key", "created_at"]
        extra_kwargs = {}


class IssueTypeSerializer(RefusesUnknownFields, serializers.ModelSerializer[IssueType]):
    """A kind of work. Work is counted at one level: epics and sub-tasks are not counted unless somebody says so."""

    level = serializers.ChoiceField(
        choices=IssueType.Level.choices, required=False, help_text="By its name, if not given."
    )
    counts = serializers.BooleanField(
        required=False, help_text="Whether its issues are counted as work; if not given, those of standard level are."
    )

    class Meta:
        model = IssueType
        fields = ["id", "name", "level", "counts"]


class StatusSerializer(RefusesUnknownFields, serializers.ModelSerializer[WorkflowStatus]):
    class Meta:
        model = WorkflowStatus
        fields = ["id", "name", "category", "position"]


class MemberSerializer(RefusesUnknownFields, serializers.ModelSerializer[TeamMember]):
    """A person in the team. Addresses are shown to the team only, which is whom this is shown to."""

    user = serializers.UUIDField(source="user_id", read_only=True)
    email = serializers.EmailField(source="user.address", read_only=True)
    full_name = serializers.CharField(source="user.full_name", read_only=True)
    is_placeholder = serializers.BooleanField(
        source="user.is_placeholder", read_only=True,
        help_text="Whom an import named and who has no account: an invitation, or `join/`, makes the work somebody's.",
    )  # fmt: skip

    class Meta:
        model = TeamMember
        fields = [
            "user", "email", "full_name", "is_placeholder", "role", "joined_at", "is_agent",
            "available_for_assignment", "absent_from", "absent_until",
        ]  # fmt: skip
        read_only_fields = ["joined_at"]
        extra_kwargs = {
            "is_agent": {"help_text": "A program: what it finishes is learned apart, and it is suggested for nothing."},
            "available_for_assignment": {"help_text": "Whether suggest-assignment may name this person."},
            "absent_from": {"help_text": "First day away; alone: from then on."},
            "absent_until": {"help_text": "Last day away; alone: until then."},
        }


class JoinSerializer(RefusesUnknownFields, serializers.Serializer[Any]):
    """Whose work it is."""

    member = serializers.UUIDField(help_text="A member of the project who has an account.")


class JoinedSerializer(MemberSerializer):
    """The member, and how much became theirs."""

    issues = serializers.SerializerMethodField(help_text="Open and finished, assigned or reported.")

    class Meta(MemberSerializer.Meta):
        fields = [*MemberSerializer.Meta.fields, "issues"]

    def get_issues(self, _: TeamMember) -> int:
        return int(self.context["issues"])


class DayOffSerializer(RefusesUnknownFields, serializers.ModelSerializer[DayOff]):
    """A day on which nobody works; forecasts and durations leave it out."""

    class Meta:
        model = DayOff
        fields = ["id", "day", "name"]
        extra_kwargs = {"name": {"help_text": "Why, if anybody asks."}}


class HolidaySerializer(serializers.Serializer[Any]):
    """A public holiday of the project's country and region."""

    day = serializers.DateField(read_only=True)
    name = serializers.CharField(read_only=True)
    is_worked = serializers.BooleanField(help_text="Whether the team works all the same.")


class HolidaysSerializer(serializers.Serializer[Any]):
    """The holidays of one year."""

    country = serializers.CharField(help_text="As the project says; empty for none.")
    region = serializers.CharField()
    year = serializers.IntegerField()
    holidays = HolidaySerializer(many=True)


class YearSerializer(StrictSerializer):
    """Of which year; of the present one, if not given."""

    year = serializers.IntegerField(min_value=1980, max_value=2200, required=False)


class SprintSerializer(RefusesUnknownFields, serializers.ModelSerializer[Sprint]):
    goal = serializers.CharField(max_length=LONGEST_TEXT, required=False, allow_blank=True)
    duration_days = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Planned calendar days, both ends counted."
    )

    class Meta:
        model = Sprint
        fields = [
            "id", "name", "goal", "status", "start_date", "end_date", "dates_are_inferred", "duration_days",
            "started_at", "completed_at", "created_at",
        ]  # fmt: skip
        read_only_fields = ["id", "status", "dates_are_inferred", "started_at", "completed_at", "created_at"]
        extra_kwargs = {
            "dates_are_inferred": {"help_text": "Nobody said when it ran: an import told it from names and ends."}
        }


class BookLineSerializer(serializers.Serializer[Any]):
    issue_id = serializers.CharField()
    key = serializers.CharField(help_text="Of the tracker it was imported from; empty without one.")
    title = serializers.CharField(help_text="As it is now; empty if the issue was deleted since.")
    points = serializers.FloatField(allow_null=True, help_text="None where it had none.")


class BookSerializer(serializers.Serializer[Any]):
    """Some issues of a sprint with the points they had."""

    issues = serializers.IntegerField()
    points = serializers.FloatField(help_text="Issues without points add none.")
    lines = BookLineSerializer(many=True)


class SprintReportSerializer(serializers.Serializer[Any]):
    """In issues committed + added - removed = completed + carried_over + done_outside."""

    sprint_id = serializers.UUIDField()
    is_frozen = serializers.BooleanField(help_text="Kept when the sprint was closed; else told from the history.")
    as_of = serializers.DateTimeField()
    commitment_unknown_because = serializers.CharField(
        allow_null=True, help_text="Why committed, added and removed are null, and of a completed sprint carried_over."
    )
    committed = BookSerializer(allow_null=True, help_text="In the sprint when planning ended, sized as it was then.")
    added = BookSerializer(allow_null=True, help_text="Came in after that, also what was created in it.")
    removed = BookSerializer(allow_null=True, help_text="Left before the end, sized as when it left.")
    completed = BookSerializer(help_text="Finished in the sprint.")
    carried_over = BookSerializer(allow_null=True, help_text="Not done at the end; of a running sprint what is open.")
    done_outside = BookSerializer(help_text="In the sprint and done, but finished before it began.")

    def to_representation(self, sprint_and_books: tuple[Sprint, SprintBooks]) -> dict[str, Any]:
        sprint, books = sprint_and_books
        names = names_of({line.issue_id for book in BOOKS for line in getattr(books.report, book)})
        known = [book for book in BOOKS if book not in books.unknown]
        shown = dict.fromkeys(books.unknown) | {book: self._book(books.report, book, names) for book in known}
        said = {"is_frozen": books.is_frozen, "as_of": books.as_of, "commitment_unknown_because": books.unknown_because}
        return super().to_representation({"sprint_id": sprint.pk, **said, **shown})

    def _book(self, report: SprintReport, book: str, names: dict[str, tuple[str, str]]) -> dict[str, Any]:
        sizes = "committed_points" if book == "committed" else "points"
        lines = []
        for line in getattr(report, book):
            key, title = names.get(line.issue_id, ("", ""))
            lines.append({"issue_id": line.issue_id, "key": key, "title": title, "points": getattr(line, sizes)})
        amount = report.amount(book)
        return {"issues": amount.issues, "points": amount.points, "lines": lines}


class CloseSprintSerializer(StrictSerializer):
    """Where unfinished issues go: to another sprint, or to the backlog."""

    move_to = IdField(queryset=Sprint.objects.all(), required=False, allow_null=True, default=None)


class IssueSerializer(RefusesUnknownFields, serializers.ModelSerializer[Issue]):
    """An issue as it is now. Status moves the times: work starts once, and is resolved while it is done."""

    key = serializers.CharField(source="external_id", read_only=True, help_text="Its name in `source`; else empty.")
    description = serializers.CharField(max_length=LONGEST_TEXT, required=False, allow_blank=True)
    issue_type = NameField(queryset=IssueType.objects.all(), help_text="One of the project's types, by name.")
    status = NameField(
        queryset=WorkflowStatus.objects.all(), required=False, help_text="One of the project's statuses, by name."
    )
    status_category = serializers.CharField(
        source="status.category", read_only=True, help_text="to_do, in_progress, done or dropped."
    )
    assignee = IdField(
        queryset=User.objects.all(), within="memberships__project", required=False, allow_null=True,
        help_text="Id of a person in the team.",
    )  # fmt: skip
    assignee_name = serializers.CharField(source="assignee.full_name", read_only=True, default="")
    reporter = serializers.UUIDField(source="reporter_id", read_only=True, allow_null=True)
    reporter_name = serializers.CharField(source="reporter.full_name", read_only=True, default="")
    sprint = IdField(queryset=Sprint.objects.all(), required=False, allow_null=True)
    parent = IdField(  # type: ignore[assignment]  # the API's name for it is also one of the class
        queryset=Issue.objects.all(), required=False, allow_null=True, help_text="The issue that it is a part of."
    )
    labels = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_NAME), max_length=MOST_NAMES, required=False
    )

    class Meta:
        model = Issue
        fields = [
            "id", "key", "title", "description", "issue_type", "status", "status_category", "priority",
            "assignee", "assignee_name", "reporter", "reporter_name", "sprint", "parent",
            "story_points", "estimated_hours", "actual_hours", "component", "labels", "due_date",
            "created_at", "started_at", "resolved_at", "dropped_at", "updated_at", "source",
        ]  # fmt: skip
        read_only_fields = ["id", "created_at", "started_at", "resolved_at", "dropped_at", "updated_at", "source"]
        extra_kwargs = {"priority": {"help_text": "1 is the most urgent."}}


class NewIssueSerializer(IssueSerializer):
    """An issue to be made; one that comes from another tool brings its times and its name there."""

    key = serializers.CharField(
        source="external_id", max_length=200, required=False, allow_blank=True,
        help_text="Its name in `source`; once per project.",
    )  # fmt: skip

    class Meta(IssueSerializer.Meta):
        read_only_fields = ["id", "updated_at"]
        extra_kwargs = {
            **IssueSerializer.Meta.extra_kwargs,
            "created_at": {"help_text": "As another tool knows it; now, if not given."},
            "started_at": {"help_text": "As another tool knows it."},
            "resolved_at": {"help_text": "As another tool knows it; only for an issue that is done."},
            "dropped_at": {"help_text": "As another tool knows it; only for an issue that is dropped."},
        }


class IssueChangeSerializer(serializers.ModelSerializer[IssueChange]):
    changed_by = serializers.UUIDField(source="changed_by_id", read_only=True, allow_null=True)
    changed_by_name = serializers.CharField(source="changed_by.full_name", read_only=True, default="")

    class Meta:
        model = IssueChange
        fields = ["field", "old_value", "new_value", "changed_at", "changed_by", "changed_by_name"]
