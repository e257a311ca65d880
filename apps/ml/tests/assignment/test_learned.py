"""Suggestions from what people did: training, choice of strategy, evidence, and what is kept of it."""

from datetime import timedelta

import pytest

from apps.common.exceptions import NotEnoughData
from apps.ml.core.assignment.replay import AUTO, STRATEGIES
from apps.ml.models import MLModel, ModelType, PredictionHistory
from apps.ml.selectors.issues import completed_with_people
from apps.ml.services.model_trainer import ModelTrainer
from apps.ml.services.models.fitting import PeopleStayInTheirProject
from apps.ml.services.recommendation_service import RecommendationService
from apps.ml.tests.core.assignment.teams import EXPERTS
from apps.ml.tests.core.assignment.teams import finished as finished_work
from apps.projects.models import Issue, IssueChange
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory, UserFactory
from conftest import ENTERING

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def people(project):
    """Ann knows the login, Bob invoices, Cid the search."""
    return {name: TeamMemberFactory(project=project, user__full_name=name).user for name in EXPERTS.values()}


@pytest.fixture
def history(project, people, now):
    return _store(project, people, finished_work(120, until=now))


@pytest.fixture
def model(project, history, now):
    return ModelTrainer().train(ModelType.TASK_ASSIGNMENT, project.id, now=now).model


@pytest.fixture
def about_login(project):
    return IssueFactory(project=project, type_name="bug", title="Change the login again")


def test_a_first_model_serves_and_says_how_it_was_measured(model):
    assert (model.is_active, model.training_samples) == (True, 120)
    assert model.metrics["n_test"] == 24
    assert model.metrics["top_1"] > model.metrics["baseline_top_1"]


def test_by_itself_the_better_strategy_answers(about_login, people, model, now):
    answer = _suggest(about_login, now)

    assert (answer["strategy"], answer["method"], answer["model_version"]) == ("learned", "learned", model.version)
    assert answer["suggestions"][0]["user_id"] == str(people["ann"].id)
    assert "named the right person first in" in answer["strategy_reason"]


def test_both_hit_rates_stand_beside_random_and_most_recent(about_login, model, now):
    rates = _suggest(about_login, now, strategy="formula")["hit_rates"]

    assert rates["issues"] == 24
    assert rates["learned"]["top_1"] > rates["most_recent"]["top_1"]
    assert rates["random"]["top_1"] == pytest.approx(1 / 3, abs=0.01)
    assert rates.keys() == {"issues", "formula", "learned", "random", "most_recent", "reporter"}


def test_the_formula_answers_where_it_is_asked_for(about_login, model, now):
    answer = _suggest(about_login, now, strategy="formula")

    best = answer["suggestions"][0]
    assert answer["strategy"] == "formula"
    assert best["similar_issues"] == []
    weighted = 0.4 * best["skill_score"] + 0.3 * best["workload_score"] + 0.2 * best["performance_score"]
    assert best["total_score"] == pytest.approx(weighted + 0.1 * best["availability_score"], abs=1e-3)


@pytest.mark.parametrize("strategy", ["auto", "learned"])
def test_without_a_model_the_formula_answers_and_says_so(about_login, people, now, strategy):
    answer = _suggest(about_login, now, strategy=strategy)

    assert (answer["strategy"], answer["hit_rates"], answer["model_version"]) == ("formula", None, None)
    assert "50 finished issues" in answer["strategy_reason"]


def test_who_does_the_reporters_issues_can_be_asked_for_and_serves_what_the_replay_measures(
    project, people, about_login, now
):
    rik = UserFactory()
    for days, name in enumerate(("cid", "cid", "ann"), start=3):
        begun = now - timedelta(days=days)
        IssueFactory(project=project, reporter=rik, assignee=people[name], created_at=begun)
    Issue.objects.filter(pk=about_login.pk).update(reporter=rik)

    answer = _suggest(about_login, now, strategy="reporter")

    # Of Rik's three issues two, and of the three given lately two: (2 + 2/3) / 4.
    assert (answer["strategy"], answer["suggestions"][0]["user_id"]) == ("reporter", str(people["cid"].id))
    assert answer["suggestions"][0]["skill_score"] == pytest.approx(2 / 3, abs=1e-4)
    assert answer["suggestions"][0]["total_score"] == answer["suggestions"][0]["skill_score"]


