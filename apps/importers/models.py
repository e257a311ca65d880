"""Connections to trackers, and imports with what they did, so that they can be followed, resumed and undone."""

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.common.columns.kinds import LongWordsField
from apps.common.exceptions import Conflict
from apps.common.models import UUIDModel
from apps.projects.models import Issue, Project


class Connection(UUIDModel):
    """A place in a tracker that a project is kept in step with. The token is encrypted and never shown."""

    class Kind(models.TextChoices):
        JIRA = "jira", "Jira Cloud"
        JIRA_DC = "jira_dc", "Jira Data Center"
        GITHUB = "github", "GitHub"
        GITLAB = "gitlab", "GitLab"
        LINEAR = "linear", "Linear"
        AZURE = "azure", "Azure DevOps"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="connections")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    base_url = models.CharField(max_length=500)
    #: A project, a repository or a team there.
    scope = models.CharField(max_length=200)
    #: As in `Issue.source`: the kind, and which of several of a project.
    source = models.CharField(max_length=32)
    sealed_token = models.TextField()
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    #: From when on the next import asks: everything that was touched before is imported. None for everything, as before
    #: the first import was whole. An import that left something out is good, and leaves this where it was, or sets it
    #: back.
    synced_until = models.DateTimeField(null=True, blank=True)
    #: When whoever writes figures by it began, and their last sign of life; one at a time does.
    writing_since = models.DateTimeField(null=True, blank=True, editable=False)
    writing_seen_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "kind", "base_url", "scope"],
                name="importers_connection_once",
                violation_error_message="The project is connected with this place already.",
            )
        ]

    @property
    def place(self) -> str:
        """Where it is, in one text: that of another connection with the same."""
        return f"{self.kind} {self.base_url} {self.scope}"

    def __str__(self) -> str:
        return f"{self.kind} {self.scope}"


