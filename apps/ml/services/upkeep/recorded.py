"""What rows say of objects in the store."""

from apps.ml.models import MLModel, TextSnapshot


def known_keys() -> set[str]:
    """The keys that rows of models name."""
    return set(recorded_digests())


def recorded_digests() -> dict[str, str]:
    """Of each key that a row of a model names, the digest that the row recorded."""
    columns = ("s3_key", "serving_key", "dataset_key", "digest", "serving_digest", "dataset_digest")
    rows = MLModel.objects.values_list(*columns).iterator()
    return {key: digest for row in rows for key, digest in zip(row[:3], row[3:], strict=True) if key}


def index_keys() -> set[str]:
    """The keys of indexes of texts; no backup holds them, since they are built again."""
    return set(TextSnapshot.objects.exclude(key="").values_list("key", flat=True))
