"""The z-score and the doubled week, for those who ask for them."""

import pytest

from apps.ml.core.anomalies.seed import doubled_creation, z_score_drop


def test_a_sprint_at_nothing_after_four_at_a_hundred_is_critical():
    found = z_score_drop([100.0, 100.0, 100.0, 100.0, 0.0])

    assert (found.severity, found.expected, found.actual) == ("critical", 100.0, 0.0)


@pytest.mark.parametrize(
    ("latest", "severity"), [(90, None), (85, "low"), (80, "medium"), (75, "high"), (70, "critical"), (130, None)]
)
def test_every_severity_lies_so_many_standard_deviations_below_the_mean(latest, severity):
    # Mean 100, standard deviation 10.
    found = z_score_drop([90.0, 100.0, 110.0, float(latest)])

    assert (found and found.severity) == severity


def test_three_sprints_are_too_few():
    assert z_score_drop([100.0, 100.0, 0.0]) is None


@pytest.mark.parametrize(
    ("latest", "severity"), [(8, None), (9, "low"), (13, "medium"), (17, "high"), (25, "critical")]
)
def test_more_than_twice_the_mean_of_three_weeks_is_a_spike(latest, severity):
    found = doubled_creation([50, 4, 4, 4, latest])

    assert (found and found.severity) == severity


@pytest.mark.parametrize("weeks", [[], [1, 2, 9], [0, 0, 0, 9]])
def test_without_three_weeks_of_issues_nothing_has_doubled(weeks):
    assert doubled_creation(weeks) is None
