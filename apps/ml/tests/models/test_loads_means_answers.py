"""A model is asked once before it serves: what loads and cannot answer is refused, counted, and replaced."""

import numpy as np
import pytest

from apps.common.operations.metrics import FALLBACKS
from apps.ml.core import artifact, zipped
from apps.ml.core.records import IssueFacts
from apps.ml.core.training.shared_words import SHARED_RULE
from apps.ml.core.trees import FlatTrees
from apps.ml.health import active_models
from apps.ml.models import MLModel
from apps.ml.services import ModelLoader, ModelTrainer
from apps.ml.services.effort.answering import answer_effort
from apps.ml.services.models.kinds import identity_of
from apps.ml.services.models.registry import NotActivatable, require_sound
from apps.ml.services.training.due import models_due
from apps.ml.storage import get_object_store
from apps.ml.storage.signing import digest, sign

pytestmark = pytest.mark.django_db
EFFORT = "effort_prediction"


def exchange(model, data):
    """Store other bytes as if an earlier version had trained them: signed, of the right kind, whole."""
    store = get_object_store()
    store.delete(model.serving_key)
    store.put(model.serving_key, data)
    model.serving_digest = digest(data)
    model.serving_signature = sign(model.serving_digest, of=identity_of(model))
    model.save()


@pytest.fixture
def mute(trained):
    """A model whose neighbours have another shape than this code reads: it loads, and fails when it is asked."""
    found = artifact.loads(get_object_store().get(trained.serving_key), kind="effort")
    arrays = found.arrays | {"neighbour_fields": found.arrays["neighbour_fields"].T}
    exchange(trained, artifact.dumps("effort", arrays, found.meta))
    ModelLoader().clear_cache()
    return trained


def refusals():
    return FALLBACKS.labels(type=EFFORT, reason="artifact_corrupted")._value.get()


def test_a_model_that_loads_and_cannot_answer_falls_through_and_is_counted(mute, team):
    before = refusals()

    given = answer_effort(IssueFacts("Change the label of part 3"), team.id)

    assert (given.model, given.answer.method) == (None, "similarity")
    assert refusals() == before + 1
    mute.refresh_from_db()
    assert mute.refusal == "The model loads and cannot answer: ValueError."


def test_what_is_signed_and_unpacks_to_too_much_falls_through_and_is_replaced(trained, team, now, monkeypatch):
    found = artifact.loads(get_object_store().get(trained.serving_key), kind="effort")
    more = {"more": np.zeros(2**20)}
    exchange(trained, artifact.dumps("effort", found.arrays | more, found.meta))
    monkeypatch.setattr(zipped, "MOST_UNPACKED_BYTES", 2**20)
    ModelLoader().clear_cache()
    before = refusals()

    given = answer_effort(IssueFacts("Change the label of part 3"), team.id)

    assert (given.model, given.answer.method) == (None, "similarity")
    assert refusals() == before + 1
    trained.refresh_from_db()
    assert trained.refusal == "The serving artefact is refused: it unpacks to more than 1 MiB."
    assert ModelTrainer().train_effort_prediction_model(team.id, now=now).is_active


def test_what_is_signed_and_answers_with_no_numbers_beside_its_hours_falls_through(trained, team):
    found = artifact.loads(get_object_store().get(trained.serving_key), kind="effort")
    errors = {name: held * np.nan for name, held in found.arrays.items() if name.endswith("standard_errors")}
    assert errors
    exchange(trained, artifact.dumps("effort", found.arrays | errors, found.meta))
    ModelLoader().clear_cache()

    given = answer_effort(IssueFacts("Change the label of part 3"), team.id)

    assert (given.model, given.answer.method) == (None, "similarity")
    trained.refresh_from_db()
    assert trained.refusal == "The model answers with what is no number."


@pytest.mark.parametrize("depth", [1e300, 4.0, -1.0])
def test_trees_that_would_be_walked_without_end_are_refused_as_they_are_read(depth):
    """All processes that load models would hang in it."""
    nodes = np.zeros(3, dtype=np.int32)
    arrays = dict.fromkeys(("feature", "left", "right", "roots", "threshold", "value"), nodes)

    with pytest.raises(ValueError, match="no deeper than they have nodes"):
        FlatTrees.from_arrays(arrays | {"shape": np.array([depth, 0.0])}, "")
    assert FlatTrees.from_arrays(arrays | {"shape": np.array([3.0, 0.0])}, "").predict(np.zeros(1)) == 0.0


def test_it_is_due_without_one_new_issue_and_the_next_training_replaces_it(mute, team, now):
    assert EFFORT not in {due.model_type for due in models_due(now=now)}
    ModelLoader().load_active_model(EFFORT, team.id)

    [due] = [due for due in models_due(now=now) if due.model_type == EFFORT]
    healed = ModelTrainer().train_effort_prediction_model(team.id, now=now)

    assert due.reason.startswith("it cannot answer")
    assert healed.is_active
    assert answer_effort(IssueFacts("Change the label of part 3"), team.id).model.id == healed.id


def test_a_model_of_all_projects_that_learned_by_an_earlier_rule_is_refused_and_replaced(team, now):
    earlier = ModelTrainer().train_effort_prediction_model(None, now=now)
    MLModel.objects.filter(id=earlier.id).update(provenance=earlier.provenance | {"shared_rule": SHARED_RULE - 1})
    ModelLoader().clear_cache()

    assert ModelLoader().load_active_model(EFFORT, team.id) is None
    [due] = [due for due in models_due(now=now) if (due.model_type, due.project_id) == (EFFORT, None)]
    assert due.reason.startswith("it cannot answer: It learned what projects do not tell each other")
    assert ModelTrainer().train_effort_prediction_model(None, now=now).is_active


def test_it_cannot_be_activated(mute):
    with pytest.raises(NotActivatable):
        require_sound(mute)


def test_another_layout_is_refused_by_its_number(trained):
    found = artifact.loads(get_object_store().get(trained.serving_key), kind="effort")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artifact, "LAYOUTS", {"effort": (99,)})
        later = artifact.dumps("effort", found.arrays, found.meta)

    with pytest.raises(artifact.ArtifactCorrupted, match="layout 99, which is not read any more"):
        artifact.loads(later, kind="effort")


def test_an_artefact_of_another_project_is_refused_though_it_was_signed_here(trained, team):
    """Its row was changed in the database to name another project's artefact."""
    MLModel.objects.filter(id=trained.id).update(project=None)
    before = FALLBACKS.labels(type=EFFORT, reason="signature_invalid")._value.get()

    assert ModelLoader().load_active_model(EFFORT, team.id) is None
    assert FALLBACKS.labels(type=EFFORT, reason="signature_invalid")._value.get() == before + 1


def test_what_is_put_back_serves_again_and_is_told_no_more(trained, team):
    store = get_object_store()
    data = store.get(trained.serving_key)
    store.delete(trained.serving_key)
    ModelLoader().clear_cache()
    assert ModelLoader().load_active_model(EFFORT, team.id) is None
    assert active_models().message.startswith("1 of 1 active models cannot be loaded")

    store.put(trained.serving_key, data)
    ModelLoader().clear_cache()

    assert ModelLoader().load_active_model(EFFORT, team.id) is not None
    assert active_models().message == "1 active."
