"""No byte of an artefact is interpreted unless this installation signed it."""

import hashlib
import hmac

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from apps.ml.storage.errors import ArtifactRefused, DigestMismatch, SignatureInvalid
from apps.ml.storage.signing import Identity, digest, sign, verify

OURS = Identity("effort_prediction", "project-1", "1.0.0")
OLD, NEW, FOREIGN = "the-old-key", "the-new-key", "a-key-of-somebody-else"


def test_the_digest_is_sha_256():
    # FIPS 180-2, appendix B.1.
    assert digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_signature_is_hmac_sha_256_over_purpose_owner_and_digest():
    expected = hmac.new(
        NEW.encode(),
        b"scrum-ml artefact 2\neffort_prediction\nproject-1\n1.0.0\n" + digest(b"abc").encode(),
        hashlib.sha256,
    ).hexdigest()

    assert sign(digest(b"abc"), of=OURS, keys=[NEW]).split(":")[0::2] == ["hs256-2", expected]


def test_what_was_signed_here_is_accepted():
    data = b"artefact"

    verify(data, of=OURS, digest=digest(data), signature=sign(digest(data), of=OURS, keys=[NEW]), keys=[NEW])


def test_the_keys_come_from_the_settings(settings):
    settings.ML_SIGNING_KEYS = [NEW]
    signature = sign(digest(b"artefact"), of=OURS)

    verify(b"artefact", of=OURS, digest=digest(b"artefact"), signature=signature)

    settings.ML_SIGNING_KEYS = [FOREIGN]
    with pytest.raises(SignatureInvalid):
        verify(b"artefact", of=OURS, digest=digest(b"artefact"), signature=signature)


@given(data=st.binary(min_size=1, max_size=200), position=st.integers(0, 1600))
def test_one_flipped_bit_is_noticed(data, position):
    damaged = bytearray(data)
    damaged[position // 8 % len(data)] ^= 1 << position % 8

    with pytest.raises(DigestMismatch):
        verify(
            bytes(damaged), of=OURS, digest=digest(data), signature=sign(digest(data), of=OURS, keys=[NEW]), keys=[NEW]
        )


def test_exchanged_bytes_with_a_fitting_digest_are_refused_for_the_signature():
    evil = b"what somebody put into bucket and database"

    with pytest.raises(SignatureInvalid):
        verify(evil, of=OURS, digest=digest(evil), signature=sign(digest(b"artefact"), of=OURS, keys=[NEW]), keys=[NEW])


def test_after_rotation_old_artefacts_are_accepted_and_new_ones_carry_the_new_key():
    rotated = [NEW, OLD]
    before, after = sign(digest(b"a"), of=OURS, keys=[OLD]), sign(digest(b"a"), of=OURS, keys=rotated)

    verify(b"a", of=OURS, digest=digest(b"a"), signature=before, keys=rotated)

    assert before.split(":")[1] != after.split(":")[1]
    with pytest.raises(SignatureInvalid):
        verify(b"a", of=OURS, digest=digest(b"a"), signature=after, keys=[OLD])


def test_a_retired_key_signs_nothing_any_more():
    with pytest.raises(SignatureInvalid):
        verify(b"a", of=OURS, digest=digest(b"a"), signature=sign(digest(b"a"), of=OURS, keys=[OLD]), keys=[NEW])


@pytest.mark.parametrize("signature", ["", "hs256", "hs256::", "none:00000000:", "ключ", "x" * 10_000])
def test_a_malformed_signature_is_refused_and_not_a_crash(signature):
    with pytest.raises(SignatureInvalid):
        verify(b"a", of=OURS, digest=digest(b"a"), signature=signature, keys=[NEW])


def test_a_signature_with_anothers_key_id_is_refused():
    ours, theirs = sign(digest(b"a"), of=OURS, keys=[NEW]), sign(digest(b"a"), of=OURS, keys=[FOREIGN])
    forged = ":".join([ours.split(":")[0], ours.split(":")[1], theirs.split(":")[2]])

    with pytest.raises(SignatureInvalid):
        verify(b"a", of=OURS, digest=digest(b"a"), signature=forged, keys=[NEW])


@pytest.mark.parametrize("keys", [[], [""], [NEW, ""]])
def test_without_a_key_nothing_is_signed_or_accepted(keys):
    with pytest.raises(ImproperlyConfigured, match="ML_SIGNING_KEYS"):
        sign(digest(b"a"), of=OURS, keys=keys)
    with pytest.raises(ImproperlyConfigured):
        verify(b"a", of=OURS, digest=digest(b"a"), signature="", keys=keys)


def test_neither_key_nor_signature_is_told_in_the_refusal():
    with pytest.raises(ArtifactRefused) as caught:
        verify(b"a", of=OURS, digest=digest(b"a"), signature=sign(digest(b"a"), of=OURS, keys=[FOREIGN]), keys=[NEW])

    assert caught.value.message == "The artefact carries no valid signature of this installation."


def test_a_signature_fits_a_column_of_128_characters():
    assert len(sign(digest(b"a"), of=OURS, keys=[NEW])) == 81


@pytest.mark.parametrize(
    "other",
    [
        Identity("story_points", "project-1", "1.0.0"),
        Identity("effort_prediction", "project-2", "1.0.0"),
        Identity("effort_prediction", None, "1.0.0"),
        Identity("effort_prediction", "project-1", "1.1.0"),
    ],
)
def test_a_sound_artefact_is_refused_under_another_type_project_or_version(other):
    signature = sign(digest(b"a"), of=OURS, keys=[NEW])

    with pytest.raises(SignatureInvalid):
        verify(b"a", of=other, digest=digest(b"a"), signature=signature, keys=[NEW])
