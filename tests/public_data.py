"""The public data that some tests run on: `SCRUM_ML_DATA` names their folder, and without it those are skipped."""

from pathlib import Path

import pytest

from apps.ml.benchmarks.runs import data_folder

#: docs/reference/data.md says what lies there; no such path where no folder is named.
PUBLIC_DATA = data_folder() or Path("SCRUM_ML_DATA is not set")


def needs_public(name: str) -> pytest.MarkDecorator:
    """Skip a test where this file or folder of the public data is missing."""
    return pytest.mark.skipif(
        not (PUBLIC_DATA / name).exists(), reason=f"SCRUM_ML_DATA names no folder with {name}: docs/reference/data.md"
    )
