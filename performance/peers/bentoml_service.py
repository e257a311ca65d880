"""Runs in BentoML's own environment: one endpoint with the pipeline, as its documentation has it."""

import os

import bentoml
import joblib
import numpy as np
import pandas as pd


@bentoml.service(workers=int(os.environ["PEER_WORKERS"]), traffic={"timeout": 30})
class Hours:
    """Hours from title and type."""

    def __init__(self) -> None:
        self.pipeline = joblib.load(os.environ["PEER_PIPELINE"])

    @bentoml.api
    def predict(self, title: str, issue_type: str) -> float:
        """The hours of one issue."""
        frame = pd.DataFrame([[title, issue_type]], columns=["title", "issue_type"])
        return float(np.exp(self.pipeline.predict(frame))[0])
