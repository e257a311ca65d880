"""A slip in a value stops the start with one line; the line says what would be right and repeats no password."""

from pathlib import Path

import pytest

from apps.common.operations.environment import Environment


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Environment:
    config = Environment()
    monkeypatch.setattr(config, "ENVIRON", {})
    return config


def test_values_are_read_and_defaults_stand_in(config: Environment) -> None:
    config.ENVIRON |= {"A": "Yes", "B": "7", "C": "0.5", "D": "sqlite:////tmp/x.db"}

    assert config.bool("A", default=False) is True
    assert config.bool("NOT_THERE", default=False) is False
    assert config.int("B", default=3, most=9) == 7
    assert config.int("NOT_THERE", default=3, most=9) == 3
    assert config.float("C", default=1.0, most=9.0) == 0.5
    assert config.db("D", default="")["NAME"] == "/tmp/x.db"
    assert config.email("")["EMAIL_BACKEND"].endswith("dummy.EmailBackend")


@pytest.mark.parametrize("value", ["ture", "maybe", "2"])
def test_a_word_that_is_neither_yes_nor_no_is_no_silent_no(config: Environment, value: str) -> None:
    config.ENVIRON["SOME_FLAG"] = value

    with pytest.raises(SystemExit, match=r"SOME_FLAG is .* it is True or False"):
        config.bool("SOME_FLAG", default=True)


@pytest.mark.parametrize("value", ["", "ten", "1_0x", "0", "-3", "9" * 30, "1.5"])
def test_a_number_out_of_its_limits_is_refused_with_the_limits(config: Environment, value: str) -> None:
    config.ENVIRON["SOME_DAYS"] = value

    with pytest.raises(SystemExit, match=r"SOME_DAYS is .* a whole number from 1 to 100, such as 7"):
        config.int("SOME_DAYS", default=7, most=100)


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "80 %"])
def test_a_fraction_that_is_none_is_refused(config: Environment, value: str) -> None:
    config.ENVIRON["SOME_SECONDS"] = value

    with pytest.raises(SystemExit, match="SOME_SECONDS is"):
        config.float("SOME_SECONDS", default=2.0, most=60.0)


@pytest.mark.parametrize(
    "url",
    [
        "postgres//u:geheim@h/n", "localhost:5432", "postgresql://u:geheim@h:abc/n", "foo://geheim",
        "sqlite://", "sqlite:///", "sqlite:/x", "sqlite:///rel.db", "sqlite://:memory:",
        "postgresql://", "postgresql://u:geheim@h", "mysql://u:geheim@a/b",
    ],
)  # fmt: skip
def test_an_address_of_no_database_is_refused_without_its_password(config: Environment, url: str) -> None:
    config.ENVIRON["DATABASE_URL"] = url

    with pytest.raises(SystemExit, match="it is like sqlite:") as stopped:
        config.db("DATABASE_URL", default="sqlite:///x.db")

    assert "geheim" not in str(stopped.value)


@pytest.mark.parametrize("below", ["", "/missing/x.db"])
def test_a_database_that_is_a_folder_or_in_none_is_refused(config: Environment, tmp_path: Path, below: str) -> None:
    config.ENVIRON["DATABASE_URL"] = f"sqlite:///{tmp_path}{below}"

    with pytest.raises(SystemExit, match="it names a file in a folder that is there"):
        config.db("DATABASE_URL", default="sqlite:///x.db")


@pytest.mark.parametrize("url", ["mail.example.com", "smtp://u:geheim@h:abc", "foo://geheim"])
def test_an_address_of_no_mail_server_is_refused_without_its_password(config: Environment, url: str) -> None:
    with pytest.raises(SystemExit, match="EMAIL_URL is no address") as stopped:
        config.email(url)

    assert "geheim" not in str(stopped.value)


def test_a_word_beside_the_choice_is_refused_with_the_choice(config: Environment) -> None:
    config.ENVIRON["LOG_LEVEL"] = "LOUD"

    with pytest.raises(SystemExit, match="it is one of INFO, ERROR"):
        config.choice("LOG_LEVEL", default="INFO", among=("INFO", "ERROR"))


def test_blanks_around_commas_belong_to_no_part_of_a_list(config: Environment) -> None:
    config.ENVIRON |= {"KEYS": "new, old ,", "BLANK": " , "}

    assert config.list("KEYS", default=[]) == ["new", "old"]
    assert config.list("BLANK", default=["own"]) == ["own"]


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
    ["smtp://", "smtp+tls://u:geheim@:587", "smtp://h:0", "smtp+tls://u:geheim@h h:25", "smtp+ssl://u:geheim@x..y:25"],
)
def test_a_mail_server_that_is_no_server_is_refused(config: Environment, url: str) -> None:
    with pytest.raises(SystemExit, match="EMAIL_URL is no address") as stopped:
        config.email(url)

    assert "geheim" not in str(stopped.value)


def test_a_mail_server_without_a_port_has_the_usual_one(config: Environment) -> None:
    assert config.email("smtp://mail.example.com")["EMAIL_HOST"] == "mail.example.com"