def test_by_itself_a_rule_answers_where_it_names_the_right_person_most_often(project, people, now):
    done = finished_work(120, until=now, noise=1.0)
    _store(project, people, done)
    rik = UserFactory()
    Issue.objects.filter(project=project, assignee=people["bob"]).update(reporter=rik)
    ModelTrainer().train(ModelType.TASK_ASSIGNMENT, project.id, now=now)
    asked = IssueFactory(project=project, type_name="bug", title="Something new", reporter=rik)

    answer = _suggest(asked, now)

    assert answer["hit_rates"]["reporter"]["top_1"] > answer["hit_rates"]["formula"]["top_1"]
    best = max(answer["hit_rates"][name]["top_1"] for name in ("formula", "learned", "reporter", "most_recent"))
    assert answer["hit_rates"][answer["strategy"]]["top_1"] == best
    assert answer["suggestions"][0]["user_id"] == str(people["bob"].id)


def test_the_skill_is_a_probability_over_the_candidates(about_login, model, now):
    suggestions = _suggest(about_login, now)["suggestions"]

    assert sum(suggestion["skill_score"] for suggestion in suggestions) == pytest.approx(1.0, abs=1e-3)
    best = suggestions[0]
    weighted = 0.8 * best["skill_score"] + 0.1 * best["workload_score"] + 0.05 * best["performance_score"]
    assert best["total_score"] == pytest.approx(weighted + 0.05 * best["availability_score"], abs=1e-3)


def test_reasons_name_words_and_the_persons_own_similar_issues(about_login, people, model, now):
    best = _suggest(about_login, now)["suggestions"][0]

    assert "'login'" in best["reasoning"][-1]
    assert len(best["similar_issues"]) == 3
    done_by = Issue.objects.filter(id__in=[found["issue_id"] for found in best["similar_issues"]])
    assert {issue.assignee for issue in done_by} == {people["ann"]}
    assert all("login" in found["title"] for found in best["similar_issues"])


def test_the_total_is_the_formula_of_the_scores_and_weights_shown(about_login, people, model, now):
    for strategy in (AUTO, *STRATEGIES):
        answer = _suggest(about_login, now, strategy=strategy)

        assert sum(answer["weights"].values()) == pytest.approx(1)
        for each in answer["suggestions"]:
            total = sum(each[f"{name}_score"] * weight for name, weight in answer["weights"].items())
            assert each["total_score"] == pytest.approx(total, abs=5.1e-5)


def test_a_similar_issue_that_was_deleted_is_left_out(about_login, model, now):
    gone = _suggest(about_login, now)["suggestions"][0]["similar_issues"][0]["issue_id"]
    Issue.objects.get(pk=gone).delete()

    similar = _suggest(about_login, now)["suggestions"][0]["similar_issues"]

    assert gone not in [found["issue_id"] for found in similar]


def test_an_absent_expert_is_not_suggested_and_the_others_share_the_probability(about_login, people, model, now):
    people["ann"].memberships.update(absent_until=now.date())

    suggestions = _suggest(about_login, now)["suggestions"]

    assert {suggestion["user_name"] for suggestion in suggestions} == {"bob", "cid"}
    assert sum(suggestion["skill_score"] for suggestion in suggestions) == pytest.approx(1.0, abs=1e-3)


