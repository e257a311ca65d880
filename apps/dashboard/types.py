"""What pages are handed. They name these types and look for none of them: only services and selectors do."""

from apps.accounts.models import User
from apps.projects.models import Project, Sprint

__all__ = ["Project", "Sprint", "User"]
