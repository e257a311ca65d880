"""What a request costs grows with its text as the text does, whatever its letters are: with the limits of length that
is the processor budget of one request.
"""

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.ml.services import ModelTrainer
from apps.ml.tests.teams import learnable_team
from apps.projects.models import Issue
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory
from tests.hostile_texts import MARKS
from tests.test_text_growth import FACTOR, LIMIT, seconds

pytestmark = pytest.mark.django_db
ML = "/api/v1/ml"
#: As long as a description may be, and a part of it; a title is a two-hundredth.
LONG = 96_000
PARTS = ["1", "a", "a1", "é", "漢", "ᄒ", "*", "at ", "a ", "word ", "<", "{", "x@y.z ", "\n", "a-", "1.1,", MARKS]


@pytest.fixture
def lead():
    member = TeamMemberFactory(project=learnable_team(60, until=timezone.now()), role="lead")
    for train in (ModelTrainer().train_effort_prediction_model, ModelTrainer().train_story_points_model):
        train(member.project_id, now=timezone.now())
    client = APIClient()
    client.force_authenticate(member.user)
    return client, member.project


def questions(project, text):
    """Every endpoint that takes a text, with one as long as this."""
    title, words = text[:500].strip() or "x", text.split()[:50]
    issue = {"title": title, "description": text, "component": title[:200], "labels": [word[:100] for word in words]}
    asked = {"project_id": str(project.pk), "title": title, "description": text}
    here = f"/api/v1/projects/{project.pk}"
    yield "post", f"{ML}/predict-effort/", {**asked, **issue}
    yield "post", f"{ML}/recommend-story-points/", {**asked, **issue}
    yield "post", f"{ML}/predict-effort/bulk/", {"project_id": str(project.pk), "issues": [issue] * 3}
    yield "post", f"{ML}/recommend-story-points/bulk/", {"project_id": str(project.pk), "issues": [issue] * 3}
    yield "post", f"{ML}/projects/{project.pk}/similar/", {"title": title, "description": text}
    yield "post", f"{here}/issues/", {**issue, "issue_type": "bug"}
    yield "get", f"{here}/issues/", {"search": title[:200]}


@pytest.mark.parametrize("number", range(7))
def test_a_request_sixteen_times_as_long_takes_no_256_times_as_long(lead, number):
    client, project = lead
    codes = set()

    def ask(text):
        how, path, body = list(questions(project, text))[number]
        answer = client.get(path, body) if how == "get" else client.post(path, body, format="json")
        codes.add(answer.status_code)

    too_slow = {}
    for part in PARTS:
        short, long = (part * (length // len(part)) for length in (LONG // FACTOR, LONG))
        ask(short)
        # A second look, three times, only where the first one finds something.
        ratio = seconds(ask, long, 1) / seconds(ask, short, 1)
        if ratio > LIMIT and (ratio := seconds(ask, long) / seconds(ask, short)) > LIMIT:
            too_slow[part] = ratio

    assert not too_slow
    assert codes <= {200, 201, 400}
    assert codes & {200, 201}


@pytest.mark.parametrize("number", range(5))
def test_a_page_of_a_text_sixteen_times_as_long_takes_no_256_times_as_long(lead, number):
    api, project = lead
    page, inside = Client(), Client()
    inside.force_login(TeamMemberFactory(project=project, role="lead").user)
    issue = IssueFactory(project=project)

    def see(text):
        Issue.objects.filter(pk=issue.pk).update(description=text)
        return inside.get(f"/projects/{project.key}/issues/{issue.pk}/")

    asks = [
        see,
        lambda text: page.post("/login/", {"username": f"a@{text}.com", "password": "a password"}),
        lambda text: page.post("/admin/login/", {"username": f"a@{text}.com", "password": text}),
        lambda text: page.post("/password/forgotten/", {"email": f"a@{text}.com"}),
        lambda text: api.post("/api/v1/auth/token/", {"email": f"a@{text}.com", "password": text}, format="json"),
    ]
    short, long = (MARKS * (length // len(MARKS)) for length in (LONG // FACTOR, LONG))
    assert asks[number](short).status_code in {200, 400}

    assert seconds(asks[number], long) / seconds(asks[number], short) <= LIMIT
