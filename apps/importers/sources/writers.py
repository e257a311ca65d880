"""What a tracker is told: a field or a label of one issue, without a notification where it can be quiet."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote

from apps.importers.records import ImportRefused
from apps.importers.sources import jira_cloud, jira_dc, jira_pages, jira_rows, reading
from apps.importers.sources.client import AnswerUnusable, Client, HttpAnswer, NotThere, TrackerRefused, WriteNotTold
from apps.importers.sources.labels import figures_in, label_of, refuse_beginning
from apps.importers.sources.reading import part, rows

NO_CONTENT = 204
NO_ISSUE = "What answered showed no issue. Is the address right, and the token valid?"
MOVED = "It is in another place of the tracker by now, which is not connected: nothing is written there."
NOT_TOLD = "What answered does not show what was written. Is a log-in page or a firewall before the tracker?"


@dataclass(frozen=True, slots=True)
class Target:
    """A field, or else what a label begins with."""

    field: str = ""
    label: str = ""


#: An issue by its key and the tracker's own id.
Named = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Writer(ABC):
    """One place of one tracker."""

    client: Client
    scope: str
    target: Target
    #: The name that the place has by now, once it was asked for: one that was renamed answers to both.
    asked: list[str] = field(default_factory=list)

    def require_here(self, place: object) -> None:
        """Raise `TrackerRefused` unless an issue's place is the connected one, by its name of then or of now."""
        if str(place).casefold() == self.scope.casefold():
            return
        if not self.asked:
            self.asked.append(self.present_name())
        if str(place).casefold() != self.asked[0].casefold():
            raise TrackerRefused(MOVED)

    def require_same(self, held: Any, issue: Named) -> None:
        """Raise `TrackerRefused` for another issue with its key, as a place has that was made anew under the name."""
        own = part(held, "id")
        if own is not None and issue[1] and str(own) != issue[1]:
            raise TrackerRefused(MOVED)

    @abstractmethod
    def present_name(self) -> str:
        """How the tracker calls the connected place by now."""

    @property
    def name(self) -> str:
        """The last name of the place that is known: no write follows the redirect of one of before."""
        return self.asked[0] if self.asked else self.scope

    @abstractmethod
    def refuse(self) -> None:
        """Raise `ImportRefused` where the field is one that imports read as the team's own, or is none."""

    @abstractmethod
    def read(self, issue: Named) -> frozenset[str]:
        """What stands there now: a field holds one value or none, labels that begin so may be several."""

    @abstractmethod
    def write(self, issue: Named, old: Collection[str], new: str) -> None:
        """Put a value in the place of others; empty for none.

        Raises
        ------
        WriteCutOff
            If nobody knows whether it came to that.
        WriteNotTold
            If what answered is not this tracker, or shows something else.
        """


_OWN_OF_JIRA = {"timetracking": "hours", "timeoriginalestimate": "hours", "summary": "title"}


def refuse_label(target: Target) -> None:
    """A label that trackers change is never found again; one that imports take for points teaches our own answers."""
    refuse_beginning(target.label)
    if target.label and reading.points_in([label_of(target.label, "3")]) is not None:
        raise ImportRefused(
            f"Labels such as {target.label}3 are read as the team's own points: choose another beginning, ml-points: "
            "for instance."
        )


def _refuse_own(field: str, own: Mapping[str, str]) -> None:
    if field in own:
        raise ImportRefused(
            f"{field} is read as the team's own {own[field]}: a figure written there would be learned from. Name a "
            "field of its own, or a label."
        )


