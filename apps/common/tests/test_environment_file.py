"""`.env`: read to the letter or not at all, and names that are nearly ones of settings."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from apps.common.operations.environment import Environment
from apps.common.operations.slips.names import names_are_names_of_settings


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Environment, "ENVIRON", {})
    monkeypatch.setattr(Environment, "in_files", set())
    return tmp_path / ".env"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_is_read_with_its_comments_quotes_and_the_mark_of_some_editors(file: Path, end: str) -> None:
    lines = [
        "A=1", "", "  # B=2", "export C='x y'", '  D="#1"', "E=", "F=a=b#c", 'G="Team" <a@example.com>', "H=it's",
        r'I="a\"b"',
    ]  # fmt: skip
    file.write_bytes(b"\xef\xbb\xbf" + end.join(lines).encode())

    Environment.read_env(str(file))

    own = {
        "A": "1",
        "C": "x y",
        "D": "#1",
        "E": "",
        "F": "a=b#c",
        "G": '"Team" <a@example.com>',
        "H": "it's",
        "I": 'a"b',
    }
    assert own == Environment.ENVIRON
    assert own.keys() == Environment.in_files


def test_a_file_may_be_a_pipe_that_a_keeper_of_secrets_fills(file: Path) -> None:
    os.mkfifo(file)
    with ThreadPoolExecutor(1) as pool:
        filled = pool.submit(file.write_text, "A=1\n")
        Environment.read_env(str(file))

    assert filled.result() == 4
    assert Environment.ENVIRON == {"A": "1"}


def test_a_link_that_leads_nowhere_is_no_empty_file(file: Path) -> None:
    file.symlink_to("secrets/that/are/not/there")

    with pytest.raises(SystemExit, match="No such file"):
        Environment.read_env(str(file))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SECRET = geheim", "line 1 is no NAME=value"),
        ("A=1\nSECRET =geheim", "line 2 is no NAME=value"),
        ("SECRET: geheim", "line 1 is no NAME=value"),
        ("export  SECRET=geheim", "line 1 is no NAME=value"),
        ("SECRET=a\ngeheim", "line 2 is no NAME=value"),
        ("\u200bSECRET=geheim", "line 1 is no NAME=value"),
        ('SECRET="geheim', "line 1: the value of SECRET begins with a quote"),
        ('SECRET="a" "geheim" # new', "line 1: the value of SECRET begins with a quote"),
        ("SECRET='geheim'\u00a0", "line 1: the value of SECRET begins with a quote"),
        ('SECRET="geheim" # new', "line 1: the value of SECRET begins with a quote"),
        ("SECRET=\"geheim'", "line 1: the value of SECRET begins with a quote"),
        ('SECRET="geheim","b"', "line 1: the value of SECRET begins with a quote"),
        ("SECRET='it's geheim", "line 1: the value of SECRET begins with a quote"),
        ("SECRET=a\u0085GEHEIM=geheim", "line 1 is no NAME=value"),
        ("A=1\nSECRET=a\x0cgeheim", "line 2 is no NAME=value"),
        ("SECRET=geheim\nA=2\nexport SECRET=geheim", "line 3 names SECRET a second time"),
    ],
)
def test_a_line_of_a_file_that_is_not_read_as_it_stands_is_told_and_not_quoted(
    file: Path, text: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text(text)

    with pytest.raises(SystemExit, match=re.escape(told)) as stopped:
        Environment.read_env(str(file))

    assert "geheim" not in f"{stopped.value}{caplog.text}"
    assert Environment.ENVIRON == {}, "Half a file is none."


def test_a_file_that_may_not_be_read_stops_the_start_and_one_that_is_not_there_does_not(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Environment.read_env(str(file))
    file.mkdir()
    Environment.read_env(str(file))
    file.rmdir()
    file.write_text("A=1")

    def refused(*_: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refused)

    with pytest.raises(SystemExit, match=r"\.env cannot be read \(Permission denied\)"):
        Environment.read_env(str(file))


def test_a_name_that_is_nearly_one_of_a_setting_is_a_slip(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the file, which is ours, it stops the start; the environment holds what other programs read."""
    file.write_text("ml_predictions_enabled=False\nDATABASE_URI=x\nPOSTGRES_PASSWORD=x\n")
    Environment.read_env(str(file))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "x")

    found = names_are_names_of_settings()

    assert [(each.msg, each.hint, each.is_serious()) for each in found] == [
        ("AWS_ENDPOINT_URL is no setting.", "Is it AWS_S3_ENDPOINT_URL?", False),
        ("DATABASE_URI is no setting.", "Is it DATABASE_URL?", True),
        ("ml_predictions_enabled is no setting.", "Is it ML_PREDICTIONS_ENABLED?", True),
    ]


@pytest.mark.parametrize("meant", ["DEBUG", "EMAIL_URL", "LOG_LEVEL", "OIDC_NAME", "CELERY_BROKER_URL"])
def test_one_slip_in_a_short_name_is_told_too(file: Path, meant: str) -> None:
    other = meant[:-3] + "Q" + meant[-2:]
    swapped = meant[:-2] + meant[-1] + meant[-2]
    lacking, doubled = meant[:2] + meant[3:], meant[:2] + meant[1:]
    file.write_text("".join(f"{name}=x\n" for name in (other, swapped, lacking, doubled)))
    Environment.read_env(str(file))

    found = {each.msg: each.hint for each in names_are_names_of_settings() if each.is_serious()}

    assert found == {f"{name} is no setting.": f"Is it {meant}?" for name in (other, swapped, lacking, doubled)}
