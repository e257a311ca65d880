"""Who would normally take an issue: training, serving, and what is measured on the way."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from apps.common.exceptions import NotEnoughData
from apps.ml.core.artifact import ArtifactCorrupted
from apps.ml.core.assignment import training as assignment_training
from apps.ml.core.assignment.features import read
from apps.ml.core.assignment.serving import AssignmentModel
from apps.ml.core.assignment.training import matrix, train_assignment_model
from apps.ml.tests.core.assignment.teams import EXPERTS, UNTIL, finished, issue_about
from apps.ml.tests.core.layouts import assert_layout_has_its_number

TEAM = sorted(EXPERTS.values())


@pytest.fixture(scope="module")
def issues():
    return finished(150)


@pytest.fixture(scope="module")
def trained(issues):
    return train_assignment_model(issues, now=UNTIL, version="1.0.0")


@pytest.fixture(scope="module")
def model(trained):
    return AssignmentModel.from_bytes(trained.serving)


@pytest.mark.parametrize(("word", "expert"), EXPERTS.items())
def test_the_expert_of_the_words_is_the_likeliest(model, word, expert):
    chances = model.probabilities(issue_about(word), TEAM)

    assert max(chances, key=chances.__getitem__) == expert
    assert sum(chances.values()) == pytest.approx(1.0)


def test_only_candidates_share_the_probability(model):
    chances = model.probabilities(issue_about("login"), ["bob", "cid"])

    assert chances.keys() == {"bob", "cid"}
    assert sum(chances.values()) == pytest.approx(1.0)


def test_without_candidates_there_is_nothing_to_say(model):
    assert model.probabilities(issue_about("login"), []) == {}


def test_newcomers_share_what_newcomers_were_given(model):
    chances = model.probabilities(issue_about("login"), [*TEAM, "new", "newer"])

    assert chances["new"] == chances["newer"] == pytest.approx(model.newcomer_share / 2)
    assert sum(chances.values()) == pytest.approx(1.0)
    assert model.probabilities(issue_about("login"), ["new", "newer"]) == {"new": 0.5, "newer": 0.5}


def test_whoever_has_the_issue_now_is_not_looked_at(model):
    free, taken = issue_about("login"), issue_about("login", assignee="bob")

    assert model.probabilities(free, TEAM) == model.probabilities(taken, TEAM)


@pytest.mark.parametrize("words", [("login", "invoice"), ("login", "invoice", "search")])
def test_served_scores_are_those_of_scikit_learn(words):
    issues = finished(80, words=words)
    trained = train_assignment_model(issues, now=UNTIL)
    served, classifier = AssignmentModel.from_bytes(trained.serving), trained.estimators["classifier"]

    readings = [read(issue.facts) for issue in issues]
    scores = np.array([served.scores(reading) for reading in readings])
    expected = classifier.predict_log_proba(matrix(served.vocabulary, readings))

    assert list(served.people) == list(classifier.classes_)
    ours = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    # Coefficients are stored in single precision.
    np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_the_words_that_speak_for_a_person_are_told(model):
    answer = model.answer(issue_about("login"), TEAM, explained=["ann"])

    assert "'login'" in answer.words["ann"]
    assert answer.words.keys() == answer.similar.keys() == {"ann"}


def test_the_most_similar_issues_are_the_persons_own(model, issues):
    done_by = {issue.issue_id: issue.facts.assignee for issue in issues}

    similar = model.answer(issue_about("invoice"), TEAM, explained=["bob"]).similar["bob"]

    assert len(similar) == 3
    assert {done_by[found.issue_id] for found in similar} == {"bob"}


def test_nothing_can_be_told_of_somebody_unknown(model):
    answer = model.answer(issue_about("login"), ["new"], explained=["new"])

    assert (answer.words["new"], answer.similar["new"]) == ((), ())


def test_an_issue_without_a_known_word_is_answered_from_the_rest(model):
    chances = model.probabilities(replace(issue_about("login"), title="", issue_type=""), TEAM)

    assert sum(chances.values()) == pytest.approx(1.0)


def test_where_words_decide_the_learned_total_beats_the_formula_and_says_so(model, trained):
    rates = model.replay.rates

    assert model.replay.better == "learned"
    assert rates["learned"].top_1 > 0.75 > rates["formula"].top_1
    assert rates["learned"].top_1 > rates["most_recent"].top_1
    assert trained.beats_baseline
    assert trained.metrics["top_1"] == rates["learned"].top_1
    assert trained.metrics["n_test"] == model.replay.n_issues == 30


def test_where_chance_decides_probabilities_stay_near_the_shares():
    issues = finished(200, noise=1.0)

    model = AssignmentModel.from_bytes(train_assignment_model(issues, now=UNTIL).serving)

    chances = [max(model.probabilities(issue_about(word), TEAM).values()) for word in EXPERTS]
    assert max(chances) < 0.6


def test_the_same_issues_give_the_same_bytes_in_whatever_order_they_come(issues, trained):
    assert train_assignment_model(issues[::-1], now=UNTIL, version="1.0.0").serving == trained.serving


def test_what_was_finished_later_is_not_learned_from(issues, trained):
    late = replace(issues[0], issue_id="late", completed_at=UNTIL + timedelta(days=1))

    assert train_assignment_model([*issues, late], now=UNTIL, version="1.0.0").serving == trained.serving


def test_issues_of_nobody_do_not_count():
    issues = finished(60)
    unowned = [replace(issue, facts=replace(issue.facts, assignee="")) for issue in issues[:20]]

    with pytest.raises(NotEnoughData) as raised:
        train_assignment_model([*unowned, *issues[20:]], now=UNTIL)

    assert (raised.value.have, raised.value.needed) == (40, 50)


def test_one_person_is_nothing_to_choose_from():
    with pytest.raises(NotEnoughData, match="2 people"):
        train_assignment_model(finished(60, words=("login",)), now=UNTIL)


def test_only_the_people_with_the_most_recent_work_are_told_apart(monkeypatch, issues):
    monkeypatch.setattr(assignment_training, "MAX_PEOPLE", 2)

    model = AssignmentModel.from_bytes(train_assignment_model(issues, now=UNTIL).serving)

    assert len(model.people) == 2
    assert (model.owners == -1).any()


def test_the_artefact_holds_no_word(trained):
    assert b"login" not in trained.serving


@pytest.mark.parametrize("data", [b"", b"no zip"])
def test_what_is_no_model_is_refused(data):
    with pytest.raises(ArtifactCorrupted):
        AssignmentModel.from_bytes(data)


def test_progress_goes_from_nothing_to_fitting():
    told = []

    train_assignment_model(finished(60), now=UNTIL, progress=lambda text, share: told.append((share, text)))

    assert told[0] == (0.0, "Replaying the last finished issues")
    assert told[-1] == (0.7, "Fitting")
    assert [share for share, _ in told] == sorted(share for share, _ in told)


def test_its_layout_has_its_number(trained):
    assert_layout_has_its_number(trained.serving)
