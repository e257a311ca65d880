"""What a global model may learn from: nothing that fewer than five projects use."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.core.text import tokens
from apps.ml.core.training.crowd import Crowd, People
from apps.ml.core.training.shared_words import Shared, shared_by_projects, without_what_few_use

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def issue(name: str, **facts) -> CompletedIssue:
    return CompletedIssue(name, IssueFacts(**{"title": "Change", **facts}), NOW, NOW, actual_hours=3.0)


def of_projects(n: int, **facts) -> tuple[list[CompletedIssue], dict[str, str]]:
    """One issue each in `n` projects."""
    issues = [issue(f"i{number}", **facts) for number in range(n)]
    return issues, {each.issue_id: f"p{number}" for number, each in enumerate(issues)}


@pytest.mark.parametrize(("projects", "is_shared"), [(4, False), (5, True)])
def test_five_projects_make_a_thing_common(projects, is_shared):
    facts = {"title": "Export", "component": "Api", "labels": ("Slow",), "issue_type": "bug"}
    facts |= {"priority": 7.0, "story_points": 4.0}
    issues, project_of = of_projects(projects, **facts)

    [masked, *_] = without_what_few_use(issues, shared_by_projects(issues, project_of))

    kept = [getattr(masked.facts, name) for name in facts]
    assert (kept == [*facts.values()]) is is_shared
    assert is_shared or kept[1:] == ["", (), "", None, None]


@pytest.mark.parametrize(("projects", "left"), [(4, None), (5, 4.0)])
def test_five_projects_make_a_step_of_a_scale_common(projects, left):
    issues, project_of = of_projects(projects)
    issues = [replace(each, story_points=4.0) for each in issues]

    [masked, *_] = without_what_few_use(issues, shared_by_projects(issues, project_of))

    assert masked.story_points == left


def test_a_word_is_shared_where_it_stands_as_models_read_it():
    issues, project_of = of_projects(5, description="Export, please")
    alone = issue("own", title="Export, please", description="Change, please")

    [*_, masked] = without_what_few_use(
        [*issues, alone], shared_by_projects([*issues, alone], {**project_of, "own": "p0"})
    )

    assert "export" not in masked.facts.title.lower()
    assert masked.facts.description.endswith(", please")
    assert "," not in masked.facts.title


def test_a_field_is_shared_to_the_letter_as_models_read_it():
    issues, project_of = of_projects(5, component="Payments", labels=("slow",))
    alone = issue("own", component="PAYMENTS", labels=("Slow",))

    [*_, masked] = without_what_few_use(
        [*issues, alone], shared_by_projects([*issues, alone], {**project_of, "own": "p0"})
    )

    assert (masked.facts.component, masked.facts.labels) == ("", ())


@pytest.mark.parametrize(
    ("people", "is_shared"),
    [
        ([["a"], ["b"], ["c"], ["d"], ["e"]], True),
        # One more of somebody's own changes nothing.
        ([["a"], ["a"], ["b"], ["c"], ["d"], ["e"]], True),
        # With four of one's own, the fifth would be told to use it.
        ([["a"], ["a"], ["b"], ["c"], ["d"]], False),
        ([["a"], ["a"], ["a"], ["a"], ["e"]], False),
        # Nobody else is left to be told of.
        ([["a"], ["a"], ["a"], ["a"], ["a"]], True),
        # Who is in all of them learns nothing, and hides nobody.
        ([["a", "boss"], ["b", "boss"], ["c", "boss"], ["d", "boss"], ["e", "boss"]], True),
        # Two who make common cause, or one with two accounts.
        ([["a"], ["a"], ["a"], ["a"], ["b"], ["b"], ["b"], ["e"]], False),
        ([["a"], ["a"], ["a"], ["a"], ["b"], ["c"], ["d"], ["e"]], True),
        # Colleagues who help out elsewhere stand for one project each.
        ([["a"], ["a"], ["b", "c"], ["b", "c"], ["b", "c"], ["b", "c"], ["e"]], False),
        ([["a"], ["b", "c"], ["c", "d"], ["d", "b"], ["e"], ["f"]], True),
        # What nobody is in any more hides nobody.
        ([["a"], ["a"], ["a"], ["a"], [], [], [], ["e"]], False),
        ([["a"], ["b"], ["c"], ["d"], []], False),
        ([["a"], ["b"], ["c"], ["d"], ["e"], []], True),
    ],
)
def test_beside_those_of_whoever_asks_four_others_have_to_use_it_with_a_person_each(people, is_shared):
    assert is_common(People(frozenset(each)) for each in people) is is_shared


def test_what_somebody_made_or_was_in_and_left_stays_theirs():
    left_to_colleagues = [People(frozenset({name}), frozenset("a")) for name in "abcd"]
    # Four teams of others, of which each let somebody go who was in all of them.
    was_in = [People(frozenset({name}), frozenset({"s"})) for name in "abcd"]

    assert not is_common([*left_to_colleagues, People(frozenset({"e"}))])
    assert not is_common([*was_in, People(frozenset({"e"}))])
    assert is_common([*was_in, *(People(frozenset({name})) for name in "efgh")])
    assert is_common([People(frozenset({name}), frozenset({"boss"})) for name in "abcde"])


@given(st.lists(st.frozensets(st.sampled_from("abcdefgh"), max_size=3), max_size=12))
def test_a_word_of_one_project_more_changes_nothing_for_whoever_is_told_of_fewer_than_four_others(people):
    teams = [People(each) for each in people]
    bits = Crowd(teams).bits
    crowd = Crowd(teams)

    for person in "abcdefgh":
        others = [place for place, each in enumerate(people) if each and person not in each]
        mine = sum(bit for bit, each in zip(bits, people, strict=True) if person in each)
        # Whatever up to three others use beside all that is one's own is masked, as if none of them did.
        for few in combinations(others, 3):
            assert not crowd.hides(mine | sum(bits[place] for place in few))


def is_common(people: Iterable[People]) -> bool:
    teams = list(people)
    issues, project_of = of_projects(len(teams), title="Zorblax")
    shared = shared_by_projects(issues, project_of, people_of={f"p{place}": each for place, each in enumerate(teams)})
    return "zorblax" in shared.of_titles


def test_many_issues_of_one_project_make_nothing_common():
    issues = [issue(f"i{number}", title="Merger with Initech") for number in range(50)]

    shared = shared_by_projects(issues, {each.issue_id: "p" for each in issues})

    assert shared == Shared()


def test_a_text_keeps_its_shape_and_its_common_words_and_loses_the_rest():
    issues, project_of = of_projects(5, title="Change: the export")
    secret = issue("own", title="Change Initech§42: the export", description="Call Bob_Smith at 5551234", reporter="r")
    shared = shared_by_projects([*issues, secret], {**project_of, "own": "p0"})

    [*_, masked] = without_what_few_use([*issues, secret], shared)

    assert masked.facts.title.startswith("Change x")
    assert masked.facts.title.endswith(" 00: the export")
    assert len(masked.facts.title) == len(secret.facts.title)
    assert len(tokens(masked.facts.title)) == len(tokens(secret.facts.title))
    assert masked.facts.reporter == ""
    for word in ("initech", "bob", "smith", "call", "5551234"):
        assert word not in f"{masked.facts.title} {masked.facts.description}".lower()


def test_the_same_issues_give_the_same_training_set_and_a_word_no_sign_of_itself():
    shared = Shared()

    first, again = (without_what_few_use([issue("a", title="Secret word")], shared) for _ in range(2))
    [other] = without_what_few_use([issue("a", title="Hidden text")], shared)

    assert first == again
    assert first[0].facts.title == other.facts.title, "words of one length at one place look alike"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("export_48213377", "export_00000000"),
        ("EXPORT_s_e_c_7 export²", "EXPORT_______0 export_"),
        ("exporte_export", "x"),
        ("export_export7_export_q1", "x"),
        ("출력함_12", "출력함_00"),
        ("İexport export_İ", "export export"),
    ],
)
def test_beside_shared_words_a_run_keeps_no_number_and_no_letter(text, left):
    shared = Shared(
        of_titles=frozenset({"export", "출력", "력함"}), of_descriptions=frozenset({"export", "출력", "력함"})
    )

    [masked] = without_what_few_use([issue("a", title=text)], shared)

    assert masked.facts.title == left or (left == "x" and masked.facts.title.startswith("x"))


@example("", "\U0002ebe1\U0002fa1e")
@example("\u0e31\u0e48", "")
@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_but_shared_words_and_fillers_is_left(title, description):
    [masked] = without_what_few_use(
        [issue("a", title=title, description=description)],
        Shared(of_titles=frozenset({"export"}), of_descriptions=frozenset({"export"})),
    )

    left = set(tokens(masked.facts.title)) | set(tokens(masked.facts.description))
    assert all(word == "export" or word[0] == "x" for word in left)


@pytest.mark.parametrize("text", ["नमस्ते दुनिया हिन्दी", "مُحَمَّد", "שָׁלוֹם", "re\u0301sume\u0301", "ကျေးဇူး", "a\U000e0101"])
def test_of_a_word_its_marks_go_too(text):
    [masked] = without_what_few_use([issue("a", title=text)], Shared())

    assert masked.facts.title.isascii()
    assert [len(word) for word in masked.facts.title.split(" ")] == [len(word) for word in text.split(" ")]
