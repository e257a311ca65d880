"""What a question has read before somebody was erased it does not write after it: not in its record, nor in its answer.

The record stays, only its texts are left out.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Event
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from apps.accounts.tests.factories import UserFactory
from apps.common.models import FirstAnswer
from apps.dashboard.pages import backlog
from apps.ml.core.text import MAX_DESCRIPTION_CHARACTERS
from apps.ml.models import PredictionHistory
from apps.ml.services.predictions import questions, record
from apps.ml.services.predictions.switch import TERMS
from apps.ml.viewsets import bulk, predictions
from apps.projects.models import Issue
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory
from apps.upkeep import erasing
from apps.upkeep.erasing import erase_person, erase_project
from apps.upkeep.texts import found_in_database
from tests.at_once import begun_beside

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_training_begins")]
EMAIL, NAME = "ada@example.com", "Ada Lovelace"
API = "/api/v1/ml"
KEY = {"Idempotency-Key": "a-key"}
on_postgresql = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer")


@pytest.fixture
def lead():
    membership = TeamMemberFactory(role="lead")
    TeamMemberFactory(project=membership.project, user=UserFactory(email=EMAIL, full_name=NAME))
    return membership


@pytest.fixture
def issue(lead):
    return IssueFactory(project=lead.project, title=f"Ask {NAME} {EMAIL}", description=f"{NAME} knows", priority=2)


@pytest.fixture
def ask(lead, issue) -> Callable[..., Any]:
    """By the name of a question: its answer."""

    def ask(question: str, **headers: str) -> Any:
        api, project = APIClient(), lead.project
        api.force_authenticate(lead.user)
        about, several = {"project_id": str(project.pk), "issue_id": str(issue.pk)}, question.endswith("bulk")
        if question == "page":
            page = Client()
            page.force_login(lead.user)
            return page.get(reverse("dashboard:backlog-why", args=[project.key, issue.pk]))
        asked = {"project_id": str(project.pk), "issues": [{"issue_id": str(issue.pk)}] * 3} if several else about
        if question == "typed":
            asked, question = {"project_id": str(project.pk), "title": f"Ask {NAME}"}, "predict-effort"
        return api.post(f"{API}/{question}/", asked, format="json", headers=headers)

    return ask


QUESTIONS = ["predict-effort", "recommend-story-points", "predict-effort/bulk", "recommend-story-points/bulk", "page"]
#: Right after the issue was read, and right before the answer is stored.
MOMENTS = {
    "read": [(predictions, "known_of"), (bulk, "known_of"), (backlog, "facts_of")],
    "worked out": [(questions, "record_predictions")],
}


@pytest.fixture
def erased(now, monkeypatch):
    """Somebody is erased once, in the middle of the next question; what it left is given."""

    def erased(moment: str) -> list[Any]:
        done: list[Any] = []

        def first(true: Callable[..., Any]) -> Callable[..., Any]:
            def meanwhile(*args: Any, **kwargs: Any) -> Any:
                # What was read so far is what stood before.
                answer = true(*args, **kwargs) if moment == "read" else None
                if not done:
                    done.append(erase_person(EMAIL, now=now))
                return answer if moment == "read" else true(*args, **kwargs)

            return meanwhile

        for module, name in MOMENTS[moment]:
            monkeypatch.setattr(module, name, first(getattr(module, name)))
        return done

    return erased


@pytest.mark.parametrize("part", ["ada@e", "ada@example.co", "Ada L", "Ada Lovelac"])
def test_of_a_long_description_no_half_of_a_name_is_kept(ask, issue, now, part):
    whole = EMAIL if EMAIL.startswith(part) else NAME
    before = "x " * MAX_DESCRIPTION_CHARACTERS
    Issue.objects.update(description=f"{before[: MAX_DESCRIPTION_CHARACTERS - 1 - len(part)]} {whole} knows.")

    assert ask("predict-effort").status_code == 200
    erase_person(EMAIL, now=now)

    kept = PredictionHistory.objects.exclude(prediction_type="task_assignment").get().input["description"]
    assert len(kept) > MAX_DESCRIPTION_CHARACTERS - 20
    assert not kept.endswith(part)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("question", [*QUESTIONS, "typed"])
def test_what_was_read_before_an_erasure_is_not_recorded_after_it(ask, erased, issue, question, moment):
    if (question, moment) == ("typed", "read"):
        pytest.skip("It reads no issue.")
    done = erased(moment)

    assert ask(question).status_code == 200

    assert len(done) == 1
    assert found_in_database([EMAIL, NAME]) == {}
    rows = list(PredictionHistory.objects.exclude(prediction_type="task_assignment"))
    # An answer each, and the page gives two.
    assert len(rows) == {True: 3, False: 1 + (question == "page")}[question.endswith("bulk")]
    assert all({"title", "description"}.isdisjoint(row.input) for row in rows)
    if question != "typed":
        assert {row.input["priority"] for row in rows} == {2.0}


def test_later_questions_are_recorded_with_their_texts(ask, now):
    ask("predict-effort")
    erase_person(EMAIL, now=now)
    # Seconds later.
    TERMS.clear()

    assert ask("predict-effort").status_code == 200

    newest = PredictionHistory.objects.order_by("-created_at").first()
    assert newest.input["title"] == Issue.objects.get().title != f"Ask {NAME} {EMAIL}"


@pytest.mark.parametrize("question", QUESTIONS[:4])
def test_a_key_keeps_no_answer_that_was_worked_out_from_what_is_erased(ask, erased, question):
    erased("worked out")

    first, again = ask(question, **KEY), ask(question, **KEY)

    assert (first.status_code, first.headers["Retry-After"]) == (409, "1")
    assert (again.status_code, again.headers.get("Idempotency-Replayed")) == (200, None)
    assert NAME not in again.text
    assert ask(question, **KEY).content == again.content
    assert found_in_database([EMAIL, NAME]) == {}
    assert PredictionHistory.objects.count() == (3 if question.endswith("bulk") else 1)


def test_an_answer_that_is_kept_while_a_project_is_erased_goes_with_it(ask, now, lead):
    ask("predict-effort", **KEY)

    erase_project(lead.project.key, now=now)

    assert not FirstAnswer.objects.exists()


@on_postgresql
@pytest.mark.parametrize("headers", [{}, KEY])
def test_what_is_asked_in_an_erasure_and_answered_after_it_keeps_nothing(ask, now, monkeypatch, headers):
    """It reads what the erasure has not committed, after the answers that were kept are gone."""
    true_record, true_forget, read, erased = (
        questions.record_predictions,
        erasing.forget_what_was_read,
        Event(),
        Event(),
    )

    def wait(*args: Any, **kwargs: Any) -> None:
        read.set()
        assert erased.wait(timeout=30)
        true_record(*args, **kwargs)

    def asked() -> Any:
        try:
            return ask("predict-effort", **headers)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:

        def forget(*args: Any) -> None:
            true_forget(*args)
            answers.append(pool.submit(asked))
            assert read.wait(timeout=30)

        answers: list[Any] = []
        monkeypatch.setattr(questions, "record_predictions", wait)
        monkeypatch.setattr(erasing, "forget_what_was_read", forget)
        erase_person(EMAIL, now=now)
        erased.set()
        [answer] = answers

        assert answer.result().status_code == (409 if headers else 200)

    assert found_in_database([EMAIL, NAME]) == {}
    assert not FirstAnswer.objects.exists()


@on_postgresql
@pytest.mark.parametrize("headers", [{}, KEY])
def test_the_last_search_waits_for_what_is_just_being_recorded(ask, now, monkeypatch, headers):
    """Written in time, with the name, and not yet committed when the erasure is."""
    true_insert, looks = record._insert, []
    with ThreadPoolExecutor(1) as pool:

        def insert(*args: Any) -> bool:
            is_stored = true_insert(*args)
            # In a transaction, as where the answer is kept for a key.
            looks.append(begun_beside(pool, lambda: erase_person(EMAIL, now=now)))
            return is_stored

        monkeypatch.setattr(record, "_insert", insert)
        with nullcontext() if headers else transaction.atomic():
            ask("predict-effort", **headers)
        looks[0].result()

    assert found_in_database([EMAIL, NAME]) == {}
    assert not FirstAnswer.objects.exclude(answer=None).exists()
