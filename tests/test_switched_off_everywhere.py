"""Where predictions are switched off, nothing that predicts is answered: every address of apps/ml is of one kind.

A new one is refused there until it stands among those that tell what was.
"""

import pytest

from apps.projects.models import Project
from tests.matrix_world import matrix
from tests.test_access_matrix import DOORS, ML, ask

__all__ = ["matrix"]
pytestmark = pytest.mark.django_db
#: What happened, and what was said of it before. A training is refused, too, once there is enough to learn from
#: (`apps/ml/tests/api/test_switched_off.py`).
TELLS_WHAT_WAS = {
    f"GET {ML}/projects/{{project_id}}/scorecard/",
    f"GET {ML}/projects/{{project_id}}/flow/",
    f"GET {ML}/projects/{{project_id}}/forecasts/",
    f"GET {ML}/projects/{{project_id}}/forecasts/{{forecast_id}}/",
    f"GET {ML}/projects/{{project_id}}/reference-stories/",
    f"POST {ML}/projects/{{project_id}}/similar/",
    f"GET {ML}/sprints/{{sprint_id}}/burndown/",
    f"GET {ML}/projects/{{project_id}}/anomalies/",
    f"GET {ML}/project-anomalies/{{project_id}}/",
    f"GET {ML}/projects/{{project_id}}/anomalies/{{anomaly_id}}/",
    f"PATCH {ML}/projects/{{project_id}}/anomalies/{{anomaly_id}}/",
    f"GET {ML}/models/",
    f"POST {ML}/models/train/",
    f"POST {ML}/models/rollback/",
    f"GET {ML}/models/{{model_id}}/",
    f"POST {ML}/models/{{model_id}}/activate/",
    f"GET {ML}/jobs/{{job_id}}/",
}


@pytest.mark.parametrize("by", ["a lead", "the installation"])
def test_what_predicts_is_refused(matrix, settings, by):
    if by == "a lead":
        Project.objects.filter(pk=matrix.ids["project_id"]).update(predictions_enabled=False)
    else:
        settings.ML_PREDICTIONS_ENABLED = False
    client = matrix.client("lead")
    predicts = [each for each in DOORS if f" {ML}/" in each and each not in TELLS_WHAT_WAS]

    answers = {operation: ask(client, operation, matrix.ids) for operation in predicts}

    assert len(answers) > 10
    assert {operation: code for operation, code in answers.items() if code != 409} == {}


def test_what_was_is_told(matrix):
    Project.objects.filter(pk=matrix.ids["project_id"]).update(predictions_enabled=False)
    client = matrix.client("lead")

    answers = {operation: ask(client, operation, matrix.ids) for operation in TELLS_WHAT_WAS}

    assert set(DOORS) > TELLS_WHAT_WAS
    assert {operation: code for operation, code in answers.items() if code == 409 and "models" not in operation} == {}
