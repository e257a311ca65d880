"""From an empty database to a project with a login and, where its data suffice, a model. Every step is done once."""

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.importers.report import ImportReport
from apps.ml.models import AnomalyDetection, MLModel, Replay
from apps.ml.services.evaluation.kept_replays import ask_for_replays
from apps.ml.services.models.kinds import KINDS
from apps.ml.tasks import send_replay
from apps.projects.demo.story import PROJECT_KEY as DEMO_KEY
from apps.projects.demo.story import ensure_login
from apps.projects.models import Project, TeamMember
from base.migrating import migrate, step


@dataclass(frozen=True, slots=True)
class Login:
    """Who may ask which project."""

    email: str
    password: str
    project_id: str


def prepare(data: Path | None, tracker: str | None = None) -> Login:
    """The demonstration team, or the issues of a file or a tracker, ready to be asked about."""
    migrate()
    project = load_issues(data) if data else load_place(tracker) if tracker else load_team()
    login = login_to(project)
    train(project)
    look_around(project)
    look_back(project)
    return login


def load_team() -> Project:
    """The demonstration team, made once."""
    if not Project.objects.filter(key=DEMO_KEY).exists():
        with step("making a demonstration team with two years of history"):
            call_command("seed_demo")
    return Project.objects.get(key=DEMO_KEY)


def load_issues(file: Path) -> Project:
    """A user's own issues, read again only when the file changed."""
    place = hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:16]
    mark = settings.VAR_DIR / f"imported-{place}"
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    known, _, key = mark.read_text().partition(" ") if mark.exists() else ("", "", "")
    project = Project.objects.filter(key=key).first() if known == digest else None
    if project is None:
        with step(f"importing {file}"):
            report = imported(str(file))
        refuse_nothing(file, report)
        mark.write_text(f"{digest} {report.project}")
        project = Project.objects.get(key=report.project)
    return project


def load_place(source: str) -> Project:
    """The issues of a tracker, whose token the environment holds at the first start; later what was touched since."""
    with step(f"importing {source}"):
        report = imported(source, keep_in_step=True)
    return Project.objects.get(key=report.project)


def imported(source: str, **options: Any) -> ImportReport:
    """Import as the command does, into the project that the issues themselves name."""
    # Progress bars and tables, which a start that imports nothing need not wait for.
    from apps.importers.management.commands.import_issues import Command as ImportIssues  # noqa: PLC0415
    from apps.importers.management.commands.import_issues import NothingUsable  # noqa: PLC0415

    command = ImportIssues()
    # Who calls says which row is the first that cannot be used, and why.
    with contextlib.suppress(NothingUsable):
        call_command(command, source, create_project="", **options)
    return command.report


def refuse_nothing(file: Path, report: ImportReport) -> None:
    """An empty project answers nothing, so a file without a usable row is a failure."""
    if report.new + report.changed + report.unchanged:
        return
    why = "it has no rows below its header"
    if report.errors:
        first = report.errors[0]
        why = f"none of its {report.error_count:,} rows can be used; line {first.line:,}: {first.reason}"
    raise CommandError(f"nothing was imported from {file}: {why}.")


def login_to(project: Project) -> Login:
    """A lead of the project whose password only this installation knows."""
    user, password = ensure_login(settings.VAR_DIR)
    TeamMember.objects.get_or_create(project=project, user=user, defaults={"role": TeamMember.Role.LEAD})
    return Login(user.email, password, str(project.id))


def train(project: Project) -> None:
    """A first model of each kind; too little data is a fact to report, not a failure."""
    there = set(MLModel.objects.filter(project=project).values_list("model_type", flat=True))
    for model_type, kind in KINDS.items():
        if model_type not in there:
            with step(f"training a first model of {kind.subject} on the team's finished issues"):
                train_one(model_type, kind.subject, project)


def train_one(model_type: str, subject: str, project: Project) -> None:
    """Train, or say why there is no model."""
    try:
        call_command("train_ml_model", model_type, project=project.key)
    except CommandError as error:
        print(f"run: no model yet of {subject}: {error}")


def look_around(project: Project) -> None:
    """What is unusual and at risk, told to the lead: a worker's first look may be six hours away."""
    if not AnomalyDetection.objects.filter(project=project).exists():
        with step("looking for what is unusual and at risk"):
            call_command("detect_anomalies", project=project.key)


def look_back(project: Project) -> None:
    """Ask the worker to replay the past, which the page of trust tells from: its own day for it is Monday."""
    is_replayed = Replay.objects.filter(project=project, made_at__isnull=False).exists()
    if not is_replayed and ask_for_replays(project.id, now=timezone.now()):
        send_replay(project.id)
