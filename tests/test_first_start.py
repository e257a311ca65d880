"""Several processes start at once on a new installation."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = "from django.conf import settings; print(settings.SECRET_KEY)"


def test_processes_that_start_at_once_agree_on_one_secret_that_only_the_owner_reads(tmp_path: Path) -> None:
    environment = {**os.environ, "SCRUM_ML_VAR_DIR": str(tmp_path / "var"), "DJANGO_SETTINGS_MODULE": "base.settings"}
    environment.pop("SECRET_KEY", None)
    started = [
        subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]

    told = {process.communicate()[0].strip() for process in started}

    assert len(told) == 1
    assert len(told.pop()) > 50
    kept = tmp_path / "var" / "secret_key"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in kept.parent.glob("secret_key*")] == ["secret_key"]
