"""The Scrum domain. Rules that always hold are database constraints; times are the source's, not of insertion."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.common.columns.kinds import HOURS, POINTS, SMALL_NUMBER, NamesField
from apps.common.models import UUIDModel
from apps.projects.history.append_only import AppendOnlyModel, ProjectOfIssue
from apps.projects.history.days import day_of
from apps.projects.history.frozen import SprintSnapshot as SprintSnapshot  # noqa: PLC0414 - a model of this app
from apps.projects.links.row import IssueLink as IssueLink  # noqa: PLC0414 - likewise
from apps.projects.preferences import Preferences, known_time_zone, names_only
from apps.projects.team.rows import FormerMember as FormerMember  # noqa: PLC0414 - likewise
from apps.projects.team.rows import TeamMember as TeamMember  # noqa: PLC0414 - likewise

#: How a project is named in short: APOLLO, WEB2.
KEY_SHAPE = r"^[A-Z][A-Z0-9_-]*$"


class Project(UUIDModel, Preferences):
    """A team's backlog."""

    key = models.CharField(
        max_length=32,
        unique=True,
        validators=[RegexValidator(KEY_SHAPE, "Capital letters, digits, - and _, beginning with a letter.")],
    )
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    #: Days, sprint ends and weeks are the days of this zone.
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_time_zone])
    #: Whose public holidays are days off, see `holidays`; empty for nobody's. A code of ISO 3166, and a region of it.
    holiday_country = models.CharField(max_length=8, blank=True)
    holiday_region = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    #: Stays for whoever leaves: what somebody made tells them nothing of others.
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="made_projects"
    )
    #: Source → what of the past it could not tell (see `unknown_past`).
    unknown_past = models.JSONField(default=dict, blank=True, editable=False)
    #: When an issue was last deleted: the one change of which no issue tells.
    issues_removed_at = models.DateTimeField(null=True, editable=False)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="TeamMember", related_name="projects")

    class Meta:
        ordering = ["key"]
        constraints = [models.CheckConstraint(condition=Q(key__regex=KEY_SHAPE), name="projects_project_key_shape")]

    def __str__(self) -> str:
        return f"{self.key} {self.name}"

    @property
    def zone(self) -> ZoneInfo:
        """Its time zone."""
        return ZoneInfo(self.time_zone)

    def day_of(self, moment: datetime) -> date:
        """The day that a moment is on, where the team is."""
        return day_of(moment, self.zone)


class DayOff(models.Model):
    """A day on which nobody of the team works: a holiday, an outing."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="days_off")
    day = models.DateField()
    name = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["day"]
        verbose_name_plural = "days off"
        constraints = [models.UniqueConstraint(fields=["project", "day"], name="projects_day_off_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.name}".strip()


class WorkedHoliday(models.Model):
    """A public holiday on which the team works all the same."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="worked_holidays")
    day = models.DateField()

    class Meta:
        ordering = ["day"]
        constraints = [models.UniqueConstraint(fields=["project", "day"], name="projects_worked_holiday_once")]

    def __str__(self) -> str:
        return str(self.day)