class ImportRun(UUIDModel):
    """One import: asked for, running, over, being taken back or taken back."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"
        UNDOING = "undoing"
        UNDONE = "undone"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="imports")
    connection = models.ForeignKey(Connection, on_delete=models.SET_NULL, null=True, blank=True, related_name="imports")
    #: As in `Issue.source`.
    source = models.CharField(max_length=32)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    is_dry_run = models.BooleanField(default=False)
    #: Everything, not only what was touched since the last time.
    is_full = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    #: How often a worker began with it; of one that is being taken back, since the last batch.
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    #: When it last gave a sign of life.
    seen_at = models.DateTimeField(null=True, blank=True)
    #: Sprints that it made, of imports from before there were traces of everything.
    sprint_ids = models.JSONField(default=list, blank=True)
    #: Issues and errors so far.
    rows_read = models.PositiveIntegerField(default=0)
    report = models.JSONField(default=dict, blank=True)
    #: Why it failed, in words.
    error = LongWordsField(blank=True)
    #: An uploaded file until it is imported (after a dry run for a day), and what it is called.
    upload = models.BinaryField(null=True, blank=True)
    upload_name = models.CharField(max_length=200, blank=True)
    #: Which columns of it were chosen by hand, by field; an empty one is not read.
    mapping = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running", "completed", "failed", "undoing", "undone"]),
                name="importers_run_status_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} into {self.project_id} at {self.created_at}"


class TakingBack(models.Model):
    """How far an import is taken back, and who asked for it."""

    run = models.OneToOneField(ImportRun, on_delete=models.CASCADE, primary_key=True, related_name="taking_back")
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    #: Whether a command asked for it; else it is nobody's where the account of who asked is gone.
    is_operators = models.BooleanField(default=False)
    #: What the import was before.
    was = models.CharField(max_length=16)
    #: When whoever is at it began; it is theirs as long as this stands here.
    began_at = models.DateTimeField(null=True, blank=True)
    #: Of what the import did: how much was to be taken back, and how much still is.
    rows = models.PositiveIntegerField()
    rows_left = models.PositiveIntegerField()
    #: Issues, sprints, types, statuses and links so far that stay, or are not all as before.
    kept = models.PositiveIntegerField(default=0)
    #: Why it stopped before its end, in words.
    error = LongWordsField(blank=True)
    #: The first entry that the import added to a history, which goes before all is taken back.
    first_change = models.BigIntegerField(null=True, blank=True)
    #: Whether it was kept what it did to other rows than issues.
    has_traces = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "imports taken back"

    def __str__(self) -> str:
        return f"{self.run_id} taken back, {self.rows_left} of {self.rows} left"


class ImportTouch(models.Model):
    """What an import did to one issue."""

    # Found by the first column of an index below.
    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="touches", db_index=False)
    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="+")
    #: What it held before, by attribute; null for an issue that the import made.
    before = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    #: What it holds since, of what has no history: who changed it later is told from what the import wrote.
    after = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    #: Ids of the entries that were added to its history.
    changes = models.JSONField(default=list)
    #: While the import is taken back, of an issue of which only its names are left: whether anything else stays.
    stays = models.BooleanField(null=True, editable=False)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "import touches"
        # Asked for some issues of a large import, SQLite went through all that it touched.
        indexes = [models.Index(fields=["run", "issue"], name="importers_touch_by_issue")]

    def __str__(self) -> str:
        return f"{self.issue_id} by {self.run_id}"


class ImportTrace(models.Model):
    """What an import did to a row that is no issue: a sprint, its books, a type, a status, a link, a person."""

    # Found by the first column of an index below.
    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="traces", db_index=False)
    table = models.CharField(max_length=64)
    key = models.CharField(max_length=36)
    #: What it held before, by attribute; null for a row that the import made.
    before = models.JSONField(null=True)
    #: What it holds since; null for a row that the import removed.
    after = models.JSONField(null=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["run", "table", "key"], name="importers_trace_by_row")]

    def __str__(self) -> str:
        return f"{self.table} {self.key} by {self.run_id}"


class WriteBack(UUIDModel):
    """A figure that is written into a tracker, where a lead names the place for it. Off until it is switched on.

    It outlives its connection, since what was written stands in the tracker still: the next one with the same place of
    the project has it, switched off.
    """

    class Figure(models.TextChoices):
        POINTS = "points", "story points"
        HOURS = "hours", "hours"
        FORECAST_DATE = "forecast_date", "the day by which its sprint is done in 85 of 100 futures"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    #: As its connections tell it.
    place = models.CharField(max_length=720)
    connection = models.ForeignKey(
        Connection, on_delete=models.SET_NULL, null=True, blank=True, related_name="write_backs"
    )
    figure = models.CharField(max_length=16, choices=Figure.choices)
    #: A field of the tracker, or else what a label begins with.
    field = models.CharField(max_length=100, blank=True)
    label = models.CharField(max_length=50, blank=True)
    #: Whether it is written after every import by the clock.
    is_active = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "figure"], name="importers_figure_written_once"),
            models.CheckConstraint(
                condition=Q(field="") & ~Q(label="") | ~Q(field="") & Q(label=""), name="importers_one_place_to_write"
            ),
        ]

    @property
    def connected(self) -> Connection:
        """Its connection; raises `Conflict` where that was deleted."""
        if self.connection is None:
            raise Conflict("The connection is gone.")
        return self.connection

    def __str__(self) -> str:
        return f"{self.figure} into {self.field or self.label}"


class WrittenValue(models.Model):
    """What was written last of an issue: the same is not written again, and what somebody else wrote is left alone.

    Noted before it is sent: should the answer be lost, what it was to replace may stand there as well ('4 or 3', '4 or
    nothing'). And by the tracker's name of the issue: it stands there, whatever becomes of ours, and of the import that
    made it.
    """

    OR = " or "
    NOTHING = "nothing"

    write_back = models.ForeignKey(WriteBack, on_delete=models.CASCADE, related_name="written")
    #: As in `Issue`: the key, and the tracker's own id, by which it is found where there is one.
    external_id = models.CharField(max_length=200)
    source_id = models.CharField(max_length=200, blank=True)
    value = models.CharField(max_length=100)
    written_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["write_back", "source_id"], condition=~Q(source_id=""), name="importers_written_once_by_id"
            ),
            models.UniqueConstraint(
                fields=["write_back", "external_id"], condition=Q(source_id=""), name="importers_written_once_by_key"
            ),
        ]

    @property
    def values(self) -> frozenset[str]:
        """Whatever of it may stand there."""
        return frozenset(self.value.split(self.OR)) - {self.NOTHING}

    def __str__(self) -> str:
        return f"{self.value} of {self.external_id}"
