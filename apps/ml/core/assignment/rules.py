"""Two plain rules of who takes an issue: who is given most lately, and who does this reporter's issues.

Small teams with little to learn from are often met best by one of them; which, the replay of a project's own past
tells.
"""

from collections.abc import Sequence

from apps.ml.core.assignment.formula import CANDIDATE_DAYS, RULE_WEIGHTS, MemberHistory, Skills

MOST_RECENT, REPORTER = "most_recent", "reporter"
RULES = (MOST_RECENT, REPORTER)
#: What a reporter who could take the issue has of what is expected before any of theirs was given away: half, since
#: people often report what they then do.
OWN_SHARE = 0.5


def rule_skills(rule: str, members: Sequence[MemberHistory], reporter: str) -> Skills:
    """What a rule says of each candidate: shares that sum to 1 where anything was given to anybody lately.

    Parameters
    ----------
    rule : str
        One of RULES.
    members : sequence of MemberHistory
        The candidates.
    reporter : str
        Who reported the issue; empty if not known, and then both rules say the same.
    """
    given = sum(member.given_lately for member in members)
    lately = {member.user_id: member.given_lately / given if given else 0.0 for member in members}
    if rule == MOST_RECENT:
        return Skills(lately, RULE_WEIGHTS, lambda member: f"Was given {member.given_lately} of {_lately(given)}")
    of_reporter = sum(member.given_of_reporter for member in members)
    own = OWN_SHARE if reporter in lately else 0.0
    shares = {
        # Before any of theirs, what is expected counts as one issue.
        member.user_id: (
            member.given_of_reporter + own * (member.user_id == reporter) + (1.0 - own) * lately[member.user_id]
        )
        / (of_reporter + 1.0)
        for member in members
    }
    return Skills(
        shares,
        RULE_WEIGHTS,
        lambda member: f"Was given {member.given_of_reporter} of this reporter's {_lately(of_reporter)}",
    )


def _lately(count: int) -> str:
    return f"{count} issue{'s' * (count != 1)} of the last {CANDIDATE_DAYS} days"