class IssueType(models.Model):
    """A kind of work: bug, story, task, whatever the team says."""

    class Level(models.TextChoices):
        #: Holds standard issues; its own size is theirs, said once more.
        EPIC = "epic"
        STANDARD = "standard"
        #: A part of a standard issue.
        SUB_TASK = "sub_task"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="issue_types")
    name = models.CharField(max_length=64)
    level = models.CharField(max_length=16, choices=Level.choices, default=Level.STANDARD)
    #: Whether its issues are counted as work, in figures of every kind: one level of the tree, so that no work counts
    #: twice. The team may say otherwise.
    counts = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="projects_type_once"),
            models.CheckConstraint(
                condition=Q(level__in=["epic", "standard", "sub_task"]), name="projects_type_level_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class WorkflowStatus(models.Model):
    """A column of the board, with what it means."""

    class Category(models.TextChoices):
        TO_DO = "to_do"
        IN_PROGRESS = "in_progress"
        DONE = "done"
        #: Ended without being delivered: won't do, duplicate, cannot reproduce. Neither done nor left to do.
        DROPPED = "dropped"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="statuses")
    name = models.CharField(max_length=64)
    category = models.CharField(max_length=16, choices=Category.choices)
    position = models.PositiveSmallIntegerField(default=0, validators=SMALL_NUMBER)

    class Meta:
        ordering = ["position", "name"]
        verbose_name_plural = "workflow statuses"
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="projects_status_once"),
            models.CheckConstraint(
                condition=Q(category__in=["to_do", "in_progress", "done", "dropped"]),
                name="projects_status_category_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Sprint(UUIDModel):
    """A planned stretch of work, with what really happened."""

    class Status(models.TextChoices):
        PLANNED = "planned"
        ACTIVE = "active"
        COMPLETED = "completed"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="sprints")
    name = models.CharField(max_length=200)
    goal = models.TextField(blank=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PLANNED)
    start_date = models.DateField(null=True, blank=True)
    end_date = models.DateField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    #: Where the sprint came from and its id there; empty for sprints made here, and where the source gives no ids.
    source = models.CharField(max_length=32, blank=True)
    external_id = models.CharField(max_length=200, blank=True)
    #: Whether it is known what was in it when planning ended. A file that names only the last sprint of an issue says
    #: nothing of what an earlier sprint had committed.
    scope_is_recorded = models.BooleanField(default=True)
    #: Nobody said when it ran: an import told it from names and from what was finished when.
    dates_are_inferred = models.BooleanField(default=False)

    class Meta:
        ordering = ["start_date", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(end_date__isnull=True) | Q(start_date__isnull=True) | Q(end_date__gte=F("start_date")),
                name="projects_sprint_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["planned", "active", "completed"]), name="projects_sprint_status_known"
            ),
            models.CheckConstraint(
                condition=Q(completed_at=None) | Q(status="completed"), name="projects_sprint_ends_once_completed"
            ),
            # Names may repeat: teams begin again with 'Sprint 1' each year.
            models.UniqueConstraint(
                fields=["project", "source", "external_id"],
                condition=~Q(external_id=""),
                name="projects_sprint_once_per_source",
                violation_error_message="This sprint of this source is already in the project.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def duration_days(self) -> int | None:
        """Planned calendar days, both ends counted; None without dates."""
        if self.start_date is None or self.end_date is None:
            return None
        return (self.end_date - self.start_date).days + 1


class Issue(UUIDModel):
    """A piece of work. `created_at`, `started_at`, `resolved_at` and `dropped_at` are the source's times."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="issues")
    title = models.CharField(max_length=500)
    description = models.TextField(blank=True)
    # RESTRICT, not PROTECT: a type in use stays, yet a project can be deleted with all that belongs to it.
    issue_type = models.ForeignKey(IssueType, on_delete=models.RESTRICT, related_name="issues")
    status = models.ForeignKey(WorkflowStatus, on_delete=models.RESTRICT, related_name="issues")
    #: 1 is the most urgent.
    priority = models.PositiveSmallIntegerField(null=True, blank=True, validators=SMALL_NUMBER)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="assigned_issues"
    )
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="reported_issues"
    )
    sprint = models.ForeignKey(Sprint, on_delete=models.SET_NULL, null=True, blank=True, related_name="issues")
    #: The issue that it is a part of: of a sub-task its story, of a story its epic.
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children")
    story_points = models.FloatField(null=True, blank=True, validators=POINTS)
    estimated_hours = models.FloatField(null=True, blank=True, validators=HOURS)
    actual_hours = models.FloatField(null=True, blank=True, validators=HOURS)
    #: What its sub-tasks took, kept by `roll_up`.
    sub_task_hours = models.FloatField(null=True, blank=True, editable=False)
    #: Its own hours and those of its sub-tasks; None where neither is known.
    worked_hours = models.GeneratedField(
        expression=Case(
            When(actual_hours__isnull=True, then=F("sub_task_hours")),
            default=F("actual_hours") + Coalesce(F("sub_task_hours"), 0.0),
        ),
        output_field=models.FloatField(null=True),
        db_persist=True,
    )
    component = models.CharField(max_length=200, blank=True)
    labels = NamesField(default=list, blank=True, validators=[names_only])
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    #: When it was delivered; None for what is open, and for what was dropped.
    resolved_at = models.DateTimeField(null=True, blank=True)
    #: When it ended without being delivered; None for everything else, and where nobody knows when.
    dropped_at = models.DateTimeField(null=True, blank=True)
    due_date = models.DateField(null=True, blank=True)
    #: When its source last saw its status change, and when anything of it; None where the source does not say, and for
    #: issues made here, whose changes are all on record.
    last_moved_at = models.DateTimeField(null=True, blank=True)
    last_touched_at = models.DateTimeField(null=True, blank=True)
    #: Where the issue came from, for idempotent imports: ('csv', 'MULE-6129'). Empty for issues made here.
    source = models.CharField(max_length=32, blank=True)
    external_id = models.CharField(max_length=200, blank=True)
    #: The tracker's own id, which stays when the issue gets another key.
    source_id = models.CharField(max_length=200, blank=True)
    inserted_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "source", "external_id"],
                condition=~Q(external_id=""),
                name="projects_issue_once_per_source",
                violation_error_message="This issue of this source is already in the project.",
            ),
            models.CheckConstraint(
                condition=Q(story_points__isnull=True) | Q(story_points__gte=0),
                name="projects_issue_points_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(estimated_hours__isnull=True) | Q(estimated_hours__gte=0),
                name="projects_issue_estimate_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(actual_hours__isnull=True) | Q(actual_hours__gte=0),
                name="projects_issue_hours_not_negative",
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "source", "source_id"], condition=~Q(source_id=""), name="projects_issue_source_id"
            ),
            models.Index(fields=["project", "resolved_at"], name="projects_issue_resolved"),
            # With the id, by which lists break ties: the rows of any page are told by the index alone.
            models.Index(fields=["project", "-created_at", "id"], name="projects_issue_created"),
            models.Index(fields=["project", "title", "id"], name="projects_issue_by_title"),
            # Who works here and on what they did; and whether anything has changed, which many answers ask.
            models.Index(fields=["project", "assignee", "resolved_at"], name="projects_issue_by_assignee"),
            models.Index(fields=["project", "updated_at"], name="projects_issue_updated"),
        ]

    def __str__(self) -> str:
        return self.external_id or str(self.id)


class IssueChange(AppendOnlyModel):
    """One change of one field of an issue, with when and by whom: what makes the past knowable."""

    class Field(models.TextChoices):
        STATUS = "status"
        ASSIGNEE = "assignee"
        SPRINT = "sprint"
        STORY_POINTS = "story_points"
        ESTIMATED_HOURS = "estimated_hours"
        TITLE = "title"
        DESCRIPTION = "description"
        ISSUE_TYPE = "issue_type"
        PRIORITY = "priority"
        COMPONENT = "component"
        LABELS = "labels"
        ACTUAL_HOURS = "actual_hours"
        #: Only imports change these; of an end also reopening the issue takes it away.
        REPORTER = "reporter"
        CREATED_AT = "created_at"
        STARTED_AT = "started_at"
        RESOLVED_AT = "resolved_at"
        DROPPED_AT = "dropped_at"

    # Found by the first column of an index below.
    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="changes", db_index=False)
    #: The issue's, to find a project's history alone; unchecked, for a check waits for who has locked the project.
    project = ProjectOfIssue(Project, models.CASCADE, "+", db_index=False, db_constraint=False, editable=False)
    field = models.CharField(max_length=32, choices=Field.choices)
    #: As text, exactly (see `as_history_text`); empty for none. Descriptions only up to a bound (see `store_changes`).
    old_value = models.TextField(blank=True)
    #: Likewise, but of a description only its beginning: the whole is what the next change replaced, or the issue's.
    new_value = models.TextField(blank=True)
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["changed_at", "id"]
        indexes = [
            models.Index(fields=["issue", "changed_at"], name="projects_change_by_issue"),
            # Whether anything happened after a moment is asked whenever the past is.
            models.Index(fields=["project", "changed_at"], name="projects_change_by_moment"),
            models.Index(fields=["project", "field", "changed_at"], name="projects_change_by_field"),
            # Which issues ever were in a sprint: sprints stand there by their ids.
            models.Index(fields=["new_value"], condition=Q(field="sprint"), name="projects_change_into_sprint"),
            models.Index(fields=["old_value"], condition=Q(field="sprint"), name="projects_change_out_of_sprint"),
        ]

    def __str__(self) -> str:
        return f"{self.field}: {self.old_value!r} to {self.new_value!r}"
