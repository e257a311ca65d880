"""What a lead says of a project's predictions: whether there are any, and which work is done by programs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, FilteredRelation, OuterRef, Q

from apps.ml.core.records import IssueFacts
from apps.projects.erasures import ERASED_AT, NEVER
from apps.projects.models import Project, TeamMember

#: Of issues: given to a member who is an agent.
GIVEN_TO_AGENT = Exists(
    TeamMember.objects.filter(project=OuterRef("project"), user=OuterRef("assignee"), is_agent=True)
)


@dataclass(frozen=True, slots=True)
class AgentMarks:
    """By what a project tells the work of agents from that of people."""

    labels: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()

    @classmethod
    def of(cls, labels: Iterable[str], members: Iterable[UUID] = ()) -> "AgentMarks":
        """Labels in whatever case, and ids of people."""
        return cls(frozenset(map(str.casefold, labels)), frozenset(map(str, members)))

    def bear(self, labels: Iterable[str], assignee: str = "") -> bool:
        """Whether an issue with these labels, given to this person, is an agent's."""
        return assignee in self.members or not self.labels.isdisjoint(map(str.casefold, labels))

    def are_of(self, facts: IssueFacts) -> bool:
        """Whether an agent is to do it."""
        return self.bear(facts.labels, facts.assignee)


@dataclass(frozen=True, slots=True)
class ProjectTerms:
    """What was said of a project, or else goes without saying."""

    predictions_enabled: bool = True
    agents: AgentMarks = AgentMarks()
    #: Which erasure was the last: what was read of its texts before another one is not written after it.
    texts_erased_at: datetime = NEVER


USUAL_TERMS = ProjectTerms()


def project_terms(project_id: UUID | str | None) -> Mapping[UUID, ProjectTerms]:
    """Of a project, or with None of all, by id, in one query; a project that is gone has none."""
    scope = Q() if project_id is None else Q(id=project_id)
    agents = FilteredRelation("team", condition=Q(team__is_agent=True))
    rows = Project.objects.filter(scope).annotate(agent=agents).order_by()
    terms: dict[UUID, ProjectTerms] = {}
    for id_, enabled, labels, user_id, erased_at in rows.values_list(
        "id", "predictions_enabled", "agent_labels", "agent__user_id", ERASED_AT
    ):
        known = terms.get(id_) or ProjectTerms(enabled, AgentMarks.of(labels), erased_at or NEVER)
        members = known.agents.members | ({str(user_id)} if user_id else set())
        terms[id_] = replace(known, agents=replace(known.agents, members=members))
    return terms