def test_a_history_row_says_who_was_named_by_which_model_and_no_score(about_login, model, now):
    answer = _suggest(about_login, now, top_n=1)

    row = PredictionHistory.objects.get(pk=answer["prediction_id"])
    assert (row.method, row.model, row.model_version) == ("learned", model, model.version)
    assert row.details.keys() == {"suggested", "candidates", "was_assigned"}
    assert (row.predicted_value, row.confidence) == (1.0, None)


def test_a_learned_answer_takes_as_many_queries_as_the_formula_and_one_for_titles(
    about_login, model, now, django_assert_num_queries
):
    _suggest(about_login, now)

    with django_assert_num_queries(6 + ENTERING):
        _suggest(about_login, now)


def test_people_are_not_learned_across_projects(history, now):
    with pytest.raises(PeopleStayInTheirProject):
        ModelTrainer().train(ModelType.TASK_ASSIGNMENT, None, now=now)


def test_another_projects_model_does_not_answer(model, now):
    elsewhere = IssueFactory(title="Change the login again")

    assert _suggest(elsewhere, now)["strategy"] == "formula"


def test_too_little_history_is_told(project, people, now):
    _store(project, people, finished_work(49, until=now))

    with pytest.raises(NotEnoughData):
        ModelTrainer().train(ModelType.TASK_ASSIGNMENT, project.id, now=now)


def test_a_later_model_serves_once_it_ranks_better_on_newer_issues(project, people, history, model, now):
    later, next_one = now + timedelta(days=150), {"ann": "bob", "bob": "cid", "cid": "ann"}
    issues = finished_work(290, until=later, noise=0.0, seed=7)
    _store(project, people, issues, doers=[next_one[issue.facts.assignee] for issue in issues])

    training = ModelTrainer().train(ModelType.TASK_ASSIGNMENT, project.id, now=later)

    assert training.model.is_active
    assert training.verdict.comparison.n == 82
    assert training.verdict.comparison.challenger_error < training.verdict.comparison.champion_error
    assert not MLModel.objects.get(pk=model.pk).is_active


def test_a_later_model_without_newer_issues_waits(project, model, now):
    training = ModelTrainer().train(ModelType.TASK_ASSIGNMENT, project.id, now=now)

    assert not training.model.is_active
    assert MLModel.objects.get(pk=model.pk).is_active


def test_who_finished_an_issue_counts_not_who_has_it_now(project, people, history, now):
    handed_over = history[0]
    Issue.objects.filter(pk=handed_over.pk).update(assignee=people["cid"])
    IssueChange.objects.create(
        issue=handed_over,
        field=IssueChange.Field.ASSIGNEE,
        old_value=str(handed_over.assignee_id),
        new_value=str(people["cid"].id),
        changed_at=handed_over.resolved_at + timedelta(days=1),
    )

    known = {issue.issue_id: issue.facts.assignee for issue in completed_with_people(project.id)}

    assert known[str(handed_over.pk)] == str(handed_over.assignee_id)


def _store(project, people, issues, doers=None):
    """Invented finished issues as rows of the project."""
    kinds = {kind.name: kind for kind in project.issue_types.all()}
    done = project.statuses.get(category="done")
    doers = doers or [issue.facts.assignee for issue in issues]
    return Issue.objects.bulk_create(
        Issue(
            project=project,
            title=issue.facts.title,
            issue_type=kinds[issue.facts.issue_type],
            status=done,
            component=issue.facts.component,
            assignee=people[doer],
            created_at=issue.known_at,
            started_at=issue.known_at,
            resolved_at=issue.completed_at,
        )
        for issue, doer in zip(issues, doers, strict=True)
    )


def _suggest(issue, now, **how):
    return RecommendationService().suggest_assignment(issue.id, issue.project_id, now=now, **how)


def test_a_model_of_all_projects_people_is_refused_before_it_is_queued(api_client):
    api_client.force_authenticate(UserFactory(is_superuser=True))

    response = api_client.post("/api/v1/ml/models/train/", {"model_type": "task_assignment", "global": True})

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"].startswith("/global")
