"""The whole loop on PostgreSQL, Valkey and SeaweedFS, through web server, worker and beat as processes.

Import → training → bucket → activation → prediction in another process → outcome → more issues → training → verdict.
"""

import csv
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.topology import Installation, installation

pytestmark = pytest.mark.engine
#: Issues at first, and how many more make a training due (20 %) and two models comparable (20 among the newest).
FIRST, MORE = 120, 45
EVERY = timedelta(hours=6)
HOURS = {"Rename": 1.0, "Connect": 6.0, "Rewrite": 20.0}
#: Beat was away for an hour, and sends at once what it missed; else this test would wait up to a minute.
BEAT_WAS_AWAY = """
import os
from datetime import timedelta
from base.beat import SteadyScheduler
from base.celery import app
schedule = SteadyScheduler(app, schedule_filename=os.environ["BEAT_SCHEDULE"])
for entry in schedule.schedule.values():
    entry.last_run_at -= timedelta(hours=1)
schedule.close()
"""


@pytest.fixture
def team(tmp_path, postgres_server, valkey_server, s3_server) -> Iterator[Installation]:
    with installation(tmp_path, postgres_server, valkey_server, s3_server) as made:
        yield made


def backlog(file: Path, count: int, *, until: datetime) -> Path:
    """Finished issues, the last one `until`; what is done, and by chance a little more or less, makes the hours."""
    rng = random.Random(0)
    header = ["Issue key", "Summary", "Issue Type", "Status", "Created", "Resolved", "Actual Hours"]
    rows = []
    for number in range(count):
        verb, resolved = rng.choice(list(HOURS)), until - EVERY * (FIRST + MORE - number)
        hours = HOURS[verb] * math.exp(0.3 * rng.gauss(0, 1))
        created = resolved - timedelta(hours=30)
        title = f"{verb} part {number % 17}"
        row = [f"L-{number}", title, "Task", "Done", created.isoformat(), resolved.isoformat(), round(hours, 2)]
        rows.append(row)
    with file.open("w", newline="") as out:
        csv.writer(out).writerows([header, *rows])
    return file


def stored(s3, prefix: str) -> set[str]:
    """File names in the bucket, as an independent client sees them."""
    found = s3.client().list_objects_v2(Bucket=s3.bucket, Prefix=f"{prefix}/").get("Contents", [])
    return {each["Key"].rpartition("/")[2] for each in found}


def test_a_team_imports_trains_predicts_learns_the_outcome_and_trains_again(team: Installation, s3_server, tmp_path):
    now = datetime.now(UTC)
    file = backlog(tmp_path / "first.csv", FIRST, until=now)
    team.start_worker()
    team.start_web()
    team.manage("import_issues", str(file), "--project", "LOOP", "--create-project", "--lead", "lead@example.com")
    team.wait_until_live()
    [project] = team.get("/api/v1/projects/").body["results"]
    scope = {"model_type": "effort_prediction", "project_id": project["id"]}

    # A training that is asked for over HTTP is done by the worker, stored in the bucket, and serves.
    queued = team.post("/api/v1/ml/models/train/", scope)
    assert queued.status == 202
    job = team.wait_for(lambda: finished(team, queued.headers["Location"]))
    assert (job["state"], job["failure_reason"]) == ("succeeded", "")
    first = team.get(f"/api/v1/ml/models/{job['model_id']}/").body
    assert (first["version"], first["is_active"], first["training_samples"]) == ("1.0.0", True, FIRST)
    assert {"model.joblib", "serving.npz"} < stored(s3_server, team.environment["AWS_STORAGE_PREFIX"])

    # Another process answers with it.
    issues = f"/api/v1/projects/{project['id']}/issues/"
    issue = team.post(issues, {"title": "Rewrite part 3", "issue_type": "task"}).body
    said = team.post("/api/v1/ml/predict-effort/", {"project_id": project["id"], "issue_id": issue["id"]}).body
    assert (said["method"], said["model_version"]) == ("ml_model", "1.0.0")

    # The issue is finished over HTTP; beat and worker find out.
    assert team.patch(f"{issues}{issue['id']}/", {"status": "Done", "actual_hours": 18.0}).status == 200
    team.script(BEAT_WAS_AWAY)
    team.start_beat()
    outcome = team.wait_for(
        lambda: team.query("select actual_value, predicted_value from ml_predictionhistory where scored_at is not null")
    )
    assert outcome == (18.0, pytest.approx(said["predicted_hours"], abs=0.06))

    # More issues are finished elsewhere; the weekly plan trains a challenger and compares it with the champion.
    file = backlog(tmp_path / "second.csv", FIRST + MORE, until=now)
    team.manage("import_issues", str(file), "--project", "LOOP")
    team.send("apps.ml.tasks.retrain_ml_models")
    second = team.wait_for(lambda: newest_but(team, first["id"]))
    comparison = second["metrics"]["comparison"]
    assert (second["version"], comparison["champion"]) == ("1.1.0", "1.0.0")
    assert comparison["n"] >= 20
    better = comparison["challenger_error"] < comparison["champion_error"]
    assert second["is_active"] == (better and comparison["challenger_error"] <= comparison["baseline_error"])
    assert team.query("select count(*) from ml_mlmodel where is_active") == (1,)
    assert team.manage("verify_ml_models") == "2 models, 6 objects: all as recorded."


def finished(team: Installation, address: str) -> dict | None:
    job = team.get(address).body
    return job if job["state"] in ("succeeded", "failed") else None


def newest_but(team: Installation, model_id: str) -> dict | None:
    """The model that was trained after one."""
    others = [each for each in team.get("/api/v1/ml/models/").body["results"] if each["id"] != model_id]
    return team.get(f"/api/v1/ml/models/{others[0]['id']}/").body if others else None
