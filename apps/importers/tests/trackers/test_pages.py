"""An issue leads to its page in the tracker that it came from."""

import pytest

from apps.importers.sources.registry import issue_page, place_of


@pytest.mark.parametrize(
    ("kind", "base_url", "scope", "key", "address"),
    [
        ("jira", "https://shop.atlassian.net", "SHOP", "SHOP-7", "https://shop.atlassian.net/browse/SHOP-7"),
        ("jira_dc", "https://example.org/jira", "SHOP", "SHOP-7", "https://example.org/jira/browse/SHOP-7"),
        ("github", "", "ada/engine", "#7", "https://github.com/ada/engine/issues/7"),
        ("github", "https://git.example.org/api/v3", "ada/engine", "#7", "https://git.example.org/ada/engine/issues/7"),
        ("gitlab", "", "ada/shop/web", "#7", "https://gitlab.com/ada/shop/web/-/issues/7"),
        ("gitlab", "https://git.example.org/api/v4", "ada/web", "#7", "https://git.example.org/ada/web/-/issues/7"),
        ("linear", "", "ENG", "ENG-7", "https://linear.app/issue/ENG-7"),
        (
            "azure",
            "https://dev.azure.com/ada",
            "Web shop",
            "7",
            "https://dev.azure.com/ada/Web%20shop/_workitems/edit/7",
        ),
    ],
)
def test_each_tracker_shows_an_issue_at_its_own_address(
    kind: str, base_url: str, scope: str, key: str, address: str
) -> None:
    assert issue_page(place_of(kind, base_url, scope), key) == address
