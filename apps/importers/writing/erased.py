"""What is kept of an import whose source goes on naming somebody who was erased: the pseudonym alone."""

from collections.abc import Mapping
from typing import Any

from apps.importers.models import ImportRun
from apps.importers.telling.spellings import people_quoted, replacing, spellings_of, without_erased
from apps.importers.writing.people import place_of_person
from apps.projects.placeholders import domain_of, erased_as


def as_kept(run: ImportRun, report: Mapping[str, Any], error: str) -> tuple[Mapping[str, Any], str]:
    """Report and reason of an import: whom they quote is looked up, for rows that were refused name people, too."""
    quoted = people_quoted(report, error)
    if not quoted:
        return report, error
    domain = domain_of(run.project)
    people = {place_of_person(one, domain): one for one in quoted}
    spellings = spellings_of(people, erased_as({place: one.email for place, one in people.items()}))
    return (without_erased(report, spellings), replacing(spellings)(error)) if spellings else (report, error)
