"""Issues that a tracker refuses each time, or stumbles over, keep no other from being written or taken back."""

from functools import partial

import pytest
from django.core.management import CommandError, call_command

from apps.importers import write_back
from apps.importers.connections import client_for
from apps.importers.models import WriteBack, WrittenValue
from apps.importers.tests.trackers import jira_site
from apps.importers.tests.trackers.server import Reply
from apps.projects.tests.factories import IssueFactory

pytestmark = pytest.mark.django_db
KEYS = [f"A-{number}" for number in range(100, 140)]
REFUSALS = {
    "closed": Reply({"errorMessages": ["It is not possible to edit this issue because of its status."]}, 400),
    "a broken plugin": Reply({"message": "plugin"}, 500),
}


@pytest.fixture
def written(request, served, site, hours, project):
    """Forty issues that have our label."""
    request.getfixturevalue("linked")
    monkeypatch = request.getfixturevalue("monkeypatch")
    monkeypatch.setattr(write_back, "client_for", partial(client_for, sleep=lambda _: None))
    served.answer = lambda request: site(request) if "/issue/" in request.path else jira_site.cloud(request)
    hours.clear()
    hours.update(dict.fromkeys(KEYS, "3"))
    for key in KEYS:
        IssueFactory(project=project, source="jira", external_id=key, source_id=key)
    call_command("write_back", project.key, "hours", "--label", "ml-hours:", "--write")
    assert WrittenValue.objects.filter(value="3").count() == len(KEYS)


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize(
    ("refused", "calls"), [({"closed": KEYS[:20]}, 1), ({"a broken plugin": KEYS[:1]}, 1), ({"closed": KEYS[:36]}, 9)]
)
def test_all_others_are_taken_back(refused, calls, project, served, site):
    answer, reasons = served.answer, {key: REFUSALS[why] for why, keys in refused.items() for key in keys}

    def refusing(request):
        reason = reasons.get(request.path.rsplit("/", 1)[-1]) if request.method == "PUT" else None
        return reason or answer(request)

    served.answer = refusing
    for _ in range(calls):
        try:
            call_command("write_back", project.key, "hours", "--label", "ml-hours:", "--take-back", "--write")
        except CommandError:
            assert calls > 1

    assert {key for key in KEYS if site.of(key)["labels"]} == reasons.keys()
    assert {*WriteBack.objects.get().written.values_list("external_id", flat=True)} == reasons.keys()
