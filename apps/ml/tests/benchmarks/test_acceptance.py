"""Targets: limits in words, and the verdict on what was measured."""

from math import inf

import pytest

from apps.ml.benchmarks.acceptance import Criterion, Goal, acceptance_table, at_least, at_most, figure, judged, shown


@pytest.mark.parametrize(
    ("goal", "value", "verdict"),
    [
        (at_most(0.9, 0.8), 0.8, "stretch target met"),
        (at_most(0.9, 0.8), 0.9, "target met"),
        (at_most(0.9, 0.8), 0.91, "target missed"),
        (at_least(0.5, 0.6), 0.49, "target missed"),
        (Goal((0.76, 0.84), (0.78, 0.82)), 0.83, "target met"),
        (at_least(0.5), 0.7, "target met"),
        (at_least(None, 0.6), 0.7, "stretch target met"),
        (at_least(None, 0.6), 0.5, "stretch target missed"),
        (at_most(0.9, 0.8), None, "not measured"),
        (None, 0.1, "not asked"),
    ],
)
def test_a_measure_is_held_to_its_limits_ends_included(goal, value, verdict):
    (row,) = judged([Criterion("m", figure("m"), goal)], {"m": value})

    assert row["verdict"] == verdict


def test_limits_are_told_in_words():
    goals = (at_most(0.85, -0.04), at_least(65, 80), Goal((0.76, 0.84), (0.0, inf)), Goal((-inf, inf), (1.0, 2.0)))

    told = [(row["target"], row["stretch_target"]) for row in judged([_about(goal) for goal in goals], {})]

    assert told == [
        *(("<= 0.85", "<= -0.04"), (">= 65", ">= 80"), ("0.76 to 0.84", ">= 0"), ("-", "1 to 2")),
    ]


def _about(goal):
    return Criterion("m", figure("m"), goal)


def test_withheld_data_have_targets_of_their_own():
    criterion = Criterion("m", figure("a", "m"), at_most(2.0, 1.0), withheld=at_most(0.9, 0.5))

    rows = [judged([criterion], {"a": {"m": 1.5}}, withheld=withheld)[0]["verdict"] for withheld in (False, True)]

    assert rows == ["target met", "target missed"]


def test_the_table_tells_every_row_with_its_figure():
    rows = judged([Criterion("loss", figure("loss"), at_most(0.9, 0.8)), Criterion("share", figure("x", "y"), None)],
                  {"loss": 0.8341})  # fmt: skip

    assert acceptance_table(rows) == [
        "       target  stretch target  measured     verdict",
        "loss   <= 0.9          <= 0.8     0.834  target met",
        "share       -               -         -   not asked",
    ]


def test_figures_above_ten_have_one_digit_behind_the_point():
    assert [shown(value) for value in (0.12345, -9.87654, 85.34, None)] == ["0.123", "-9.877", "85.3", "-"]
    assert shown(0.756, ".0%") == "76%"
