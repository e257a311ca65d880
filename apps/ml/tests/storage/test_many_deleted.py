"""Many objects go by few questions, where the store knows such and says what is gone."""

from collections import Counter
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from apps.ml.storage import get_object_store
from apps.ml.storage.keys import mark_key
from apps.ml.storage.marks import mark, put_marked, withdraw

KEYS = [f"ml_datasets/global/2026-03-{day:02}.jsonl.gz" for day in range(1, 21)]


@pytest.fixture
def asked(s3_mock, monkeypatch):
    """How often the bucket is asked for which deletion."""
    client, asked = get_object_store().medium.client, Counter()
    for name in ("delete_object", "delete_objects"):
        real = getattr(client, name)

        def counted(*, name=name, real=real, **given):
            asked[name] += 1
            return real(**given)

        monkeypatch.setattr(client, name, counted)
    return asked


@pytest.fixture
def us():
    return str(uuid4())


def test_twenty_objects_and_their_marks_are_two_questions(asked, us):
    store = get_object_store()
    for key in KEYS:
        put_marked(store, us, key, b"{}")
    asked.clear()

    assert sorted(withdraw(store, [us], KEYS)) == KEYS

    assert asked == {"delete_objects": 2}
    assert store.list("ml_datasets") == []
    assert not any(store.exists(mark_key(us, key)) for key in KEYS)


BOTH = {name: [{"Key": key} for key in KEYS] for name in ("Deleted", "Errors")}


@pytest.mark.parametrize("answer", [{}, {"Deleted": [{"Key": "another"}]}, {"Errors": [{"Key": KEYS[0]}]}, BOTH, None])
def test_what_is_not_told_to_be_gone_is_asked_for_by_itself(asked, us, monkeypatch, answer):
    store = get_object_store()
    for key in KEYS:
        put_marked(store, us, key, b"{}")

    def answers(**_):
        if answer is None:
            told = {"Error": {"Code": "NotImplemented"}, "ResponseMetadata": {"HTTPStatusCode": 501}}
            raise ClientError(told, "DeleteObjects")
        return answer

    monkeypatch.setattr(store.medium.client, "delete_objects", answers)

    assert sorted(withdraw(store, [us], KEYS)) == KEYS

    assert store.list("ml_datasets") == []
    assert asked["delete_object"] >= 2 * len(KEYS)


def test_where_others_are_each_is_looked_at_right_before_it_goes(asked, us, monkeypatch):
    """They may mark one meanwhile, as a restore does of what is there."""
    store, them = get_object_store(), str(uuid4())
    for key in KEYS:
        put_marked(store, us, key, b"{}")
    mark(store, them, KEYS[0])
    withdrawn = withdraw(store, [us], KEYS)
    next(withdrawn)

    mark(store, them, KEYS[-1])

    assert list(withdrawn) == KEYS[2:-1]
    assert store.exists(KEYS[0])
    assert store.exists(KEYS[-1])
