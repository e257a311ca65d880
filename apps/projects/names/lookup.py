"""Things by what people call them: a project by its key, an issue by its key or id, a sprint by its number or name."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404
from rest_framework.exceptions import ValidationError

from apps.common.exceptions import Conflict
from apps.projects.models import Issue, Project, Sprint
from apps.projects.names.ids import id_in
from apps.projects.names.references import sprint_references
from apps.projects.selectors import Visitor, projects_visible_to

MOST_NAMED = 10


def project_named(name: UUID | str, user: Visitor) -> Project:
    """The project of this id or key, if the person may see it; else `Http404`."""
    known, visible = id_in(name), projects_visible_to(user)
    project = (visible.filter(id=known) if known else visible.filter(key=str(name).upper())).first()
    if project is None:
        raise Http404
    return project


def issue_named(name: UUID | str, issues: QuerySet[Issue]) -> Issue:
    """The one of these issues of one project that has this id or key; else `Http404`."""
    known, text = id_in(name), str(name)
    found = issues.filter(id=known) if known else issues.filter(external_id=text)
    several = list(found[:2])
    if not several:
        raise Http404
    if len(several) > 1:
        raise Conflict("Several issues of this project have this key, from different trackers: use the id.")
    return several[0]


def issue_ids_named(names: Sequence[UUID | str], project: Project, field: str) -> list[UUID]:
    """Ids of issues of a project by id or key, in one query; refuses others, naming the field."""
    texts = [str(name) for name in names]
    ids = [known for text in texts if (known := id_in(text))]
    if not texts:
        return []
    issues = Issue.objects.filter(project=project).filter(Q(id__in=ids) | Q(external_id__in=texts)).order_by()
    by_name: dict[str, UUID] = {}
    for id_, key in issues.values_list("id", "external_id"):
        by_name |= {str(id_): id_, key: id_}
    wanted = {text: str(id_in(text) or text) for text in texts}
    if unknown := [text for text, name in wanted.items() if name not in by_name]:
        raise ValidationError({field: [f"Not issues of this project: {', '.join(sorted(unknown)[:MOST_NAMED])}"]})
    return [by_name[name] for name in wanted.values()]


def sprint_named(text: str, project: Project) -> Sprint:
    """A sprint of a project by id, number, name or the beginning of its id; without a text the running one."""
    sprints = Sprint.objects.filter(project=project).select_related("project", "snapshot")
    if not text:
        found = sprints.filter(status=Sprint.Status.ACTIVE).order_by("start_date", "id").first()
    elif (known := id_in(text)) is not None:
        found = sprints.filter(id=known).first()
    else:
        found = _by_name(text, sprints)
    if found is None:
        raise Http404
    return found


def _by_name(text: str, sprints: QuerySet[Sprint]) -> Sprint | None:
    named = list(sprints.order_by().values_list("id", "name"))
    references = sprint_references(named)
    ids = [id_ for id_, name in named if name == text] or [id_ for id_, own in references.items() if own == text]
    if len(ids) > 1:
        raise Conflict("Several sprints have this name: use the id.")
    return sprints.get(pk=ids[0]) if ids else None
