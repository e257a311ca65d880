"""The cross-project prior: what ships, and how it is made."""

from importlib import resources

import numpy as np
import pytest

from apps.ml.core.artifact import ArtifactCorrupted, loads
from apps.ml.core.points import load_prior
from apps.ml.core.points.features import FAMILIES, SHAPE_NAMES, bucket, extract, field_tokens
from apps.ml.core.points.prior import KIND, PointsPrior, rounded
from apps.ml.core.points.prior_training import ProjectHistory, local_ranks, train_prior
from apps.ml.core.records import IssueFacts
from apps.ml.tests.core.points.teams import telling_team

LARGEST_FILE_BYTES = 1_500_000


def history(seed: int) -> ProjectHistory:
    team = telling_team(150, seed=seed)
    keys = [f"{seed}-{each.issue_id}" for each in team]
    return ProjectHistory(keys, [extract(each.facts) for each in team], np.array([each.story_points for each in team]))


def test_the_shipped_prior_is_small_and_holds_numbers_only() -> None:
    data = (resources.files("apps.ml.core.points") / "data" / "points_prior.npz").read_bytes()

    read = loads(data, kind=KIND)

    assert len(data) <= LARGEST_FILE_BYTES
    assert {array.dtype.kind for array in read.arrays.values()} == {"f", "u"}
    assert set(read.meta) == {"intercept", "slope", "version", "shape_names"}


def test_the_shipped_prior_is_read_once() -> None:
    assert load_prior() is load_prior()


def test_a_prior_learned_on_some_teams_knows_the_size_of_anothers_issues() -> None:
    prior = train_prior({str(seed): history(seed) for seed in range(4)}, version="t")
    other = history(9)

    scores = np.array([prior.score(raw) for raw in other.raw])

    assert np.corrcoef(scores, other.points)[0, 1] > 0.8
    assert abs(scores.mean()) < 0.3
    assert scores.std() == pytest.approx(1.0, abs=0.3)
    assert prior.slope > 0.5


def test_the_same_projects_give_the_same_prior() -> None:
    projects = {str(seed): history(seed) for seed in range(3)}

    assert (
        train_prior(projects, version="t").to_bytes()
        == train_prior(dict(reversed(projects.items())), version="t").to_bytes()
    )


def test_half_precision_hardly_moves_a_score() -> None:
    prior = train_prior({str(seed): history(seed) for seed in range(3)}, version="t")
    raw = extract(IssueFacts(title="migration of the list", description="for users when admin shows"))

    assert rounded(prior).score(raw) == pytest.approx(prior.score(raw), abs=0.01)


def test_a_project_is_recognised_by_its_issue_keys_and_not_by_its_name() -> None:
    prior = train_prior({"a": history(0), "b": history(1)}, version="t")

    assert prior.knows(history(0).issue_keys)
    assert prior.knows([*history(0).issue_keys, "NEW-1", "NEW-2"])
    assert not prior.knows(history(5).issue_keys)
    assert not prior.knows([])


def test_a_prior_for_other_features_is_refused() -> None:
    with pytest.raises(ArtifactCorrupted):
        PointsPrior.from_bytes(b"no prior")


def test_local_ranks_compare_with_neighbours_in_time_only() -> None:
    drifting = np.concatenate([np.tile([1.0, 2.0], 150), np.tile([10.0, 20.0], 150)])

    ranks = local_ranks(drifting)

    assert ranks[0] == pytest.approx(-0.5, abs=0.05)
    assert ranks[-1] == pytest.approx(0.5, abs=0.05)


def test_every_text_feature_has_a_name() -> None:
    raw = extract(IssueFacts(title="Add an API", description="* one\n* two {code}x(){code}"))

    assert raw.shape.shape == (len(SHAPE_NAMES),)
    assert len(set(SHAPE_NAMES)) == len(SHAPE_NAMES)
    assert len(SHAPE_NAMES) > 2 * len(FAMILIES)


def test_points_and_hours_are_never_features() -> None:
    bare = extract(IssueFacts(title="one", description="two"))
    told = extract(IssueFacts(title="one", description="two", story_points=8.0, estimated_hours=40.0))

    assert np.array_equal(bare.shape, told.shape)
    assert all(np.array_equal(a.buckets, b.buckets) for a, b in zip(bare.words, told.words, strict=True))


def test_a_token_has_the_same_bucket_in_every_process() -> None:
    assert bucket("migration") == 13_762


def test_what_is_not_known_of_an_issue_gives_no_token() -> None:
    facts = IssueFacts(title="x", issue_type="Bug", labels=("ui", " "), priority=2.0)

    assert field_tokens(facts) == ["type=bug", "label=ui", "priority=2"]


def test_a_description_is_read_up_to_a_limit() -> None:
    long = extract(IssueFacts(title="x", description="word " * 100_000))

    assert long.words[1].counts.tolist() == [1600.0]
