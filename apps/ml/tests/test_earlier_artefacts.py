"""Artefacts written before the modules moved are read, and answer as they did.

`artefacts/` holds the models of 90 invented issues, trained at commit 470058f, and what they answered then; of
hours what they answer since the latest of equally near issues speak. `answers_in_full.json` holds whole answers as of
commit e84b696, ranges, reasons and evidence with them: what is made faster says the same.
"""

import json
from dataclasses import fields, is_dataclass
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
IN_FULL = json.loads((FOLDER / "answers_in_full.json").read_text())
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


def leaves(value, name=""):
    """Each text and number of an answer, with its place."""
    if isinstance(value, dict):
        return {place: leaf for key, inner in value.items() for place, leaf in leaves(inner, f"{name}/{key}").items()}
    if isinstance(value, list):
        return {place: leaf for at, inner in enumerate(value) for place, leaf in leaves(inner, f"{name}/{at}").items()}
    return {name: value}


def plain(value):
    """An answer as its parts have names, whatever holds them."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if hasattr(value, "_asdict"):
        return {name: plain(inner) for name, inner in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return {key: plain(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def assert_alike(answers, then):
    """To the ninth digit of each number; texts, and what is not there, to the letter."""
    found, wanted = leaves(json.loads(json.dumps(plain(answers)))), leaves(then)
    numbers = {place for place, leaf in wanted.items() if isinstance(leaf, float)}
    assert {place: leaf for place, leaf in found.items() if place not in numbers} == {
        place: leaf for place, leaf in wanted.items() if place not in numbers
    }
    assert [found[place] for place in sorted(numbers)] == pytest.approx(
        [wanted[place] for place in sorted(numbers)], rel=1e-9
    )


@pytest.mark.parametrize("at_once", [False, True])
def test_whole_answers_are_what_they_were(at_once):
    effort = EffortModel.from_bytes((FOLDER / "effort.npz").read_bytes())
    points = PointsModel.from_bytes((FOLDER / "points.npz").read_bytes(), prior=load_prior())

    hours = effort.estimates(QUESTIONS) if at_once else [effort.estimate(question) for question in QUESTIONS]
    sizes = points.recommendations(QUESTIONS) if at_once else [points.recommend(question) for question in QUESTIONS]

    assert_alike(hours, IN_FULL["effort"])
    assert_alike(sizes, IN_FULL["points"])


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
