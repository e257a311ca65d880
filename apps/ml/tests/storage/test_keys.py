"""The seed's object layout, built and read back."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ml.storage.errors import KeyRefused
from apps.ml.storage.keys import checked_key, dataset_key, model_key, parse_model_key

NOON = datetime(2024, 1, 1, 12, 0, 0, tzinfo=UTC)


def test_a_model_lies_where_the_seed_says():
    key = model_key("effort_prediction", "1.0.0", NOON)

    assert key.model == "ml_models/effort_prediction/1.0.0/20240101_120000/model.joblib"
    assert key.serving == "ml_models/effort_prediction/1.0.0/20240101_120000/serving.npz"


def test_a_second_training_of_the_same_second_gets_a_directory_of_its_own():
    assert "/20240101_120000-2/" in model_key("effort_prediction", "1.0.0", NOON, attempt=2).model


def test_a_training_set_lies_where_the_seed_says():
    assert (
        dataset_key("project-uuid-1", NOON, extension="pkl") == "ml_datasets/project-uuid-1/training_set_20240101.pkl"
    )
    assert dataset_key(None, NOON, extension="npz", attempt=2) == "ml_datasets/global/training_set_20240101-2.npz"


def test_the_time_in_a_key_is_utc():
    in_tokyo = NOON.astimezone(timezone(timedelta(hours=9)))

    assert model_key("effort_prediction", "1.0.0", in_tokyo) == model_key("effort_prediction", "1.0.0", NOON)


def test_a_time_without_zone_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="time zone"):
        model_key("effort_prediction", "1.0.0", NOON.replace(tzinfo=None))


@given(
    model_type=st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True),
    version=st.tuples(*[st.integers(0, 10_000)] * 3),
    trained_at=st.datetimes(min_value=NOON.replace(tzinfo=None), timezones=st.just(UTC)),
    attempt=st.integers(1, 1000),
)
def test_every_key_can_be_read_back(model_type, version, trained_at, attempt):
    key = model_key(model_type, ".".join(map(str, version)), trained_at, attempt=attempt)

    assert parse_model_key(key.model) == parse_model_key(key.serving) == key


@pytest.mark.parametrize(
    "key",
    [
        "ml_models/effort_prediction/1.0.0/20240101_120000/model.pkl",
        "ml_models/effort_prediction/1.0.0/20240101_120000/../20240101_120000/model.joblib",
        "ml_models/../ml_models/1.0.0/20240101_120000/model.joblib",
        "/ml_models/effort_prediction/1.0.0/20240101_120000/model.joblib",
        "ml_models/effort_prediction/1.0.0/20240101_120000/model.joblib\n",
        "ml_models/effort_prediction/1.0/20240101_120000/model.joblib",
        "ml_models/effort_prediction/1.0.0/20241301_120000/model.joblib",
        "ml_models/effort_prediction/1.0.0/20240101_120000-1/model.joblib",
        "ml_models/effort_prediction/1.0.0/20240101_120000-02/model.joblib",
        "ml_models/effort_prediction/1.0.0/٢٠٢٤٠١٠١_120000/model.joblib",
        "",
    ],
)
def test_what_no_training_wrote_is_refused(key):
    with pytest.raises(KeyRefused):
        parse_model_key(key)


@pytest.mark.parametrize(
    ("model_type", "version"), [("../x", "1.0.0"), ("a/b", "1.0.0"), ("effort", "1.0.0/.."), ("", "1.0.0")]
)
def test_type_and_version_cannot_leave_their_place(model_type, version):
    with pytest.raises(KeyRefused):
        model_key(model_type, version, NOON)


@pytest.mark.parametrize(
    ("project", "extension"), [("a/b", "npz"), ("..", "npz"), ("", "npz"), ("a", "n/pz"), ("a", "np z")]
)
def test_project_and_extension_cannot_leave_their_place(project, extension):
    with pytest.raises(KeyRefused):
        dataset_key(project, NOON, extension=extension)


def test_overlong_names_are_refused_before_a_file_system_does():
    with pytest.raises(KeyRefused):
        checked_key("a" * 256)
    with pytest.raises(KeyRefused):
        checked_key("/".join(["a"] * 513))
