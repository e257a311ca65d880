"""Object keys, built and parsed: pure text, no I/O.

    ml_models/{type}/{version}/{YYYYMMDD_HHMMSS}/model.joblib      opened by training and diagnosis only
    ml_models/{type}/{version}/{YYYYMMDD_HHMMSS}/serving.npz       all that a web process loads
    ml_datasets/{project or "global"}/training_set_{YYYYMMDD}.{extension}
    ml_indexes/{project}/texts_{YYYYMMDD_HHMMSS}.npz               what similar issues are found by
    ml_written_by/{installation}/{any of the above}                empty: which installation wrote the object

A second object of the same second (or, for data sets, of the same day) gets `-2`, `-3` … after its time stamp.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from apps.ml.storage.errors import KeyRefused

MODELS = "ml_models"
MARKS = "ml_written_by"
DATASETS = "ml_datasets"
INDEXES = "ml_indexes"
TOPS = (MODELS, MARKS, DATASETS, INDEXES)
#: Nothing of use is ever stored below it.
NOTHING = f"{MODELS}/health"
MODEL_FILE = "model.joblib"
SERVING_FILE = "serving.npz"
GLOBAL = "global"
#: Amazon S3's own limit on a key, in bytes; a file system's limit on one name is 255.
MAX_KEY_LENGTH = 1024
_MAX_SEGMENT_LENGTH = 255
# No segment starts with a dot, so neither `..` nor a hidden file can be named, and `#`, which the directory engine uses
# for files it has not finished writing, cannot occur.
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_TYPE = r"(?P<model_type>[a-z][a-z0-9_]*)"
_VERSION = r"(?P<version>\d+\.\d+\.\d+)"
_STAMP = r"(?P<stamp>\d{8}_\d{6})(?:-(?P<attempt>[1-9]\d*))?"
_MODEL_KEY = re.compile(rf"{MODELS}/{_TYPE}/{_VERSION}/{_STAMP}/(?P<file>model\.joblib|serving\.npz)", re.ASCII)
_STAMP_FORMAT = "%Y%m%d_%H%M%S"
_FILE = re.compile(
    r"model\.joblib|serving\.npz|training_set_\d{8}(-\d+)?\.[a-z0-9.]+|texts_\d{8}_\d{6}(-\d+)?\.npz", re.ASCII
)


@dataclass(frozen=True, slots=True)
class ModelKey:
    """Where the two artefacts of one training lie.

    Attributes
    ----------
    trained_at : datetime
        In UTC, whole seconds.
    attempt : int
        1, or 2, 3 … for further trainings of the same type and version within one second.
    """

    model_type: str
    version: str
    trained_at: datetime
    attempt: int = 1

    @property
    def directory(self) -> str:
        suffix = f"-{self.attempt}" if self.attempt > 1 else ""
        return f"{MODELS}/{self.model_type}/{self.version}/{self.trained_at.strftime(_STAMP_FORMAT)}{suffix}"

    @property
    def model(self) -> str:
        return f"{self.directory}/{MODEL_FILE}"

    @property
    def serving(self) -> str:
        return f"{self.directory}/{SERVING_FILE}"


def model_key(model_type: str, version: str, trained_at: datetime, *, attempt: int = 1) -> ModelKey:
    """Build the key of a training.

    Raises
    ------
    KeyRefused
        If the type or version could not be read back from the key.
    ValueError
        If the time has no time zone.
    """
    key = ModelKey(model_type, version, _utc_second(trained_at), attempt)
    if parse_model_key(key.model) != key:
        raise KeyRefused(f"No model key can be built from type {model_type!r} and version {version!r}.")
    return key


def parse_model_key(key: str) -> ModelKey:
    """Read the key of either artefact of a training.

    Raises
    ------
    KeyRefused
        If it is not exactly what `model_key` builds.
    """
    match = _MODEL_KEY.fullmatch(key)
    if match is None or match["attempt"] == "1":
        raise KeyRefused(f"Not the key of a model: {key!r:.200}.")
    try:
        trained_at = datetime.strptime(match["stamp"], _STAMP_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise KeyRefused(f"The key of a model names no real time: {key!r:.200}.") from error
    return ModelKey(match["model_type"], match["version"], trained_at, int(match["attempt"] or 1))


def models_prefix(model_type: str | None = None) -> str:
    """Under which all models, or all of one type, lie."""
    return MODELS if model_type is None else checked_key(f"{MODELS}/{model_type}")


def dataset_key(project_id: object | None, day: datetime, *, extension: str, attempt: int = 1) -> str:
    """Build the key of a training set; None stands for all projects together.

    Raises
    ------
    KeyRefused
        If project or extension cannot stand in a key.
    """
    scope = GLOBAL if project_id is None else str(project_id)
    suffix = f"-{attempt}" if attempt > 1 else ""
    name = f"training_set_{_utc_second(day):%Y%m%d}{suffix}.{extension}"
    if "/" in scope or "/" in name:
        raise KeyRefused(f"A project or extension holds a slash: {scope!r:.100}, {extension!r:.100}.")
    return checked_key(f"{DATASETS}/{scope}/{name}")


def index_key(project_id: object, moment: datetime, *, attempt: int = 1) -> str:
    """Build the key of an index of a project's texts.

    Raises
    ------
    KeyRefused
        If the project cannot stand in a key.
    """
    suffix = f"-{attempt}" if attempt > 1 else ""
    return checked_key(f"{INDEXES}/{project_id}/texts_{_utc_second(moment).strftime(_STAMP_FORMAT)}{suffix}.npz")


def mark_key(installation: object, key: str) -> str:
    """Build the key of the mark that an installation has written an object."""
    return checked_key(f"{MARKS}/{installation}/{key}")


def checked_key(key: str) -> str:
    """Return the key if every segment of it is plain.

    Raises
    ------
    KeyRefused
        For empty or dotted segments, other characters than letters, digits and `._-`, and overlong keys.
    """
    if not is_plain(key):
        raise KeyRefused(f"Not a key of the model store: {key!r:.200}.")
    return key


def is_plain(key: str) -> bool:
    """Whether this service could have written the key."""
    segments = key.split("/")
    plain = all(_SEGMENT.fullmatch(name) and len(name) <= _MAX_SEGMENT_LENGTH for name in segments)
    return plain and len(key) <= MAX_KEY_LENGTH


def is_name_of_a_file(name: str) -> bool:
    """Whether the last part of a key that this service builds is called so."""
    return _FILE.fullmatch(name) is not None


def _utc_second(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("The time of a key needs a time zone.")
    return moment.astimezone(UTC).replace(microsecond=0)
