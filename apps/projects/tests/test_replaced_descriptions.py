"""What is kept of descriptions that were replaced, however often."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from apps.common.plausible import LONGEST_TEXT
from apps.projects import services
from apps.projects.history import writing
from apps.projects.history.writing import LET_GO, MOST_KEPT_CHARACTERS, SHOWN_CHARACTERS
from apps.projects.tests.factories import IssueFactory

pytestmark = pytest.mark.django_db
WRITTEN_AT_ONCE = re.compile(r"IssueChange\.objects\.(bulk_)?create\(")


def kept(issue):
    return list(issue.changes.filter(field="description").values_list("old_value", flat=True))


def test_the_newest_are_kept_whole_up_to_a_million_characters(project, lead, now):
    texts = [f"{number} ".ljust(LONGEST_TEXT, "x") for number in range(14)]
    issue, beside = (IssueFactory(project=project, description=texts[0]) for _ in range(2))
    services.update_issue(beside, by=lead.user, now=now, description="Short", title="Another")

    for minute, text in enumerate(texts[1:]):
        services.update_issue(issue, by=lead.user, now=now + timedelta(minutes=minute), description=text)

    whole = MOST_KEPT_CHARACTERS // LONGEST_TEXT
    assert kept(issue) == [LET_GO] * (13 - whole) + texts[13 - whole : 13]
    # What each had begun with stands beside the one that it replaced.
    assert issue.changes.earliest("changed_at").new_value.startswith("1 xxx")
    assert kept(beside) == texts[:1]


def test_short_ones_and_all_other_fields_are_kept_whole_for_ever(project, lead, now, monkeypatch):
    monkeypatch.setattr(writing, "MOST_KEPT_CHARACTERS", SHOWN_CHARACTERS + 100)
    short, long = "s" * SHOWN_CHARACTERS, "l" * (SHOWN_CHARACTERS + 1)
    issue = IssueFactory(project=project, title="t" * 500, description=short)

    for minute, text in enumerate([long, "a", long, short, long, "b"]):
        services.update_issue(
            issue, by=lead.user, now=now + timedelta(minutes=minute), description=text, title=f"{minute}" * 400
        )

    assert kept(issue) == [short, LET_GO, "a", LET_GO, short, long]
    assert issue.changes.filter(field="title").earliest("changed_at").old_value == "t" * 500


def test_all_that_is_recorded_goes_through_the_bound():
    apps = Path(writing.__file__).parents[2]
    files = [file for file in apps.rglob("*.py") if not {"tests", "migrations", "demo"} & set(file.parts)]
    writers = [file for file in files if WRITTEN_AT_ONCE.search(file.read_text())]

    assert [str(file.relative_to(apps)) for file in writers] == ["projects/history/writing.py"]
