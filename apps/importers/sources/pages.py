"""Where a tracker shows an issue to people, by the place that it came from and its key there."""

from urllib.parse import quote

from apps.importers.sources.registry import CONNECTORS, Place


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
