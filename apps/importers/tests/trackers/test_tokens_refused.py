"""A token that no request can bear is refused when it is given, and not each hour from then on."""

import pytest

from apps.importers.records import ImportRefused
from apps.importers.sources.registry import CONNECTORS, require_token

pytestmark = pytest.mark.django_db
BAD = ["ghp_abc…", "\ufeffghp_abc", "ghp_abc\nX: y", "ghp\tabc", "ghp_abc\x7f"]


@pytest.mark.parametrize("token", BAD)
@pytest.mark.parametrize("kind", CONNECTORS)
def test_what_is_no_token_is_refused(kind, token):
    if kind not in ("jira", "azure") or not token.isprintable():
        with pytest.raises(ImportRefused, match="wants"):
            require_token(kind, token)


@pytest.mark.parametrize("kind", CONNECTORS)
def test_a_token_is_taken(kind):
    require_token(kind, "ada@example.org:ATATT-x_y=" if kind == "jira" else "glpat-x_y=")


def test_of_jira_cloud_an_address_belongs_to_it():
    with pytest.raises(ImportRefused, match="your e-mail address, a colon"):
        require_token("jira", "ATATT")


def test_neither_a_new_connection_nor_an_old_one_takes_it(api_client, project, lead, connection):
    api_client.force_authenticate(lead)
    asked = {"kind": "github", "scope": "a/b", "token": "ghp_abc…"}
    refused = api_client.post(f"/api/v1/projects/{project.pk}/connections/", asked, format="json")
    assert refused.status_code == 400
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/token"]
    changed = api_client.patch(
        f"/api/v1/projects/{project.pk}/connections/{connection.pk}/", {"token": "ATATT"}, format="json"
    )
    assert changed.status_code == 400
