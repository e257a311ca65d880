"""The projects of a person, each in a line: how far, what is unusual, whether its models can be trusted, how fresh."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.dashboard.types import Project
from apps.ml.selectors.projects import ProjectProgress, progress_of
from apps.ml.selectors.trust import ServingEvaluation, open_anomaly_counts, serving_evaluations
from apps.projects.selectors import Visitor, projects_visible_to

#: More than anybody reads; who has more uses the address of a project.
MOST_PROJECTS = 100


@dataclass(frozen=True, slots=True)
class ProjectLine:
    """A project in the list."""

    project: Project
    progress: ProjectProgress
    anomalies: int
    models: Sequence[ServingEvaluation]

    @property
    def is_trusted(self) -> bool:
        """Whether a model serves that did better than a naive answer on issues it had not seen."""
        return any(model.beats_baseline for model in self.models)


def project_lines(person: Visitor) -> Sequence[ProjectLine]:
    """Every project that one may see; four queries, however many there are."""
    projects = list(projects_visible_to(person)[:MOST_PROJECTS])
    ids = [project.pk for project in projects]
    progress, anomalies, models = progress_of(ids), open_anomaly_counts(ids), serving_evaluations(ids)
    return [
        ProjectLine(project, progress[project.pk], anomalies.get(project.pk, 0), models[project.pk])
        for project in projects
    ]