@dataclass(frozen=True, slots=True)
class JiraWriter(Writer):
    """Jira Cloud: `notifyUsers=false` is quiet."""

    api: ClassVar[str] = jira_cloud.API

    def refuse(self) -> None:
        refuse_label(self.target)
        if not self.target.field:
            return
        found = jira_pages.field_rows(self.client, self.api)
        read = jira_rows.fields_of(found)
        own = dict.fromkeys(read.points, "story points") | {read.sprint: "sprint"} | _OWN_OF_JIRA
        _refuse_own(self.target.field, own)
        if self.target.field not in {str(part(row, "id") or part(row, "key")) for row in found}:
            names = {str(part(row, "name")): str(part(row, "id")) for row in found}
            hint = f" {self.target.field} has the id {names[self.target.field]}." if self.target.field in names else ""
            raise ImportRefused(f"Jira has no field with the id {self.target.field}.{hint}")

    def read(self, issue: Named) -> frozenset[str]:
        name = self.target.field or "labels"
        fields = part(self.client.get(self._path(issue), fields=f"{name},project").data, "fields")
        if not isinstance(fields, Mapping):
            raise AnswerUnusable(NO_ISSUE)
        if (key := part(fields, "project", "key")) is not None:
            self.require_here(key)
        # One that its project does not have is not among them.
        held = fields.get(name)
        return _plain(held) if self.target.field else figures_in(map(str, rows(held)), self.target.label)

    def write(self, issue: Named, old: Collection[str], new: str) -> None:
        if self.target.field:
            body: dict[str, Any] = {"fields": {self.target.field: _typed(new)}}
        else:
            changed = [*(("remove", value) for value in old), *(("add", value) for value in (new,) if value)]
            body = {"update": {"labels": [{what: label_of(self.target.label, value)} for what, value in changed]}}
        answer = self.client.put(self._path(issue), body, notifyUsers="false")
        if not _is_empty(answer):
            raise WriteNotTold(NOT_TOLD)

    def present_name(self) -> str:
        return _name_in(self.client, f"{self.api}/project/{quote(self.scope, safe='')}", "key")

    def _path(self, issue: Named) -> str:
        key, own_id = issue
        return f"{self.api}/issue/{quote(own_id or key)}"


@dataclass(frozen=True, slots=True)
class DataCenterWriter(JiraWriter):
    """Jira Data Center: likewise."""

    api: ClassVar[str] = jira_dc.API


@dataclass(frozen=True, slots=True)
class GitHubWriter(Writer):
    """GitHub: labels, which notify nobody."""

    def refuse(self) -> None:
        refuse_label(self.target)
        if self.target.field:
            raise ImportRefused("Issues of GitHub have no fields of this kind: name what a label begins with.")

    def read(self, issue: Named) -> frozenset[str]:
        held = self.client.get(self._path(issue)).data
        if (where := part(held, "repository_url")) is not None:
            self.require_here(str(where).rpartition("/repos/")[2])
        self.require_same(held, issue)
        return self._figures(part(held, "labels"))

    def write(self, issue: Named, old: Collection[str], new: str) -> None:
        labels = f"{self._path(issue)}/labels"
        # What is broken off between two requests leaves one label or none, and never one more each time.
        for value in old:
            try:
                answer = self.client.delete(f"{labels}/{quote(label_of(self.target.label, value), safe='')}")
            except NotThere:
                # Somebody has removed it since it was read.
                if value in self.read(issue):
                    raise
                continue
            if not _is_empty(answer):
                _require(self._figures, answer, (value,), "")
        if new:
            answer = self.client.add(labels, {"labels": [label_of(self.target.label, new)]})
            _require(self._figures, answer, (), new)

    def present_name(self) -> str:
        return _name_in(self.client, f"repos/{self.scope}", "full_name")

    def _path(self, issue: Named) -> str:
        return f"repos/{self.name}/issues/{issue[0].removeprefix('#')}"

    def _figures(self, told: Any) -> frozenset[str]:
        """In labels as they are listed of an issue, and after each change of them."""
        return figures_in(_names(told), self.target.label)


