"""Installations of earlier states migrate to the present, and their models answer, or are replaced.

`earlier/` holds, by commit, the database and the model store of sixty invented issues with a trained effort model.
"""

import json
import re
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.processes import ROOT, Processes, kept_environment

EARLIER = Path(__file__).parent / "earlier"
KEYS = {"ML_SIGNING_KEYS": "earlier-signing-key", "SECRET_KEY": "earlier-secret-key-of-a-fixture"}
#: By commit, what its model says of this issue. That of 470058f said 2.335 when any of equally near neighbours might
#: speak, and now the latest does.
HOURS_THEN = {"470058f": 2.309062863623272, "f18822a": 2.30895196534238}
ASK = """
import json, logging
logging.disable()
from django.utils import timezone
from django.core.management import call_command
call_command("migrate", verbosity=0)
from apps.ml.core.records import IssueFacts
from apps.ml.models import MLModel
from apps.ml.services import ModelLoader, ModelTrainer
from apps.ml.services.effort.answering import answer_effort
from apps.ml.services.training.due import models_due
from apps.ml.services.upkeep.verification import verify_store
model = MLModel.objects.get()
verified = [finding.fault for finding in verify_store(now=timezone.now()).findings]
issue = IssueFacts("Change the label of part 3")
given = answer_effort(issue, model.project_id)
due = [due.reason for due in models_due(now=timezone.now()) if due.model_type == "effort_prediction"]
healed = None
if given.model is None:
    ModelTrainer().train_effort_prediction_model(model.project_id, now=timezone.now())
    healed = answer_effort(issue, model.project_id).answer.method
print(json.dumps([verified, given.answer.method, given.answer.predicted_hours, due, healed]))
"""


def upgraded(commit, directory):
    """What the present makes of an installation of then."""
    with tarfile.open(EARLIER / f"{commit}.tar.gz") as archive:
        for member in archive:
            (directory / member.name).parent.mkdir(parents=True, exist_ok=True)
            (directory / member.name).write_bytes(archive.extractfile(member).read())
    with closing(sqlite3.connect(directory / "db.sqlite3")) as database:
        # Constraints of Django's ask it for what SQLite does not have.
        database.create_function("REGEXP", 2, lambda pattern, text: bool(re.search(pattern, str(text))))
        database.executescript((directory / "db.sql").read_text())
    environment = {**kept_environment(), **KEYS, "SCRUM_ML_VAR_DIR": str(directory), "OMP_NUM_THREADS": "1"}
    processes = Processes(directory, environment | {"PYTHONPATH": str(ROOT)})
    return json.loads(processes.script(ASK).splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("commit", HOURS_THEN)
def test_a_model_of_an_earlier_state_verifies_and_answers_as_it_did(tmp_path, commit):
    verified, method, hours, due, healed = upgraded(commit, tmp_path)

    assert (verified, method, due, healed) == ([], "ml_model", [], None)
    assert hours == pytest.approx(HOURS_THEN[commit], abs=1e-6)


@pytest.mark.slow
def test_a_model_of_a_layout_that_is_not_read_any_more_is_replaced(tmp_path):
    """It verified, loaded and gave 500 to every prediction, and training again did not heal it."""
    verified, method, hours, due, healed = upgraded("2f13f9f", tmp_path)

    assert verified == []
    assert method == "similarity"
    assert hours > 0
    assert due[0].startswith("it cannot answer")
    assert healed == "ml_model"
