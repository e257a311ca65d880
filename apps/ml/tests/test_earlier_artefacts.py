"""Artefacts written before the modules moved are read, and answer as they did.

`artefacts/` holds the models of 90 invented issues, trained at commit 470058f, and what they answered then; of
hours what they answer since the latest of equally near issues speak.
"""

import json
from pathlib import Path

import joblib
import pytest

from apps.ml.core.assignment.features import read
from apps.ml.core.assignment.serving import AssignmentModel
from apps.ml.core.effort import EffortModel
from apps.ml.core.points import PointsModel, load_prior
from apps.ml.core.records import IssueFacts

FOLDER = Path(__file__).parent / "artefacts"
ANSWERS = json.loads((FOLDER / "answers.json").read_text())
QUESTIONS = (
    IssueFacts(
        "Change the migration of part 3",
        "The migration has to change.",
        "story",
        2.0,
        component="part-1",
        reporter="reporter-1",
    ),
    IssueFacts("Change the label of part 9", "", "bug", 1.0, estimated_hours=3.0, reporter="reporter-2"),
    IssueFacts("Something new"),
)


def test_an_earlier_model_of_hours_answers_as_it_did():
    model = EffortModel.from_bytes((FOLDER / "effort.npz").read_bytes())

    answers = [model.estimate(question).predicted_hours for question in QUESTIONS]

    assert answers == pytest.approx(ANSWERS["effort"], abs=1e-6)


def test_an_earlier_model_of_points_answers_as_it_did():
    model = PointsModel.from_bytes((FOLDER / "points.npz").read_bytes(), prior=load_prior())

    assert [model.recommend(question).recommended_points for question in QUESTIONS] == ANSWERS["points"]


def test_an_earlier_model_of_people_scores_as_it_did():
    model = AssignmentModel.from_bytes((FOLDER / "assignment.npz").read_bytes())

    scores = [list(model.scores(read(question))) for question in QUESTIONS]

    for now, then in zip(scores, ANSWERS["assignment"], strict=True):
        assert now == pytest.approx(then, abs=1e-6)


# Another scikit-learn warns when it opens them; the product refuses such estimators and says so (`LibraryMismatch`).
@pytest.mark.filterwarnings("ignore:Trying to unpickle estimator")
def test_earlier_estimators_find_their_classes():
    estimators = joblib.load(FOLDER / "effort.joblib")

    assert set(estimators) == {"columns", "plain_linear", "plain_boosted", "plain_scale"}
