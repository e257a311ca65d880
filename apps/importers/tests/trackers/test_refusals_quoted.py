"""What a tracker says of its refusal is told, whatever it holds: it keeps no import from ending."""

import pytest
from django.utils import timezone

from apps.importers import runs
from apps.importers.connections import connect
from apps.importers.models import ImportRun
from apps.importers.sources.registry import place_of
from apps.importers.tests.trackers.server import LOCAL, Reply, tracker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def asked(project, lead, now, settings):
    """Asks for an import from a place."""
    settings.TRACKER_ALLOWED_NETWORKS, settings.CONNECTION_KEYS = list(LOCAL), ["first key"]

    def asked(place):
        connection = connect(project, place, "ada@example.org:secret-token", by=lead, now=now)
        return runs.ask_sync(connection, by=lead, now=now)

    return asked


@pytest.mark.parametrize("said", ["no\0pe", "no\ud800pe"], ids=["NUL", "half a character"])
@pytest.mark.parametrize(
    ("kind", "scope", "reply"),
    [
        ("jira", "SHOP", lambda said: Reply({"message": said}, status=400)),
        ("github", "o/r", lambda said: Reply({"message": said}, status=400)),
        ("linear", "TEAM", lambda said: Reply({"errors": [{"message": said}], "data": None})),
    ],
    ids=["jira", "github", "linear"],
)
def test_an_import_ends_with_the_words_of_a_refusal(asked, kind, scope, reply, said):
    with tracker(lambda request: reply(said)) as served:
        run = asked(place_of(kind, served.url, scope))
        runs.execute(run.pk, now=timezone.now())

    kept = ImportRun.objects.get(pk=run.pk)
    assert (kept.status, kept.attempts) == ("failed", 1)
    assert "no pe" in kept.error
