"""Connections and imports as clients see them; tokens go in and never out."""

from typing import Any

from django.utils import timezone
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.api.serializers import RefusesUnknownFields, StrictSerializer
from apps.importers.models import Connection, ImportRun, TakingBack
from apps.importers.records import ImportRefused
from apps.importers.sources.registry import place_of, require_site, require_token
from apps.importers.waiting import LONGEST_UPLOAD_BYTES
from apps.ml.selectors.workers import IMPORTS, missing_workers
from apps.projects.names.fields import ProjectName

KEPT = (
    "Issues, sprints, types, statuses and links that stay, or are not all as before: changed here since or used by "
    "something else, or what they had is gone."
)


class ConnectionSerializer(RefusesUnknownFields, serializers.ModelSerializer[Connection]):
    """A place in a tracker that the project is kept in step with."""

    base_url = serializers.CharField(
        max_length=500, required=False, allow_blank=True, default="",
        help_text="Where its API is: https://acme.atlassian.net. Empty for github.com, gitlab.com and linear.app.",
    )  # fmt: skip
    token = serializers.CharField(
        write_only=True, max_length=4_000, help_text="Stored encrypted, never shown; of Jira Cloud `e-mail:token`."
    )
    created_by = serializers.UUIDField(source="created_by_id", read_only=True, allow_null=True)

    class Meta:
        model = Connection
        fields = ["id", "kind", "base_url", "scope", "token", "is_active", "source", "synced_until", "created_at",
                  "created_by"]  # fmt: skip
        read_only_fields = ["id", "source", "synced_until", "created_at"]
        extra_kwargs = {
            "scope": {"help_text": "A Jira project's key, owner/repository, group/project, a team's key."},
            "is_active": {"help_text": "Whether it is imported every hour."},
        }
        # Checked by the service, against the project of the address.
        validators: list[Any] = []

    def validate_base_url(self, url: str) -> str:
        try:
            if url:
                require_site(url)
        except ImportRefused as error:
            raise serializers.ValidationError(error.message, code=error.code) from error
        return url

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """On creation the place is checked as a whole; afterwards only the token and its use change."""
        if "token" in attrs:
            self._require_token(self.instance.kind if self.instance else attrs["kind"], attrs["token"])
        if self.instance is not None:
            if fixed := sorted({"kind", "base_url", "scope"} & set(self.initial_data)):
                raise serializers.ValidationError(dict.fromkeys(fixed, "Where it leads stays: make a new one."))
            return attrs
        try:
            attrs["place"] = place_of(attrs["kind"], attrs["base_url"], attrs["scope"])
        except ImportRefused as error:
            raise serializers.ValidationError({"scope": error.message}, code=error.code) from error
        return attrs

    def _require_token(self, kind: str, token: str) -> None:
        try:
            require_token(kind, token)
        except ImportRefused as error:
            raise serializers.ValidationError({"token": error.message}, code=error.code) from error


class ImportRequest(StrictSerializer):
    """What to import: a connection of the project, or a file."""

    project = ProjectName(help_text="Key or id of the project the issues go to.")
    connection = serializers.UUIDField(required=False, allow_null=True, default=None)
    file = serializers.FileField(required=False, allow_null=True, default=None, help_text="As multipart/form-data.")
    dry_run = serializers.BooleanField(default=False, help_text="Say what would happen, change nothing.")
    full = serializers.BooleanField(default=False, help_text="By a connection: everything, not only what was touched.")

    def validate_file(self, file: Any) -> Any:
        if file is not None and file.size > LONGEST_UPLOAD_BYTES:
            raise serializers.ValidationError(f"The file has more than {LONGEST_UPLOAD_BYTES // 2**20} MiB.")
        return file

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of both."""
        if (attrs["connection"] is None) == (attrs["file"] is None):
            raise serializers.ValidationError({"connection": "Give either a connection or a file."})
        return attrs


class TakingBackAnswer(serializers.ModelSerializer[TakingBack]):
    """How far an import is taken back."""

    class Meta:
        model = TakingBack
        fields = ["asked_at", "rows", "rows_left", "kept", "error"]
        read_only_fields = fields
        extra_kwargs = {
            "rows": {"help_text": "Of what it did: how many rows were to be taken back."},
            "rows_left": {"help_text": "How many still are."},
            "kept": {"help_text": KEPT},
            "error": {"help_text": "Why it stopped before its end; what is left can be taken back by asking again."},
        }


class ImportSerializer(serializers.ModelSerializer[ImportRun]):
    """An import: how far it is, what it did, what could not be had."""

    project = serializers.UUIDField(source="project_id")
    connection = serializers.UUIDField(source="connection_id", allow_null=True)
    report = serializers.DictField(help_text="Counts, the first errors by row, and the ledger of what is missing.")

    waits_for = serializers.SerializerMethodField(
        help_text="What one waits for that is to be carried out, or taken back; empty otherwise."
    )
    taking_back = serializers.SerializerMethodField()

    class Meta:
        model = ImportRun
        fields = ["id", "project", "connection", "source", "status", "is_dry_run", "created_at", "started_at",
                  "finished_at", "waits_for", "rows_read", "report", "error", "taking_back"]  # fmt: skip
        read_only_fields = fields

    def get_waits_for(self, run: ImportRun) -> str:
        is_waiting = run.status == ImportRun.Status.QUEUED or (
            run.status == ImportRun.Status.UNDOING and run.seen_at is None
        )
        return self._missing if is_waiting else ""

    @extend_schema_field(TakingBackAnswer(allow_null=True))
    def get_taking_back(self, run: ImportRun) -> Any:
        """Null for one that nobody wanted taken back."""
        back = getattr(run, "taking_back", None)
        return None if back is None else TakingBackAnswer(back).data

    @cached_property
    def _missing(self) -> str:
        # Once for all of a list.
        return missing_workers(timezone.now(), [IMPORTS])


class UndoAnswer(serializers.Serializer[Any]):
    """What became of an import that was taken back."""

    kept = serializers.IntegerField(help_text=KEPT)
