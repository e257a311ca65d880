"""A training is a pure function: what it gave once in a run is given again, to whichever process asks the same.

Half a second each, some hundred and fifty times: most tests want a trained model and not a training. Those of the core
call it itself and are not touched.
"""

import hashlib
import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from django.conf import settings

Progress = Callable[[int, str], None]


@pytest.fixture(scope="session")
def remembered_trainings(shared_folder: Path) -> Iterator[None]:
    """The table of kinds trains through a memory."""
    from apps.ml.services.models.kinds import KINDS

    folder = shared_folder / "trainings"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        for model_type, kind in KINDS.items():
            patch.setitem(cast(dict[str, Any], KINDS), model_type, replace(kind, fit=remembered(kind.fit, folder)))
        yield


def remembered(fit: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    """`fit`, which is asked each thing once; its steps are told again too."""

    def answer(issues: Sequence[Any], *, progress: Progress, **options: Any) -> Any:
        asked = repr((fit.__name__, issues, sorted(options.items()), settings.ML_INTERVAL_LEVEL))
        kept = folder / hashlib.sha256(asked.encode()).hexdigest()
        if not kept.exists():
            steps: list[tuple[int, str]] = []

            def report(step: int, text: str) -> None:
                steps.append((step, text))
                progress(step, text)

            fitted = fit(issues, progress=report, **options)
            draft = kept.with_suffix(f".{os.getpid()}")
            draft.write_bytes(pickle.dumps((steps, fitted)))
            draft.rename(kept)
            return fitted
        steps, fitted = pickle.loads(kept.read_bytes())
        for step, text in steps:
            progress(step, text)
        return fitted

    return answer
