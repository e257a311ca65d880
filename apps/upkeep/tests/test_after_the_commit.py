"""What is done after a commit may fail: it is logged, undoes no answer, and what was registered behind it is done."""

import ast
import sqlite3

import pytest
from django.db import transaction

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory
from apps.upkeep import alone, erasing
from apps.upkeep.models import ErasureRecord
from apps.upkeep.records import verify_record
from tests.test_architecture import ROOT, product_files, tree

pytestmark = [pytest.mark.usefixtures("model_store_dir", "no_training_begins")]
EMAIL, NAME = "ann@example.com", "Ann Smith"


@pytest.fixture
def ann():
    ann = UserFactory(email=EMAIL, full_name=NAME)
    IssueFactory(project=TeamMemberFactory(user=ann).project, title=f"Ask {NAME}")
    return ann


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", [OSError, MemoryError, UnicodeError, RuntimeError])
def test_a_fault_after_the_deletion_of_an_account_is_logged_without_a_name(ann, fault, monkeypatch, caplog):
    def breaks(*_, **__):
        raise fault(f"{EMAIL} {NAME}")

    ran = []
    monkeypatch.setattr(erasing, "search_objects", breaks)
    with transaction.atomic():
        ann.delete()
        transaction.on_commit(lambda: ran.append("behind it"))

    assert ran
    assert not User.objects.filter(email=EMAIL).exists()
    record = ErasureRecord.objects.get()
    assert not verify_record(record)
    (told,) = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert str(record.pk) in told
    assert fault.__name__ in told
    assert not any(text in told for text in (EMAIL, NAME))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", [sqlite3.OperationalError("locked"), OSError("full")])
def test_a_fault_while_pages_are_left_empty_is_logged(fault, monkeypatch, caplog):
    def breaks(**_):
        raise fault

    ran = []
    monkeypatch.setattr(alone, "empty_log", breaks)
    with transaction.atomic():
        alone.leave_no_pages_soon(of_somebody=False)
        transaction.on_commit(lambda: ran.append("behind it"))

    assert ran
    (told,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert "leave_no_pages_soon" in told.getMessage()


def _robust_hooks():
    """By place, what is called after a commit whatever comes of it."""
    for file in product_files():
        for call in ast.walk(tree(file)):
            if isinstance(call, ast.Call) and any(each.arg == "robust" for each in call.keywords):
                yield f"{file.relative_to(ROOT)}:{call.lineno}", call.args[0], ast.walk(tree(file))


def test_what_may_fail_after_a_commit_has_a_name_that_django_can_log():
    """A `partial` has none: its fault would be one of the commit, and what is registered behind it not be done."""
    hooks = list(_robust_hooks())

    assert len(hooks) >= 2
    assert [
        place
        for place, hook, nodes in hooks
        if not isinstance(hook, ast.Lambda)
        and not (
            isinstance(hook, ast.Name) and hook.id in {each.name for each in nodes if isinstance(each, ast.FunctionDef)}
        )
    ] == []
