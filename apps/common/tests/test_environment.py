"""A slip in a value stops the start with one line; the line says what would be right and repeats no password."""

import os
from pathlib import Path

import pytest

from apps.common.operations.environment import Environment


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Environment:
    config = Environment()
    monkeypatch.setattr(config, "ENVIRON", {})
    monkeypatch.setattr(Environment, "asked", set(Environment.asked))
    return config


def test_values_are_read_and_defaults_stand_in(config: Environment) -> None:
    config.ENVIRON |= {"A": "Yes", "B": "7", "C": "0.5", "D": "sqlite:////tmp/x.db"}

    assert config.bool("A", default=False) is True
    assert config.bool("NOT_THERE", default=False) is False
    assert config.int("B", default=3, most=9) == 7
    assert config.int("NOT_THERE", default=3, most=9) == 3
    assert config.float("C", default=1.0, least=0.1, most=9.0) == 0.5
    assert config.db("D", default="")["NAME"] == "/tmp/x.db"
    assert config.email("")["EMAIL_BACKEND"].endswith("dummy.EmailBackend")


@pytest.mark.parametrize("value", ["ture", "maybe", "2"])
def test_a_word_that_is_neither_yes_nor_no_is_no_silent_no(config: Environment, value: str) -> None:
    config.ENVIRON["SOME_FLAG"] = value

    with pytest.raises(SystemExit, match=r"SOME_FLAG is .* it is True or False"):
        config.bool("SOME_FLAG", default=True)


@pytest.mark.parametrize("value", ["", "ten", "1_0", "٣", "0", "-3", "9" * 30, "1.5", "1e1", "inf"])
def test_a_number_out_of_its_limits_is_refused_with_the_limits(config: Environment, value: str) -> None:
    config.ENVIRON["SOME_DAYS"] = value

    with pytest.raises(SystemExit, match=r"SOME_DAYS is .* a whole number from 1 to 100, such as 7"):
        config.int("SOME_DAYS", default=7, most=100)


def test_blanks_around_a_number_are_no_part_of_it(config: Environment) -> None:
    config.ENVIRON |= {"DAYS": " 5 ", "SECONDS": " 5 "}

    assert config.int("DAYS", default=7, most=100) == config.float("SECONDS", default=2.0, least=1.0, most=60.0) == 5


def test_a_line_repeats_no_more_of_a_value_than_one_reads(config: Environment) -> None:
    config.ENVIRON["DAYS"] = "9" * 100_000

    with pytest.raises(SystemExit, match="from 1 to 100") as stopped:
        config.int("DAYS", default=7, most=100)
    assert len(str(stopped.value)) < 400


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "80 %", "1_0", "1e1", "٣", "0.01", "61", ".5", "0x5"])
def test_a_fraction_that_is_none_is_refused(config: Environment, value: str) -> None:
    config.ENVIRON["SOME_SECONDS"] = value

    with pytest.raises(SystemExit, match="SOME_SECONDS is"):
        config.float("SOME_SECONDS", default=2.0, least=0.1, most=60.0)


@pytest.mark.parametrize(
    "url",
    [
        "postgres//u:geheim@h/n", "localhost:5432", "postgresql://u:geheim@h:abc/n", "foo://geheim",
        "sqlite://", "sqlite:///", "sqlite:/x", "sqlite:///rel.db", "sqlite://:memory:",
        "postgresql://", "postgresql://u:geheim@h", "postgresql://u:geheim@%2Frun%2Fpostgresql/n",
        "mysql://u:geheim@a/b", "postgresql://u:geheim@h:0/n", "postgresql://u:geheim@h o/n",
        "postgresql://u:geheim@a:5432,b:00/n", "postgresql:/u:geheim@h/n",
    ],
)  # fmt: skip
def test_an_address_of_no_database_is_refused_without_its_password(config: Environment, url: str) -> None:
    config.ENVIRON["DATABASE_URL"] = url

    with pytest.raises(SystemExit, match="it is like sqlite:") as stopped:
        config.db("DATABASE_URL", default="sqlite:///x.db")

    assert "geheim" not in str(stopped.value)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:////data/team#1.db", "a # or a blank at an end"),
        ("sqlite:////data/x.db ", "a # or a blank at an end"),
        ("postgresql://u:geheim#1@h/n", "a # or a blank at an end"),
        ("postgresql://u:geheim@h/n?dbname=m", "names its dbname twice"),
        ("postgresql://u:geheim@h:5432/n?port=5433&user=v", "names its user, port twice"),
        ("sqlite:////data/x%00.db", "is no address that can be read"),
    ],
)
def test_an_address_that_would_mean_another_database_is_refused(config: Environment, url: str, told: str) -> None:
    config.ENVIRON["DATABASE_URL"] = url

    with pytest.raises(SystemExit, match=told) as stopped:
        config.db("DATABASE_URL", default="sqlite:///x.db")

    assert "geheim" not in str(stopped.value)