@dataclass(frozen=True, slots=True)
class GitLabWriter(Writer):
    """GitLab: the due date, or labels."""

    def refuse(self) -> None:
        refuse_label(self.target)
        _refuse_own(self.target.field, {"weight": "story points", "time_estimate": "hours"})
        if self.target.field not in ("", "due_date"):
            raise ImportRefused("Of GitLab's fields due_date can be written; else name what a label begins with.")

    def read(self, issue: Named) -> frozenset[str]:
        held = self.client.get(self._path(issue)).data
        if (where := part(held, "references", "full")) is not None:
            self.require_here(str(where).rpartition("#")[0])
        self.require_same(held, issue)
        return self._figures(held)

    def write(self, issue: Named, old: Collection[str], new: str) -> None:
        if self.target.field:
            changed: dict[str, Any] = {self.target.field: new or None}
        else:
            removed = ",".join(label_of(self.target.label, value) for value in old)
            labels = {"remove_labels": removed, "add_labels": label_of(self.target.label, new)}
            changed = {name: label for name, label in labels.items() if label}
        _require(self._figures, self.client.put(self._path(issue), changed), old, new)

    def present_name(self) -> str:
        return _name_in(self.client, f"projects/{quote(self.scope, safe='')}", "path_with_namespace")

    def _path(self, issue: Named) -> str:
        return f"projects/{quote(self.name, safe='')}/issues/{issue[0].rpartition('#')[2]}"

    def _figures(self, told: Any) -> frozenset[str]:
        """Of an issue as it is read, and after each change of it."""
        if not self.target.field:
            return figures_in(_names(part(told, "labels")), self.target.label)
        if not isinstance(told, Mapping) or self.target.field not in told:
            raise AnswerUnusable(NO_ISSUE)
        return _plain(told[self.target.field])


def _name_in(client: Client, path: str, key: str) -> str:
    """The name of a place, as it tells it; one that is gone has none."""
    try:
        name = part(client.get(path).data, key)
    except NotThere as error:
        raise TrackerRefused(MOVED) from error
    if not isinstance(name, str):
        raise AnswerUnusable(NO_ISSUE)
    return name


def _names(told: Any) -> list[str]:
    """Of labels, where a tracker lists them, though there be none."""
    names = [each if isinstance(each, str) else part(each, "name") for each in rows(told)]
    if not isinstance(told, list) or not all(isinstance(name, str) for name in names):
        raise AnswerUnusable(NO_ISSUE)
    return names


def _is_empty(answer: HttpAnswer) -> bool:
    """What a tracker says of a write of which it tells nothing else; a wall before it has a page to show."""
    return answer.status == NO_CONTENT and not answer.body


def _require(figures: Callable[[Any], frozenset[str]], answer: HttpAnswer, old: Collection[str], new: str) -> None:
    """Raise `WriteNotTold` unless the answer shows what was written."""
    try:
        held = figures(answer.data)
    except AnswerUnusable as error:
        raise WriteNotTold(NOT_TOLD) from error
    if new not in held | {""} or held & {*old} - {new}:
        raise WriteNotTold(NOT_TOLD)


def _plain(value: Any) -> frozenset[str]:
    """A value as it was written: 5.0 is 5."""
    # A number of hundreds of digits is none, and is somebody else's as it stands.
    number = reading.number(value) if isinstance(value, int | float) else None
    held = str(value or "") if number is None else f"{number:g}"
    return frozenset({held} - {""})


def _typed(value: str) -> float | str | None:
    """Numbers as numbers, days as texts, nothing as null."""
    number = reading.number(value)
    return value or None if number is None else number


WRITERS: Mapping[str, type[Writer]] = {
    "jira": JiraWriter,
    "jira_dc": DataCenterWriter,
    "github": GitHubWriter,
    "gitlab": GitLabWriter,
}


def writer_of(kind: str, client: Client, scope: str, target: Target) -> Writer:
    """The writer of a tracker; raises `ImportRefused` for those that are only read."""
    if kind not in WRITERS:
        raise ImportRefused(f"Figures are written to {', '.join(WRITERS)}, not to {kind}.")
    return WRITERS[kind](client, scope, target)
