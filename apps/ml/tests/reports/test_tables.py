"""What a training's report says of hours: its sentence is about the issues of its table, or says of which it is."""

import pytest
from django.utils import timezone

from apps.ml.models import MLModel
from apps.ml.reports.tables import training_report
from apps.ml.services.model_trainer import Training
from apps.ml.services.models.champion import Verdict

FIRST = Verdict(True, "It is the first of its kind.")


def head(mae, malr, *, n_test=22, beats=True, baseline=(5.0, 1.0), human=(None, None)):
    return {
        "mae": mae,
        "malr": malr,
        "coverage": 0.75,
        "baseline_mae": baseline[0],
        "baseline_malr": baseline[1],
        "human_mae": human[0],
        "human_malr": human[1],
        "n_train": 98,
        "n_test": n_test,
        "beats_baseline": beats,
    }


def report(plain, informed=None):
    model = MLModel(
        model_type="effort_prediction",
        version="1.1.0",
        training_samples=120,
        trained_at=timezone.now(),
        metrics=plain | {"with_estimate": informed},
    )
    return training_report(Training(model, FIRST), "project TEAM").text


def test_a_gain_on_all_and_on_the_newest_is_one_sentence():
    assert "It beats the naive baseline on issues it had not seen, the newest among them." in report(head(4.0, 0.8))


def test_a_loss_on_the_newest_is_told_beside_the_gain_on_all():
    text = report(head(6.0, 1.2))

    assert "On the newest 22 the baseline was better; over all issues it had not seen the model was" in text
    assert "It beats" not in text


def test_a_gain_on_the_newest_that_may_be_chance_is_told_so():
    text = report(head(4.0, 0.8, beats=False))

    assert "On the newest 22 the model was better; over all issues it had not seen its gain is too small" in text
    assert "it answers with the baseline and says so." in text


def test_a_loss_on_all_and_on_the_newest_is_one_sentence():
    assert "Nothing beats the naive baseline here yet" in report(head(6.0, 1.2, beats=False))


def test_hours_and_ratios_that_disagree_are_both_told():
    assert "On the newest 22 the model was better by ratios, the baseline was better by hours;" in report(
        head(6.0, 0.8)
    )


def test_the_range_is_shown_beside_its_promise(settings):
    settings.ML_INTERVAL_LEVEL = 0.9

    assert "range holds (promised 0.900)  0.750" in report(head(4.0, 0.8))


def test_a_team_that_estimates_sees_what_is_served_with_its_estimate():
    lines = report(head(4.0, 0.8, human=(3.9, 0.7)), head(3.0, 0.5, n_test=18, human=(3.5, 0.6))).splitlines()

    (columns,) = (line.split("  ") for line in lines if "naive baseline" in line and "model" in line)
    assert [each.strip() for each in columns if each] == [
        "model",
        "with the team's estimate",
        "naive baseline",
        "team's estimate",
    ]
    (errors,) = (line.split() for line in lines if line.startswith("mean absolute error"))
    assert errors[-4:] == ["4.000", "3.000", "5.000", "3.500"]
    assert "(with the team's estimate, and their own: the 18 that were estimated)" in lines


@pytest.mark.parametrize(
    ("human", "said"),
    [
        ((3.5, 0.6), "the model with the team's estimate was better."),
        ((2.5, 0.4), "the team's estimate alone was better."),
        ((3.0, 0.5), "the model with the team's estimate was as good as the team's estimate alone."),
        (
            (2.5, 0.6),
            "the model with the team's estimate was better by ratios, the team's estimate alone was better by hours.",
        ),
    ],
)
def test_whether_the_model_adds_to_the_teams_estimate_is_said(human, said):
    assert f"Of the 18 that the team had estimated, {said}" in report(
        head(4.0, 0.8), head(3.0, 0.5, n_test=18, human=human)
    )


def test_without_estimates_nothing_is_said_of_them():
    text = report(head(4.0, 0.8))

    assert "estimated" not in text
    assert "team's estimate" not in text


def test_a_range_that_did_not_hold_is_told_in_the_first_line():
    # 54 % of 72 where 80 % is promised; of 22, 75 % may be chance.
    first, *_ = report(head(4.0, 0.8) | {"coverage": 0.54, "n_test": 72}, head(3.0, 0.5)).splitlines()

    assert first.endswith("120 completed issues. The 80% range held 54% of 72 issues: what is served is wider for it.")


def test_a_range_that_held_is_not_mentioned_there():
    first, *_ = report(head(4.0, 0.8), head(3.0, 0.5)).splitlines()

    assert first.endswith("120 completed issues.")
