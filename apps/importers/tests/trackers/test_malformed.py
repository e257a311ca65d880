"""Answers with something wrong anywhere in them: told as an error or read past, never a crash, never without end."""

import copy
import json
import random
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from apps.importers.records import ImportRefused, RowError
from apps.importers.sources import azure, github, gitlab, jira_cloud, jira_dc, linear
from apps.importers.sources.client import Client, HttpAnswer, TrackerRefused
from apps.importers.tests.trackers import jira_site, sites, test_azure, test_github, test_linear
from apps.importers.tests.trackers.server import Reply, Request
from apps.importers.tracked import Gap, TrackedIssue, TrackedSprint

JUNK: tuple[Any, ...] = (
    None, "", "x", "\0", "=1+1", 0, -1, 1e400, 10**30, True, [], {}, [None], {"id": None}, "9999-99-99T00:00:00Z",
    "1000-01-01T00:00:00Z", "a" * 5_000, ["a", 1, None], {"x": {"y": []}},
)  # fmt: skip
TRIES = 120
MOST_REQUESTS = 200


@dataclass(slots=True)
class Breaking(Client):
    """Answers as a site does, without a network; the data of one answer are broken at one place."""

    site: Any = None
    rng: random.Random = field(default_factory=random.Random)
    #: Which answer, counted from 0.
    breaks: int = -1
    asked: int = 0

    def _asked(self, method: str, url: str, body: bytes | None, is_limit: Any = None) -> HttpAnswer:
        parts = urlsplit(url)
        request = Request(
            method, parts.path, dict(parse_qsl(parts.query)), {"host": "t.example"}, json.loads(body) if body else None
        )
        assert self.asked < MOST_REQUESTS, "no end in sight"
        try:
            found = self.site(request)
        except (KeyError, ValueError):
            # Asked for what the broken answer named.
            found = Reply({}, 404)
        reply = found if isinstance(found, Reply) else Reply(found)
        if reply.status >= 400:
            raise TrackerRefused(f"{reply.status}")
        data = broken(reply.data, self.rng) if self.asked == self.breaks else reply.data
        self.asked += 1
        return HttpAnswer(200, {}, url, json.dumps(data).encode())


def broken(data: Any, rng: random.Random) -> Any:
    """The same with junk in one place, chosen at random."""
    data = copy.deepcopy(data)
    places = list(places_in(data))
    if not places:
        return rng.choice(JUNK)
    holder, key = rng.choice(places)
    holder[key] = rng.choice(JUNK)
    return data


def places_in(data: Any):
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield data, key
        yield from places_in(value)


@pytest.mark.parametrize(
    ("pull", "site", "base", "scope"),
    [
        (jira_cloud.pull, jira_site.cloud, "https://t.example", "SHOP"),
        (jira_dc.pull, jira_site.data_center, "https://t.example", "SHOP"),
        (github.pull, test_github.site, "https://t.example", "a/b"),
        (gitlab.pull, sites.gitlab, "https://t.example/api/v4", "group/shop"),
        (azure.pull, test_azure.answer, "http://t.example/org", "Shop"),
        (linear.pull, test_linear.answer, "https://t.example", "TM"),
    ],
    ids=["jira", "jira_dc", "github", "gitlab", "azure", "linear"],
)
def test_whatever_is_wrong_with_an_answer_is_no_crash(pull, site, base, scope):
    whole = Breaking(base, {}, site=site)
    issues = sum(isinstance(each, TrackedIssue) for each in pull(whole, scope, None))
    assert issues
    survived = 0
    for seed in range(TRIES):
        rng = random.Random(seed)
        client = Breaking(base, {}, site=site, rng=rng, breaks=rng.randrange(whole.asked))
        try:
            told = list(pull(client, scope, None))
        except ImportRefused:
            continue
        survived += 1
        assert all(isinstance(each, TrackedIssue | TrackedSprint | RowError | Gap) for each in told)
        for each in told:
            if isinstance(each, TrackedIssue):
                assert len(each.title) <= 500
                assert "\0" not in each.title + each.description + each.status
                assert each.created_at is not None
    # Most of what can be wrong is wrong with one issue, or with nothing that is read.
    assert survived > TRIES / 2


@pytest.mark.parametrize("row", [None, {}, {"title": "x"}, "x", []])
def test_a_row_that_is_no_issue_does_not_say_which_it_is(row):
    """So an import that closes what is missing closes nothing."""
    told = [github.read_issue(1, row, []), gitlab.read_issue(1, row, gitlab.Story()), linear.read_issue(1, row, [])]
    assert [(type(each), each.external_id) for each in told] == [(RowError, "")] * 3
