"""Texts of a source as people can read them: what the API refuses, an import leaves out, and keeps the issue."""

from typing import Any

from apps.common.plausible import readable
from apps.importers.records import ImportedIssue
from apps.importers.tracked import TrackedIssue


def readable_texts(record: ImportedIssue | TrackedIssue) -> dict[str, Any]:
    """Title (the id stands for one that nobody can see), description, component and labels."""
    labels = [readable(label, is_line=True) for label in record.labels]
    return {
        "title": readable(record.title, is_line=True) or record.external_id,
        "description": readable(record.description, is_line=False),
        "component": readable(record.component, is_line=True),
        "labels": [label for label in labels if label],
    }
