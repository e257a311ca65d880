"""The snippets of the documentation run, and its requests get the answers it shows."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.ml.services import ModelTrainer
from apps.projects.models import Issue, Project, Sprint

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("apps/**/README.md")])
ENDPOINTS = ROOT / "apps/ml/README.md"


def snippets(language: str) -> Iterator[Any]:
    """Every block of a language, named by page and line."""
    for page in PAGES:
        text = page.read_text()
        for block in re.finditer(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, block.start()) + 1
            yield pytest.param(block.group(1), id=f"{page.relative_to(ROOT)}:{line}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint as the page describes it."""

    method: str
    path: str
    request: str | None
    answer: dict[str, Any]


def endpoints() -> Iterator[Any]:
    """The numbered sections of the page, each with an address, perhaps a request, and an answer."""
    section = ENDPOINTS.read_text().partition("## API Endpoints")[2].partition("\n## ")[0]
    for part in section.split("\n### ")[1:]:
        address = re.search(r"^`(GET|POST) (/\S+)`$", part, re.MULTILINE)
        assert address, part
        *request, answer = re.findall(r"^```json\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
        endpoint = Endpoint(address[1], address[2], request[0] if request else None, json.loads(answer))
        yield pytest.param(endpoint, id=endpoint.path)


@dataclass(frozen=True, slots=True)
class Example:
    """The project that the pages speak of."""

    project: Project
    sprint: Sprint
    issue: Issue
    user: User

    def names(self) -> dict[str, Any]:
        return {"project": self.project, "sprint": self.sprint, "issue": self.issue, "user": self.user}

    def filled(self, text: str) -> str:
        """With the ids of real things in the place of `uuid-of-…` and `{…_id}`."""
        for name in ("project", "sprint", "issue"):
            identity = str(self.names()[name].id)
            text = text.replace(f"uuid-of-{name}", identity).replace(f"{{{name}_id}}", identity)
        return text


@pytest.fixture(scope="module")
def taught(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The demonstration team with trained models; made once, each test undoes only what it does itself."""
    with django_db_blocker.unblock(), transaction.atomic():
        call_command("seed_demo", verbosity=0)
        project = Project.objects.get(key="DEMO")
        ModelTrainer().train_effort_prediction_model(project_id=project.id)
        ModelTrainer().train_story_points_model(project_id=project.id)
        yield
        transaction.set_rollback(True)


@pytest.fixture
def example(taught: None, db: None) -> Example:
    project = Project.objects.get(key="DEMO")
    return Example(
        project=project,
        sprint=project.sprints.get(status="active"),
        issue=project.issues.filter(resolved_at=None).first(),
        user=User.objects.get(email="demo@example.com"),
    )


@pytest.mark.parametrize("snippet", list(snippets("python")))
def test_a_python_snippet_runs(snippet: str, example: Example):
    exec(compile(snippet, "snippet", "exec"), example.names())


@pytest.mark.parametrize("snippet", list(snippets("json")))
def test_a_json_snippet_is_json(snippet: str):
    assert json.loads(snippet)


@pytest.mark.parametrize("endpoint", list(endpoints()))
def test_a_documented_request_gets_an_answer_of_the_documented_shape(endpoint: Endpoint, example: Example):
    client = APIClient()
    client.force_authenticate(example.user)
    body = json.loads(example.filled(endpoint.request)) if endpoint.request else None

    response = client.generic(
        endpoint.method, example.filled(endpoint.path), json.dumps(body), content_type="application/json"
    )

    assert response.status_code == 200, response.content
    assert missing(endpoint.answer, response.json()) == []


def missing(shown: Any, given: Any, path: str = "") -> list[str]:
    """Fields that the page shows and the answer does not have; keys that are values (points) are free."""
    if isinstance(shown, list):
        return missing(shown[0], given[0], f"{path}[0]") if shown and given else []
    if not isinstance(shown, dict) or all(key.isdigit() for key in shown):
        return []
    absent = [f"{path}.{key}" for key in shown if key not in given]
    return absent + [each for key in shown if key in given for each in missing(shown[key], given[key], f"{path}.{key}")]


def test_a_missing_field_would_be_noticed():
    assert missing({"risks": [{"severity": "high"}]}, {"risks": [{"type": "x"}]}) == [".risks[0].severity"]
