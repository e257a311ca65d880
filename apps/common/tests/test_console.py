"""Progress in lines, and a quiet log while a person reads."""

import logging
from typing import Any

import pytest

from apps.common.console import only_warnings, step_display


def test_each_step_is_told_once_and_none_after_a_later_one(capsys: pytest.CaptureFixture[str]) -> None:
    with step_display(9) as progress:
        for step, text in (
            (4, "Fitting"),
            (5, "Folding"),
            (5, "Done"),
            (3, "Fitting"),
            (6, "Serialising"),
            (7, "Serialising"),
        ):
            progress(step, text)

    assert capsys.readouterr().err.splitlines() == ["[4/9] Fitting", "[5/9] Folding", "[6/9] Serialising"]


def test_nothing_is_told_where_a_script_reads(capsys: pytest.CaptureFixture[str]) -> None:
    with step_display(9, quiet=True) as progress:
        progress(1, "Collecting")

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("verbosity", "log_format", "is_told"), [(1, "plain", False), (2, "plain", True), (1, "json", True)]
)
def test_ordinary_work_is_logged_where_it_was_asked_for_or_a_machine_reads(
    verbosity: int, log_format: str, is_told: bool, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LOG_FORMAT = log_format
    logger = logging.getLogger("apps")
    monkeypatch.setattr(logger, "level", logging.INFO)

    with only_warnings(verbosity):
        assert logging.getLogger("apps").isEnabledFor(logging.INFO) == is_told
        assert logger.isEnabledFor(logging.WARNING)

    assert logger.level == logging.INFO
