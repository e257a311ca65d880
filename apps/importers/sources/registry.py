"""The trackers that can be asked: how each is addressed, what it wants for a token, what it knows, and its pages."""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import SplitResult, quote, urlsplit

from apps.common.addresses import UrlRefused, target_of
from apps.importers.records import ImportRefused
from apps.importers.sources import azure, github, gitlab, jira_cloud, jira_dc, linear
from apps.importers.sources.client import Client
from apps.importers.tracked import Told

#: What every tracker knows of an issue; what it does not know is left as the team set it. Of what one site does not
#: have, or did not let us read, each issue tells (`untold`).
_ALWAYS = frozenset({
    "title", "description", "issue_type", "status", "labels", "reporter", "assignee", "sprint", "story_points",
    "created_at",
})  # fmt: skip
#: A server tells what a sub-task is a part of, and of an epic in a field of the site's own, which is not read.
_JIRA_DC = _ALWAYS | {"priority", "component", "estimated_hours", "actual_hours", "due_date"}
_JIRA = _JIRA_DC | {"parent"}


@dataclass(frozen=True, slots=True)
class Connector:
    """One kind of tracker."""

    name: str
    #: Its name in words.
    title: str
    pull: Callable[[Client, str, datetime | None], Iterator[Told]]
    #: Token → what is sent with every request.
    headers: Callable[[str], Mapping[str, str]]
    #: Fields that it knows.
    told: frozenset[str]
    #: What a place in it looks like: a project, a repository, a team.
    scope_shape: re.Pattern[str]
    scope_example: str
    token_hint: str
    #: Where its API is; empty where each has its own address.
    base_url: str = ""
    #: Added to the address of an installation of one's own.
    api_path: str = ""


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _basic(user_and_token: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(user_and_token.encode()).decode()}"}


