"""What pages are handed. They name these types and look for none of them: only services and selectors do."""

from apps.accounts.models import User
from apps.ml.models import MLModel, Replay, TrainingRun
from apps.projects.models import Issue, Project, Sprint

__all__ = ["Issue", "MLModel", "Project", "Replay", "Sprint", "TrainingRun", "User"]
