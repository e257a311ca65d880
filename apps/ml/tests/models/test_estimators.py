"""Stored estimators are opened only when they are proven to be ours."""

import lzma
import pickle
import zlib

import pytest
from prometheus_client import REGISTRY

from apps.ml.models import MLModel
from apps.ml.services.model_loader import ModelLoader
from apps.ml.services.models import estimators
from apps.ml.services.models.estimators import EstimatorsTooLarge, LibraryMismatch, open_estimators
from apps.ml.services.models.kinds import identity_of
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import ArtifactTruncated, DigestMismatch, ObjectMissing, SignatureInvalid
from apps.ml.storage.signing import digest, sign

pytestmark = pytest.mark.django_db


class Burglar:
    """Runs when it is unpickled."""

    opened = False

    def __reduce__(self):
        return _open_the_door, ()


def _open_the_door():
    Burglar.opened = True


def refusals(reason):
    return REGISTRY.get_sample_value("scrum_ml_artefacts_refused_total", {"reason": reason}) or 0.0


def replace(settings, model, data):
    (settings.MODEL_STORE_DIR / model.s3_key).write_bytes(data)


def stored(settings, model):
    return (settings.MODEL_STORE_DIR / model.s3_key).read_bytes()


def test_what_was_stored_is_opened_again(trained):
    assert open_estimators(trained)


def test_a_flipped_byte_is_refused_and_counted(trained, settings):
    data = stored(settings, trained)
    replace(settings, trained, data[:99] + bytes([data[99] ^ 1]) + data[100:])
    before = refusals("digest_mismatch")

    with pytest.raises(DigestMismatch):
        open_estimators(trained)

    assert refusals("digest_mismatch") == before + 1


def test_a_truncated_object_is_refused_as_such_and_counted(trained, settings):
    replace(settings, trained, stored(settings, trained)[:-10])
    before = refusals("artifact_truncated")

    with pytest.raises(ArtifactTruncated, match=r"has \d+ bytes, \d+ were stored"):
        open_estimators(trained)

    assert refusals("artifact_truncated") == before + 1


def test_a_foreign_pickle_never_runs_even_if_the_database_was_made_to_expect_it(trained, settings):
    foreign = pickle.dumps(Burglar())
    foreign += b"\0" * trained.provenance["size_bytes"]["model"]
    replace(settings, trained, foreign)
    before = refusals("signature_invalid")

    with pytest.raises(DigestMismatch):
        open_estimators(trained)
    MLModel.objects.filter(id=trained.id).update(digest=digest(foreign))
    with pytest.raises(SignatureInvalid):
        open_estimators(MLModel.objects.get())

    assert not Burglar.opened
    assert refusals("signature_invalid") == before + 1


def test_the_burglar_would_have_run():
    pickle.loads(pickle.dumps(Burglar()))

    opened, Burglar.opened = Burglar.opened, False
    assert opened


def test_another_scikit_learn_is_refused_by_name_and_serving_goes_on(trained, team):
    trained.provenance["libraries"]["scikit-learn"] = "0.24.2"
    trained.save()
    before = refusals("library_mismatch")

    with pytest.raises(LibraryMismatch, match=r"made with scikit-learn 0\.24\.2; here is "):
        open_estimators(trained)

    assert refusals("library_mismatch") == before + 1
    assert ModelLoader().load_active_model("effort_prediction", team.id).id == trained.id


@pytest.mark.parametrize("pack", [zlib.compress, lzma.compress], ids=["zlib", "lzma"])
def test_what_is_signed_and_unpacks_to_too_much_is_not_unpacked(trained, settings, monkeypatch, pack):
    monkeypatch.setattr(estimators, "MOST_UNPACKED_BYTES", 2**20)
    data = pack(pickle.dumps(bytes(2**22)))
    replace(settings, trained, data)
    trained.provenance["size_bytes"] = {}
    trained.digest = digest(data)
    trained.signature = sign(trained.digest, of=identity_of(trained))
    before = refusals("estimators_too_large")

    with pytest.raises(EstimatorsTooLarge):
        open_estimators(trained)

    assert refusals("estimators_too_large") == before + 1


def test_a_missing_object_is_the_stores_own_error(trained):
    get_object_store().delete(trained.s3_key)

    with pytest.raises(ObjectMissing):
        open_estimators(trained)
