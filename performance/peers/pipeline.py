"""Runs in a peer's own environment: the pipeline that both peers serve, hours from title and type, and how to keep it.

`pipeline.py KIND TASKS FOLDER` trains it on a JSON list of tasks and writes it as MLflow or BentoML serves it.
"""

import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder


def trained(tasks: Path) -> Pipeline:
    """What a team would put there: words, type, a linear model of log hours."""
    frame = pd.read_json(tasks)
    columns = ColumnTransformer(
        [("title", TfidfVectorizer(), "title"), ("type", OneHotEncoder(handle_unknown="ignore"), ["issue_type"])]
    )
    return make_pipeline(columns, Ridge()).fit(frame[["title", "issue_type"]], np.log(frame["hours"]))


def main(kind: str, tasks: Path, folder: Path) -> None:
    """Train and keep."""
    pipeline = trained(tasks)
    if kind == "bentoml":
        folder.mkdir()
        joblib.dump(pipeline, folder / "pipeline.joblib")
        return
    import mlflow.sklearn

    mlflow.sklearn.save_model(pipeline, folder, serialization_format="cloudpickle")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