@pytest.mark.parametrize("below", ["", "/missing/x.db"])
def test_a_database_that_is_a_folder_or_in_none_is_refused(config: Environment, tmp_path: Path, below: str) -> None:
    config.ENVIRON["DATABASE_URL"] = f"sqlite:///{tmp_path}{below}"

    with pytest.raises(SystemExit, match="it names a file in a folder that is there"):
        config.db("DATABASE_URL", default="sqlite:///x.db")


@pytest.mark.parametrize("content", [b"root:x:0:0", b"SQLite format 2", b"\0" * 4096])
def test_a_file_that_is_no_database_is_refused_and_keeps_its_rights(
    config: Environment, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "passwd"
    path.write_bytes(content)
    path.chmod(0o644)
    config.ENVIRON["DATABASE_URL"] = f"sqlite:///{path}"

    with pytest.raises(SystemExit, match="a file that is no database of SQLite is there"):
        config.db("DATABASE_URL", default="sqlite:///x.db")

    assert path.stat().st_mode & 0o777 == 0o644


def test_a_device_is_no_database_and_an_empty_file_may_become_one(config: Environment, tmp_path: Path) -> None:
    (tmp_path / "new.sqlite3").touch()
    config.ENVIRON |= {"DEVICE": "sqlite:////dev/null", "NEW": f"sqlite:///{tmp_path}/new.sqlite3"}

    with pytest.raises(SystemExit, match="no database"):
        config.db("DEVICE", default="")
    assert config.db("NEW", default="")["NAME"] == f"{tmp_path}/new.sqlite3"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("sslmode=wrong", "invalid sslmode value"),
        ("target_session_attrs=foo", "invalid target_session_attrs value"),
        ("connect_timeout=abc", "no whole number: connect_timeout"),
        ("keepalives_idle=1.5", "no whole number: keepalives_idle"),
    ],
)
def test_a_value_that_an_option_of_a_database_cannot_have_is_named(
    config: Environment, options: str, named: str
) -> None:
    config.ENVIRON["DATABASE_URL"] = f"postgresql://u:geheim@h/n?{options}"

    with pytest.raises(SystemExit, match=named) as stopped:
        config.db("DATABASE_URL", default="")

    assert "geheim" not in str(stopped.value)


@pytest.mark.parametrize("text", ["/data ", "~/scrum", "$HOME", "s3://models"])
def test_a_folder_that_would_be_called_otherwise_than_meant_is_refused(config: Environment, text: str) -> None:
    config.ENVIRON["VAR"] = text

    with pytest.raises(SystemExit, match=r"VAR is .* it is a path to the letter"):
        config.folder("VAR", default="var", base=Path("/srv"))


def test_a_folder_is_whole_or_below_the_base_and_none_is_the_default(config: Environment) -> None:
    config.ENVIRON |= {"EMPTY": "", "WHOLE": "/data", "BELOW": "my data"}

    found = [config.folder(name, default="var", base=Path("/srv")) for name in ("EMPTY", "WHOLE", "BELOW")]

    assert [str(each) for each in found] == ["/srv/var", "/data", "/srv/my data"]


def test_bytes_that_are_no_text_are_refused_without_them(config: Environment) -> None:
    config.ENVIRON |= {"KEYS": b"geheim\xff".decode(errors="surrogateescape"), "NAME": "Schlüssel"}

    with pytest.raises(SystemExit, match="KEYS holds bytes that are no UTF-8") as stopped:
        config.list("KEYS", default=[])
    assert "geheim" not in str(stopped.value)
    assert config.str("NAME", default="") == "Schlüssel"


@pytest.mark.parametrize("value", ['"/geheim"', "'geheim'", '"a,b"'])
def test_a_value_in_quotes_is_refused_without_it(config: Environment, value: str) -> None:
    """As files of the environment for containers keep them: it would be another folder, and other keys."""
    config.ENVIRON |= {"IN_QUOTES": value, "SENDER": '"Team" <a@example.com>'}

    with pytest.raises(SystemExit, match="IN_QUOTES stands in quotes") as stopped:
        config.list("IN_QUOTES", default=[])
    assert "geheim" not in str(stopped.value)
    assert config.str("SENDER", default="") == '"Team" <a@example.com>'


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com", "smtp://u:geheim@h:abc", "foo://geheim", "smtp://u:geheim@h:25?ssl=True",
        "smtp://u:geheim@h:25/path", "smtp://u:geheim@h#x", "smtp+tls://geheim@h", "smtp+tls://:geheim@h",
        "smtp://u:geheim@h:25?timeout=5", "smtps://u:geheim@h:465", "filemail://geheim", "memorymail://geheim",
    ],
)  # fmt: skip
def test_an_address_of_no_mail_server_is_refused_without_its_password(config: Environment, url: str) -> None:
    with pytest.raises(SystemExit, match="EMAIL_URL is no address") as stopped:
        config.email(url)

    assert "geheim" not in str(stopped.value)