_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)+")
CONNECTORS: Mapping[str, Connector] = {
    each.name: each
    for each in (
        Connector(
            "jira", "Jira Cloud", jira_cloud.pull, _basic, _JIRA, re.compile(r"[A-Z][A-Z0-9_]+"), "SHOP",
            "your e-mail address, a colon and an API token: ada@example.org:ATATT…",
        ),
        Connector(
            "jira_dc", "Jira Data Center", jira_dc.pull, _bearer, _JIRA_DC, re.compile(r"[A-Z][A-Z0-9_]+"), "SHOP",
            "a personal access token",
        ),
        Connector(
            "github", "GitHub", github.pull,
            lambda token: _bearer(token) | {"X-GitHub-Api-Version": "2022-11-28"},
            _ALWAYS, re.compile(r"[\w.-]+/[\w.-]+"), "owner/repository",
            "a token that may read issues and projects", "https://api.github.com", "/api/v3",
        ),
        Connector(
            "gitlab", "GitLab", gitlab.pull, lambda token: {"PRIVATE-TOKEN": token},
            _ALWAYS | {"estimated_hours", "actual_hours", "due_date"}, _PATH, "group/project",
            "a token with the scope read_api", "https://gitlab.com/api/v4", "/api/v4",
        ),
        Connector(
            "linear", "Linear", linear.pull, lambda token: {"Authorization": token},
            _ALWAYS | {"parent", "priority", "component", "due_date"}, re.compile(r"[A-Z0-9]+"), "TEAM",
            "a personal API key", "https://api.linear.app",
        ),
        Connector(
            "azure", "Azure DevOps", azure.pull, lambda token: _basic(f":{token}"),
            _JIRA, re.compile(r"[^/\\?#]+"), "Project", "a personal access token that may read work items",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is to be imported from."""

    connector: Connector
    base_url: str
    scope: str


def place_of(kind: str, base_url: str, scope: str) -> Place:
    """A place by its parts; raises `ImportRefused` with what would be right."""
    connector = CONNECTORS.get(kind)
    if connector is None:
        raise ImportRefused(f"There is no tracker {kind!r}. Known are {', '.join(CONNECTORS)}.")
    base_url = base_url.rstrip("/") or connector.base_url
    if not base_url:
        raise ImportRefused(f"{connector.title} needs the address of your site.")
    if not connector.scope_shape.fullmatch(scope):
        raise ImportRefused(
            f"{scope[:100]!r} is no place in {connector.title}: write it like {connector.scope_example}."
        )
    return Place(connector, base_url, scope)


def require_token(kind: str, token: str) -> None:
    """Refuse what no request can bear, such as a token that was copied with an ellipsis; raises `ImportRefused`."""
    connector = CONNECTORS[kind]
    is_whole = connector.headers is not _basic or ":" in token
    sent = connector.headers(token).values() if token.isprintable() else ()
    if not (sent and is_whole and all(value.isascii() for value in sent)):
        raise ImportRefused(
            f"This is no token: {connector.title} wants {connector.token_hint}, on one line, without anything else."
        )


def require_site(url: str) -> None:
    """Refuse an address that no request of ours would be sent to; raises `ImportRefused` with what is wrong with it."""
    try:
        target = target_of(url)
    except UrlRefused as error:
        raise ImportRefused(error.message) from error
    if "?" in target.path:
        raise ImportRefused("The address of a site ends before its query (?…).")


def place_in(text: str) -> Place | None:
    """A place from what somebody pastes: 'github:owner/repo', or the address of a page; None for a name of a file.

    Addresses of one's own installation say what they are: 'jira_dc:https://jira.example.com/projects/SHOP'.
    """
    kind, colon, rest = text.partition(":")
    if colon and kind in CONNECTORS:
        return place_of(kind, "", rest) if "://" not in rest else _of_page(kind, rest)
    if not text.startswith("https://"):
        return None
    host = _parts(text).hostname or ""
    hosts = {"github.com": "github", "gitlab.com": "gitlab", "linear.app": "linear", "dev.azure.com": "azure"}
    found = "jira" if host.endswith(".atlassian.net") else hosts.get(host)
    if found is None:
        raise ImportRefused(
            f"What is at {host}? Say it: {', '.join(f'{each}:{text}' for each in ('jira_dc', 'gitlab'))}."
        )
    return _of_page(found, text)


def _parts(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise ImportRefused(f"This is no address: {url[:100]}") from error


def _of_page(kind: str, url: str) -> Place:
    """The place that a page shows."""
    parts = _parts(url)
    site, path = f"{parts.scheme}://{parts.netloc}", [part for part in parts.path.split("/") if part]
    require_site(site)
    if kind in ("jira", "jira_dc"):
        key = re.search(r"/(?:projects|browse)/([A-Z][A-Z0-9_]+)", parts.path)
        # Before it stands the path of the server, where it has one.
        context = re.split(r"/(?:jira|projects|browse)\b", parts.path)[0] if kind == "jira_dc" else ""
        return place_of(kind, site + context, key[1] if key else "/".join(path))
    if kind == "linear":
        return place_of(kind, "", path[path.index("team") + 1] if "team" in path[:-1] else "/".join(path))
    if kind == "azure":
        return place_of(kind, f"{site}/{path[0]}" if path else site, path[1] if len(path) > 1 else "")
    scope = parts.path.partition("/-/")[0].strip("/") if kind == "gitlab" else "/".join(path[:2])
    is_public = parts.hostname in ("github.com", "gitlab.com")
    return place_of(kind, "" if is_public else site + CONNECTORS[kind].api_path, scope)


def issue_page(place: Place, key: str) -> str:
    """The address of an issue's page; the API is beside it, or on a host of its own where it is everybody's."""
    kind, number = place.connector.name, quote(key.lstrip("#"))
    site, scope = _site(place), quote(place.scope)
    match kind:
        case "github":
            return f"{site}/{scope}/issues/{number}"
        case "gitlab":
            return f"{site}/{scope}/-/issues/{number}"
        case "linear":
            return f"{site}/issue/{number}"
        case "azure":
            return f"{site}/{scope}/_workitems/edit/{number}"
    return f"{site}/browse/{number}"


def _site(place: Place) -> str:
    """Where people go: 'https://github.com' of 'https://api.github.com', and of 'https://git.example.org/api/v3'."""
    kind = CONNECTORS[place.connector.name]
    if place.base_url == kind.base_url:
        return place.base_url.replace("//api.", "//").removesuffix(kind.api_path)
    return place.base_url.removesuffix(kind.api_path)
