"""A type of model is one row, and its name is said once."""

import numpy as np
import pytest

from apps.ml.models import ModelType, PredictionHistory
from apps.ml.selectors.scorecard import SCORED_KINDS
from apps.ml.services.models.kinds import KINDS, truth_of
from apps.projects.models import Issue


def test_a_type_of_prediction_is_either_a_model_s_or_answered_without_one():
    assert set(ModelType.values) & set(PredictionHistory.Kind.values) == set()
    assert [value for value, _ in PredictionHistory.TYPES] == [*ModelType.values, *PredictionHistory.Kind.values]


def test_every_type_of_model_has_its_row():
    assert list(KINDS) == list(ModelType)


def test_answers_that_are_numbers_are_scored_by_a_column_of_the_finished_issue():
    numbers = {model_type: kind.truth for model_type, kind in KINDS.items() if kind.truth}

    assert set(ModelType) <= set(SCORED_KINDS)
    assert all(Issue._meta.get_field(truth.column) for truth in numbers.values())


def test_hours_are_compared_as_ratios_and_points_as_differences():
    said, truth = np.array([2.0, 8.0]), np.array([4.0, 4.0])

    assert truth_of("effort_prediction").errors(said, truth) == pytest.approx([np.log(2), np.log(2)])
    assert truth_of("story_points").errors(said, truth).tolist() == [2.0, 4.0]


def test_people_are_no_numbers():
    with pytest.raises(ValueError, match="Answers of task_assignment are no numbers"):
        truth_of("task_assignment")
