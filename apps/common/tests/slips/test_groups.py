"""Settings that mean nothing without another are told at start and by `check --deploy`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks

from apps.common.operations.environment import Environment
from apps.common.operations.metric_files import share
from apps.common.operations.slips import SETTINGS, refuse_slips


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """An environment that says this and nothing else."""

    def say(**values: str) -> None:
        monkeypatch.setattr(Environment, "ENVIRON", values)

    return say


def told(about: str) -> Iterator[tuple[str, bool]]:
    for found in run_checks(tags=[SETTINGS], include_deployment_checks=True):
        if about in found.msg:
            assert found.hint
            yield found.msg, found.is_serious()


@pytest.mark.parametrize(("name", "value"), [("OIDC_NAME", "Our log-in"), ("OIDC_ALGORITHM", "ES256")])
def test_single_sign_on_without_a_provider_stops_the_start(
    settings: Any, given: Callable[..., None], name: str, value: str
) -> None:
    settings.OIDC_ISSUER = ""
    given(**{name: value})

    [(_, is_serious)] = told("OIDC_ISSUER is empty")
    assert is_serious


def test_what_only_says_the_default_means_nothing_else(settings: Any, given: Callable[..., None]) -> None:
    settings.OIDC_ISSUER, settings.AWS_STORAGE_BUCKET_NAME = "", None
    given(OIDC_NAME="Single sign-on", OIDC_ALGORITHM="RS256", AWS_S3_CHECKSUMS="true", DEFAULT_FROM_EMAIL="")

    assert not any(told(""))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_S3_REGION_NAME", "eu-central-1"),
        ("AWS_S3_TIMEOUT_SECONDS", "20"),
        ("AWS_S3_CHECKSUMS", "False"),
        ("DEFAULT_FROM_EMAIL", "a@b.example"),
    ],
)
def test_what_means_nothing_without_another_is_told(
    settings: Any, given: Callable[..., None], name: str, value: str
) -> None:
    settings.AWS_STORAGE_BUCKET_NAME, settings.EMAIL_URL = None, ""
    given(**{name: value})

    [(text, is_serious)] = told("means nothing")
    assert text.startswith(f"{name} is set")
    assert not is_serious


def test_a_folder_beside_a_bucket_and_a_pool_of_sqlite_are_told(
    settings: Any, given: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AWS_STORAGE_BUCKET_NAME = "models"
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    given(MODEL_STORE_DIR="/data", DATABASE_POOL_SIZE="20")

    assert {text.split()[0] for text, _ in told("means nothing")} == {"MODEL_STORE_DIR", "DATABASE_POOL_SIZE"}


@pytest.mark.parametrize(
    ("url", "hosts", "is_told"),
    [
        ("https://scrum.example.com/team", ["scrum.example.com"], False),
        ("https://scrum.example.com:8443", [".example.com"], False),
        ("http://[::1]:8000", ["[::1]"], False),
        ("https://scrum.example.com", ["localhost"], True),
        ("", ["localhost"], False),
    ],
)
def test_links_of_mails_that_would_be_refused_are_told(
    settings: Any, url: str, hosts: list[str], is_told: bool
) -> None:
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = url, hosts

    assert any(told("PUBLIC_URL")) is is_told


def test_a_folder_that_this_user_cannot_write_in_is_told(
    settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.MODEL_STORE_DIR = tmp_path / "later"
    monkeypatch.setattr("apps.common.operations.slips.folders.os.access", lambda path, _: path != tmp_path)

    [(text, is_serious)] = told("cannot read and write")
    assert text.startswith("MODEL_STORE_DIR")
    assert not is_serious


def closed_at_start(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *paths: Path) -> list[str]:
    """What a start says where these are mounted for reading only."""
    monkeypatch.setattr("apps.common.operations.slips.folders.os.access", lambda path, _: path not in paths)
    refuse_slips()
    return [text for text in caplog.messages if "cannot read and write" in text]


@pytest.fixture
def database_file(settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A database of SQLite in a folder of its own, beside the installation's."""
    (tmp_path / "var" / "models").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    settings.VAR_DIR, settings.MODEL_STORE_DIR = tmp_path / "var", tmp_path / "var" / "models"
    file = tmp_path / "data" / "db.sqlite3"
    file.touch()
    default = {"ENGINE": "django.db.backends.sqlite3", "NAME": file}
    monkeypatch.setattr("apps.common.operations.slips.folders.settings.DATABASES", {"default": default})
    return file


def test_a_start_tells_an_installation_that_cannot_be_written_in_one_line(
    database_file: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    var = settings.VAR_DIR
    [told] = closed_at_start(monkeypatch, caplog, var, var / "models")
    assert told == (
        f"settings: SCRUM_ML_VAR_DIR: this user cannot read and write in {var}. "
        "Give it to who runs the service, or mount it for writing."
    )


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_start_tells_a_database_that_cannot_be_written_in_one_line(
    database_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, is_folder: bool
) -> None:
    closed = [database_file.parent, database_file] if is_folder else [database_file]
    [told] = closed_at_start(monkeypatch, caplog, *closed)
    assert told.startswith(f"settings: DATABASE_URL: this user cannot read and write in {closed[0]}.")


def test_nothing_is_counted_in_a_folder_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there and called like ours would be removed before any check is asked."""
    monkeypatch.setattr("apps.common.operations.metric_files._begin", lambda _: pytest.fail("It is swept."))

    with pytest.raises(SystemExit, match=r"METRICS_DIR is '/tmp'; .* the system's"):
        share(Path("/tmp"))


def test_a_folder_that_others_may_look_into_is_no_slip(settings: Any, tmp_path: Path) -> None:
    # What is stored there is for its owner only, and so are the folders that it lies in.
    settings.MODEL_STORE_DIR = tmp_path
    tmp_path.chmod(0o755)

    assert not any(told("MODEL_STORE_DIR"))


@pytest.mark.parametrize(
    ("network", "is_wide"),
    [("0.0.0.0/0", True), ("::/0", True), ("8.0.0.0/7", True), ("10.0.0.0/8", False), ("fd00::/8", False)],
)
@pytest.mark.parametrize("name", ["WEBHOOK_ALLOWED_NETWORKS", "TRACKER_ALLOWED_NETWORKS"])
def test_a_network_wider_than_any_house_is_told(settings: Any, name: str, network: str, is_wide: bool) -> None:
    setattr(settings, name, [network])

    assert [serious for _, serious in told(f"{name} holds {network}: who leads")] == [False] * is_wide


@pytest.mark.parametrize(
    ("hosts", "found"), [(["*"], True), ([".com"], True), (["."], True), ([".example.com"], False), (["a.com"], False)]
)
def test_hosts_of_anybody_are_an_error(settings: Any, hosts: list[str], found: bool) -> None:
    settings.ALLOWED_HOSTS = hosts

    ids = [each.id for each in run_checks(tags=["security"], include_deployment_checks=True)]

    assert ("common.E002" in ids) is found
