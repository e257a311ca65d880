"""Two plain rules of who takes an issue, by hand-counted shares."""

import pytest

from apps.ml.core.assignment.formula import MemberHistory, rank_members
from apps.ml.core.assignment.replay import Ledger
from apps.ml.core.assignment.rules import MOST_RECENT, REPORTER, rule_skills
from apps.ml.core.records import IssueFacts
from apps.ml.tests.core.assignment.teams import UNTIL
from apps.ml.tests.core.assignment.test_replay import _issue

ANN = MemberHistory("ann", given_lately=6, given_of_reporter=0)
BOB = MemberHistory("bob", given_lately=2, given_of_reporter=2)


def test_the_most_recent_rule_says_the_shares_of_what_was_given_lately():
    assert rule_skills(MOST_RECENT, [ANN, BOB], "rik").of == {"ann": 0.75, "bob": 0.25}


def test_the_reporter_rule_counts_the_reporters_issues_and_what_is_expected_as_one_more():
    assert rule_skills(REPORTER, [ANN, BOB], "rik").of == pytest.approx({"ann": 0.75 / 3, "bob": 2.25 / 3})


def test_a_reporter_who_could_take_it_is_expected_to_in_half_of_the_cases():
    fresh = [MemberHistory("ann", given_lately=3), MemberHistory("bob", given_lately=1)]

    assert rule_skills(REPORTER, fresh, "bob").of == pytest.approx({"ann": 0.375, "bob": 0.625})


@pytest.mark.parametrize("rule", [MOST_RECENT, REPORTER])
def test_where_nothing_was_given_lately_nobody_stands_out(rule):
    assert set(rule_skills(rule, [MemberHistory("ann"), MemberHistory("bob")], "").of.values()) == {0.0}


def test_the_total_of_a_rule_is_the_rule_alone_and_its_sentence_gives_the_counts():
    busy = MemberHistory("bob", open_issues=12, given_lately=3, given_of_reporter=2)

    best, _ = rank_members(
        [ANN, busy], issue_type="bug", top_n=2, now=UNTIL, skills=rule_skills(REPORTER, [ANN, busy], "")
    )

    assert (best.user_id, best.total, best.skill) == ("bob", best.skill, best.skill)
    assert best.reasoning[0] == "Was given 2 of this reporter's 2 issues of the last 120 days"


def test_a_ledger_knows_whose_issues_were_given_to_whom_in_the_last_120_days():
    ledger = Ledger([_issue("ann", begun=days, done=1, reporter="rik") for days in (121, 120, 8, 3)])

    then = ledger.history("ann", IssueFacts("", reporter="rik"), UNTIL)
    other = ledger.history("ann", IssueFacts("", reporter="sue"), UNTIL)

    assert (then.given_lately, then.given_of_reporter) == (3, 3)
    assert (other.given_lately, other.given_of_reporter) == (3, 0)
