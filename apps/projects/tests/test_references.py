from uuid import UUID

from django.urls import resolve, reverse
from hypothesis import given
from hypothesis import strategies as st

from apps.projects.names.references import sprint_references

A, B, C = UUID(int=1 << 100), UUID(int=2 << 100), UUID(int=3 << 100)


def test_a_sprint_is_named_by_the_number_in_its_name():
    assert sprint_references([(A, "Sprint 7"), (B, "WEB 12 – checkout")]) == {A: "7", B: "12"}


def test_names_that_say_nothing_alone_give_way_to_the_id():
    found = sprint_references([(A, "Sprint 1"), (B, "Sprint 1"), (C, "2026-03")])

    assert found == {A: A.hex[:8], B: B.hex[:8], C: C.hex[:8]}


@given(st.dictionaries(st.uuids(version=4), st.text(alphabet="Sprint 0123456789٣３²½", max_size=12), max_size=20))
def test_no_two_sprints_of_a_project_share_a_reference_and_each_fits_into_an_address(named: dict[UUID, str]):
    found = sprint_references(named.items())

    assert len(set(found.values())) == len(named)
    for reference in found.values():
        assert resolve(reverse("dashboard:sprint", args=["SHOP", reference])).kwargs["reference"] == reference


def test_digits_of_another_script_name_no_sprint():
    assert sprint_references([(A, "Sprint ٣"), (B, "Sprint ３ of 4")]) == {A: A.hex[:8], B: "4"}
