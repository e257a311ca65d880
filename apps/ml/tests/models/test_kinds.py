"""A type of model is one row, and its name is said once."""

from apps.ml.models import ModelType, PredictionHistory


def test_a_type_of_prediction_is_either_a_model_s_or_answered_without_one():
    assert set(ModelType.values) & set(PredictionHistory.Kind.values) == set()
    assert [value for value, _ in PredictionHistory.TYPES] == [*ModelType.values, *PredictionHistory.Kind.values]
