"""Every management command of ours is for scripts, too: `--json` prints JSON and nothing else."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command, get_commands, load_command_class

from apps.ml.models import MLModel
from apps.notifications.models import Delivery
from apps.notifications.services.announcing import announce
from apps.notifications.tests.factories import WebhookFactory, news
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory
from conftest import NOW

OURS = {name: app for name, app in get_commands().items() if str(app).startswith("apps.")}
#: What has an outcome of another kind.
WITHOUT = {"mcp": "speaks JSON-RPC", "report": "writes a page", "benchmark": "each has its own --json FILE"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_command_prints_json_where_a_script_would_want_it(name):
    parser = load_command_class(OURS[name], name).create_parser("manage.py", name)
    options = {option for action in parser._actions for option in action.option_strings}

    assert ("--json" in options) != (name in WITHOUT)


def said(*words: str) -> Any:
    out = StringIO()
    call_command(*words, "--json", stdout=out)
    return json.loads(out.getvalue())


@pytest.mark.django_db
class TestWhatIsPrinted:
    def test_findings_of_projects(self):
        ProjectFactory(key="SHOP")

        assert said("detect_anomalies") == [
            {"project": "SHOP", "out_of_step": [], "anomalies": [], "new_urgent_risks": 0}
        ]

    def test_deliveries_that_were_given_up(self):
        webhook = WebhookFactory()
        announce(webhook.project, [news()], now=NOW)
        Delivery.objects.update(state="failed", finished_at=NOW, failure_reason="The receiver answered 404.")

        printed = said("failed_deliveries", "--days", "9999", "--retry")

        assert [each["reason"] for each in printed["failed"]] == ["The receiver answered 404."]
        assert printed["retried"] == 1

    def test_what_was_erased(self):
        member = TeamMemberFactory()

        printed = said("erase_person", member.user.email)

        assert printed["counts"]
        assert printed["record"]

    def test_a_backup(self, tmp_path: Path):
        printed = said("backup", str(tmp_path / "kept.backup"))

        assert printed["bytes"] == (tmp_path / "kept.backup").stat().st_size

    def test_trainings_and_models(self):
        assert said("retrain_ml_models") == {"queued": [], "sent": 0}
        assert said("list_ml_models") == []
        assert not MLModel.objects.exists()