def test_a_word_beside_the_choice_is_refused_with_the_choice(config: Environment) -> None:
    config.ENVIRON["LOG_LEVEL"] = "LOUD"

    with pytest.raises(SystemExit, match="it is one of INFO, ERROR"):
        config.choice("LOG_LEVEL", default="INFO", among=("INFO", "ERROR"))


def test_blanks_around_commas_belong_to_no_part_of_a_list(config: Environment) -> None:
    config.ENVIRON |= {"KEYS": "new, old ,", "NONE": ""}

    assert config.list("KEYS", default=[]) == ["new", "old"]
    assert config.list("NONE", default=["own"]) == ["own"]


@pytest.mark.parametrize("text", [" ", "\t \n", ",", " , ,"])
def test_what_says_nothing_is_no_silent_default(config: Environment, text: str) -> None:
    config.ENVIRON["KEYS"] = text

    with pytest.raises(SystemExit, match=r"KEYS is .* no value: give one, or nothing"):
        config.list("KEYS", default=["own"])


def test_a_plus_is_one_in_every_part_of_an_address(config: Environment, tmp_path: Path) -> None:
    config.ENVIRON |= {"FILE": f"sqlite:///{tmp_path}/a+b.db", "SERVER": "postgresql://u+v:p+q@h/n+m?sslmode=require"}

    assert config.db("FILE", default="")["NAME"] == f"{tmp_path}/a+b.db"
    server = config.db("SERVER", default="")
    assert [server[part] for part in ("USER", "PASSWORD", "NAME")] == ["u+v", "p+q", "n+m"]


@pytest.mark.parametrize("name", ["team #1", "100%25", "a+b", "a?b=c"])
def test_the_default_database_lies_in_its_folder_whatever_that_is_called(
    config: Environment, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()

    assert config.db("DATABASE_URL", default=f"sqlite:///{tmp_path}/{name}/x.db")["NAME"] == f"{tmp_path}/{name}/x.db"


def test_a_value_that_begins_with_a_dollar_is_what_it_says(config: Environment) -> None:
    config.ENVIRON |= {"SECRET": "$ecret", "KEYS": "$one,two", "HOME": "/root", "PLACE": "$HOME"}

    assert config("SECRET", default="") == "$ecret"
    assert config.str("PLACE", default="") == "$HOME"
    assert config.list("KEYS", default=[]) == ["$one", "two"]


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("postgresql://u:geheim@h/n?conn_max_age=600", "CONN_MAX_AGE"),
        ("postgresql://u:geheim@h/n?atomic_requests=True", "ATOMIC_REQUESTS"),
        ("postgresql://u:geheim@h/n?sslmod=require", "sslmod"),
        ("sqlite:////tmp/x.db?timeout=3", "timeout"),
    ],
)
def test_an_option_of_a_database_that_it_cannot_have_is_named(config: Environment, url: str, named: str) -> None:
    config.ENVIRON["DATABASE_URL"] = url

    with pytest.raises(SystemExit, match=f"an option behind the . that it cannot have: {named}") as stopped:
        config.db("DATABASE_URL", default="sqlite:///x.db")

    assert "geheim" not in str(stopped.value)


def test_options_that_the_database_knows_are_taken(config: Environment) -> None:
    config.ENVIRON["DATABASE_URL"] = "postgresql://u@h/n?sslmode=require&connect_timeout=3"

    assert config.db("DATABASE_URL", default="")["OPTIONS"] == {"sslmode": "require", "connect_timeout": 3}


@pytest.mark.parametrize(
    "url",
    ["smtp://", "smtp+tls://u:geheim@:587", "smtp://h:0", "smtp+tls://u:geheim@h h:25", "smtp+ssl://u:geheim@x..y:25",
     "smtp://h,geheim", "smtp://h;x", "smtp://-", "smtp+tls://u:gehe%C3%AFm@h:587"],
)  # fmt: skip
def test_a_mail_server_that_is_no_server_is_refused(config: Environment, url: str) -> None:
    with pytest.raises(SystemExit, match="EMAIL_URL is no address") as stopped:
        config.email(url)

    assert "geheim" not in str(stopped.value)


def test_a_mail_server_without_a_port_has_the_usual_one(config: Environment) -> None:
    assert config.email("smtp://mail.example.com")["EMAIL_HOST"] == "mail.example.com"


def test_a_database_in_a_folder_that_this_user_may_not_enter_is_one_line(
    config: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.ENVIRON["DATABASE_URL"] = f"sqlite:///{tmp_path}/x.db"
    # The system refuses nothing to who may do everything, and the tests may run so.
    monkeypatch.setattr(os, "access", lambda place, how: place != tmp_path)
    monkeypatch.setattr(Path, "exists", lambda place: pytest.fail("It raises in such a folder."))

    with pytest.raises(SystemExit, match="in a folder that this user may enter"):
        config.db("DATABASE_URL", default="sqlite:///x.db")
