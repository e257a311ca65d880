"""Reading the environment: a value that is none stops the start with one line that says what would be right."""

import builtins
import io
import os
import re
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, NoReturn, TypeAlias, TypeVar
from urllib.parse import quote

import environ
from django.core.exceptions import ImproperlyConfigured

Value = TypeVar("Value", int, float)
# `Env` names its readers as Python names its types.
Bool: TypeAlias = builtins.bool
Int: TypeAlias = builtins.int
Float: TypeAlias = builtins.float
#: What a yes and a no are; anything else is a slip. The library takes every other word for a no.
YES, NO = ("true", "yes", "y", "ok", "on", "1"), ("false", "no", "n", "off", "0", "")

#: Characters of a value that are repeated where it is refused.
_MOST_QUOTED = 200


def refuse(name: str, value: object, right: str) -> NoReturn:
    """End the process: whoever started it reads this line."""
    sys.exit(f"settings: {name} is {value!r:.{_MOST_QUOTED}}; {right}")


@contextmanager
def needing_a_place(name: str) -> Iterator[None]:
    """Whatever cannot be written meanwhile ends the process with one line, which names the setting that chooses."""
    try:
        yield
    except OSError as error:
        sys.exit(f"settings: cannot write to {error.filename} ({error.strerror}); name a writable place with {name}.")


class Environment(environ.Env):  # type: ignore[misc] # it has no types
    """`environ.Env` with limits, and words in place of tracebacks."""

    #: Of this process: the names that it has asked for, and those that a file has.
    asked: ClassVar[set[str]] = set()
    in_files: ClassVar[set[str]] = set()
    #: What stands in for those that are not given.
    defaults: ClassVar[dict[str, str]] = {}

    def get_value(self, var: str, *args: Any, **options: Any) -> Any:
        """What stands there. The library takes `$x` for the value of another variable, and a secret for nothing."""
        self.asked.add(var)
        self.defaults[var] = str(options.get("default", ""))
        value = self.ENVIRON.get(f"{self.prefix}{var}")
        # Python holds bytes that are no text in characters that nothing can write.
        if value is not None and not value.isascii() and _NO_TEXT.search(value):
            sys.exit(f"settings: {var} holds bytes that are no UTF-8.")
        if value and not value.strip():
            refuse(var, value, "blanks are no value: give one, or nothing.")
        # A shell and `.env` take them off; what reads files of the environment for containers does not.
        if value and _QUOTED.fullmatch(value):
            sys.exit(f"settings: {var} stands in quotes, which would be a part of it: give it without.")
        return value if str(value).startswith("$") else super().get_value(var, *args, **options)

    @classmethod
    def is_given(cls, name: str) -> Bool:
        """Whether somebody says something else than the default."""
        value = cls.ENVIRON.get(name, "").strip().casefold()
        return value not in ("", cls.defaults.get(name, "").casefold())

    @classmethod
    def read_env(cls, env_file: str, **options: Any) -> None:
        """Take what the file names and the environment does not, if there is such a file.

        The library passes over what it cannot read, and quotes it, with its secrets, on the console.
        """
        file = Path(env_file)
        try:
            # With the mark that some editors put in front.
            # A pipe of a keeper of secrets is one, too; a folder of that name is somebody's virtual environment.
            text = "" if file.is_dir() or not os.path.lexists(file) else file.read_text("utf-8-sig")
        except UnicodeDecodeError:
            sys.exit(f"settings: {env_file} holds bytes that are no UTF-8.")
        except OSError as error:
            sys.exit(f"settings: {env_file} cannot be read ({error.strerror}).")
        settings = _settings_in(re.split(r"\r?\n", text), env_file)
        cls.in_files |= settings.keys()
        super().read_env(io.StringIO("\n".join(settings.values())), **options)

    def bool(self, name: str, *, default: Bool) -> Bool:
        """A yes or a no."""
        value = str(self.str(name, default=str(default))).strip().lower()
        if value not in YES + NO:
            refuse(name, value, "it is True or False.")
        return value in YES

    def int(self, name: str, *, default: Int, least: Int = 1, most: Int) -> Int:
        """A whole number from `least` to `most`."""
        return self._number(name, Int, default, (least, most))

    def float(self, name: str, *, default: Float, least: Float, most: Float) -> Float:
        """A number from `least` to `most`."""
        return self._number(name, Float, default, (least, most))

    def choice(self, name: str, *, default: str, among: Collection[str]) -> str:
        """One of a few words."""
        value = str(self.str(name, default=default))
        if value not in among:
            refuse(name, value, f"it is one of {', '.join(among)}.")
        return value

    def db(self, name: str, *, default: str) -> dict[str, Any]:
        """A database's address as Django's dictionary."""
        # Folders of the default may hold what has a meaning in addresses.
        text = str(self.str(name, default="")) or quote(default, safe=":/")
        # The library cuts off what stands behind a #, and a blank at an end would be part of the name.
        if "#" in text or text != text.strip():
            sys.exit(f"settings: {name} holds a # or a blank at an end; in an address they are %23 and %20.")
        # For the library a + of a path is a blank.
        place, mark, options = text.partition("?")
        # With one stroke less, the library takes all of it for a name on this machine.
        if "://" not in place:
            _refuse_address(name, _DATABASES)
        found = _read(name, self.db_url_config, place.replace("+", "%2B") + mark + options, _DATABASES)
        match str(found.get("ENGINE")).removeprefix("django.db.backends."):
            case "sqlite3":
                _require_place(name, str(found["NAME"]))
            # A socket's folder stands behind the ?, as host.
            case "postgresql" if found["NAME"] and _is_server(str(found["HOST"]), place):
                pass
            case _:
                _refuse_address(name, _DATABASES)
        _require_known_options(name, found)
        _require_one_of_each(name, found)
        return found

    def email(self, text: str) -> dict[str, Any]:
        """The address of a mail server, which EMAIL_URL names, as Django's settings; without one, mail goes nowhere."""
        text = text or "dummymail://"
        # The library forgets what stands behind host and port, and takes other names for less than they say.
        if text.partition("://")[0] not in _MAILS or re.search(r"[?#]|://[^/]*/.", text):
            _refuse_address("EMAIL_URL", f"{_MAIL_SERVERS}, with nothing behind it")
        found = _read("EMAIL_URL", self.email_url_config, text, _MAIL_SERVERS)
        if found["EMAIL_BACKEND"].endswith("smtp.EmailBackend"):
            _require_server(found["EMAIL_HOST"] or "", found["EMAIL_PORT"])
            user, password = found["EMAIL_HOST_USER"] or "", found["EMAIL_HOST_PASSWORD"] or ""
            # With one of them Django logs in nowhere, and other letters cannot be sent.
            if bool(user) != bool(password) or not f"{user}{password}".isascii():
                _refuse_address("EMAIL_URL", f"{_MAIL_SERVERS}, with user and password in ASCII or with none of them")
        return found

    def folder(self, name: str, *, default: str, base: Path) -> Path:
        """A folder by its whole path, or below `base`."""
        text = str(self.str(name, default=""))
        if text != text.strip() or text.startswith(("~", "$")) or "://" in text:
            refuse(name, text, "it is a path to the letter, without blanks around it; no ~ or $ is filled in, no ://.")
        return base / (text or default)

    def list(self, name: str, *, default: Sequence[str]) -> builtins.list[str]:
        """What stands between commas; blanks around it are nobody's name, key or network."""
        text = str(self.str(name, default=""))
        parts = [part for part in map(str.strip, text.split(",")) if part]
        if text and not parts:
            refuse(name, text, "commas are no value: give one, or nothing.")
        return parts or builtins.list(default)

    def _number(self, name: str, cast: Callable[[str], Value], default: Value, limits: tuple[Value, Value]) -> Value:
        text = str(self.str(name, default=str(default)))
        what = "a whole number" if cast is Int else "a number"
        right = f"it is {what} from {limits[0]} to {limits[1]}, such as {default}."
        try:
            value = cast(text)
        except ValueError:
            refuse(name, text, right)
        # Python reads more than people write: 1_0, 1e2 and other scripts' digits.
        if not _PLAIN_NUMBER.fullmatch(text):
            refuse(name, text, right)
        # Not the other way round: a NaN is between nothing.
        if not limits[0] <= value <= limits[1]:
            refuse(name, text, right)
        return value


def _settings_in(lines: Sequence[str], file: str) -> dict[str, str]:
    """Each name's line; what is none, and what is not whole, ends the process and is not quoted."""
    found: dict[str, str] = {}
    for number, line in enumerate(map(str.lstrip, lines), 1):
        if not line or line.startswith("#"):
            continue
        # For the library a form feed and other signs end a line, too.
        if (setting := _SETTING.fullmatch(line)) is None or len(line.splitlines()) > 1:
            sys.exit(f"settings: {file} line {number} is no NAME=value in one line, without blanks around the =.")
        name, value = setting.groups()
        if value.startswith(('"', "'")) and not _QUOTED_RIGHT.fullmatch(value):
            sys.exit(f"settings: {file} line {number}: the value of {name} begins with a quote, and is not all in it.")
        if name in found:
            sys.exit(f"settings: {file} line {number} names {name} a second time.")
        found[name] = line
    return found


#: What begins with a quote: all of it stands between two, or a name does with an address behind: `"Team" <a@b.c>`.
_QUOTED_RIGHT = re.compile(r"""('[^']*'|"(?:\\.|[^"\\])*")( *<[^<>]+>)?""")
#: As the library reads it.
_SETTING = re.compile(r"(?:export )?([A-Za-z_0-9]+)=(.*)")
_PLAIN_NUMBER = re.compile(r" *[+-]?[0-9]+(?:\.[0-9]+)? *", re.ASCII)
_NO_TEXT = re.compile("[\ud800-\udfff]")
_QUOTED = re.compile(r"""(["'])[\s\S]*\1""")
_DATABASES = "sqlite:////folder/db.sqlite3 or postgresql://user:password@host:5432/name"
_PARTS = {"ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS", "DISABLE_SERVER_SIDE_CURSORS"}
#: How a database of SQLite begins; one that nobody has written to is empty.
_SQLITE = b"SQLite format 3\0"
#: Options of a connection that are numbers: libpq reads them when it connects, all others before.
_NUMBERS = frozenset(
    {"connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"}
)
#: A socket that nobody listens on: what libpq says about another thing than that is about the options.
_NOWHERE, _NOBODY_LISTENS = "/nonexistent", "connection to server"
_MAILS = frozenset({"smtp", "smtp+tls", "smtp+ssl", "consolemail", "dummymail"})
_MAIL_SERVERS = "smtp+tls://user:password@host:587 or consolemail://"


def _read(name: str, read: Callable[[str], dict[str, Any]], text: str, right: str) -> dict[str, Any]:
    try:
        with warnings.catch_warnings(action="ignore"):
            return read(text)
    except (ValueError, KeyError, TypeError, AttributeError, ImproperlyConfigured):
        _refuse_address(name, right)


def _require_place(name: str, file: str) -> None:
    """A file that stays: in memory it is lost with each process, and a relative path is another one in each folder."""
    path = Path(file)
    if not path.is_absolute() or "\0" in file:
        _refuse_address(name, _DATABASES)
    # The default's folder is made before.
    # Not of `Path`, which raises where one may not look.
    if os.path.isdir(path) or not os.path.isdir(path.parent):
        refuse(name, file, "it names a file in a folder that is there.")
    if not os.access(path.parent, os.X_OK):
        refuse(name, file, "it names a file in a folder that this user may enter.")
    # Before anything is done to it: it may be a file of somebody else's.
    if path.exists() and not _is_database(path):
        refuse(name, file, "a file that is no database of SQLite is there.")


def _is_database(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) in (_SQLITE, b"")
    except PermissionError:
        # Whoever may not read it is told by the database that it cannot be opened.
        return True


def _is_server(host: str, address: str) -> bool:
    """Whether a host can be one, or one of several, and no port is 0, which the library takes for none."""
    ports = re.findall(r":([0-9]*)(?=,|/|$)", address.partition("://")[2].rpartition("@")[2].partition("/")[0])
    return re.fullmatch(r"[^\s/%]*", host) is not None and all(port.strip("0") or not port for port in ports)


def _require_known_options(name: str, found: dict[str, Any]) -> None:
    """Django's own switches would change what a request is; what libpq does not know fails in each."""
    options = set(found.get("OPTIONS", ()))
    if options and not found["ENGINE"].endswith("sqlite3"):
        from psycopg.pq import Conninfo  # noqa: PLC0415 - with PostgreSQL alone

        options -= {each.keyword.decode() for each in Conninfo.get_defaults()}
    if unknown := options | (set(found) - _PARTS):
        sys.exit(f"settings: {name} has an option behind the ? that it cannot have: {', '.join(sorted(unknown))}.")
    _require_possible_values(name, found.get("OPTIONS", {}))


def _require_one_of_each(name: str, found: dict[str, Any]) -> None:
    """What an address names before and behind the ?, would be the latter's, whoever reads the former."""
    parts = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    options = found.get("OPTIONS", {})
    if twice := [option for option, part in parts.items() if option in options and found.get(part)]:
        sys.exit(f"settings: {name} names its {', '.join(twice)} twice: before the ? and behind it.")


def _require_possible_values(name: str, options: dict[str, Any]) -> None:
    """What libpq refuses would be refused at each connection."""
    if not options:
        return
    from psycopg import pq  # noqa: PLC0415 - with PostgreSQL alone
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415

    if wrong := [key for key in _NUMBERS & options.keys() if not re.fullmatch(r"-?\d{1,9}", str(options[key]))]:
        sys.exit(f"settings: {name} has an option behind the ? that is no whole number: {', '.join(sorted(wrong))}.")
    tried = pq.PGconn.connect_start(make_conninfo(**{**options, "host": _NOWHERE}).encode())
    told = tried.error_message.decode(errors="replace").strip()
    tried.finish()
    if told and not told.startswith(_NOBODY_LISTENS):
        sys.exit(f"settings: {name} has an option behind the ? that cannot be: {told}.")


def _require_server(host: str, port: object) -> None:
    try:
        host.encode("idna")
    except UnicodeError:
        host = ""
    # Of hosts that are no names by the letter some are reached: what no name has at all is refused.
    if not re.fullmatch(r"(?=[.:\[-]*+[\w\]])[\w.:\[\]-]*+", host) or port == 0:
        _refuse_address("EMAIL_URL", _MAIL_SERVERS)


def _refuse_address(name: str, right: str) -> NoReturn:
    # Without the value: it may hold a password.
    sys.exit(f"settings: {name} is no address that can be read; it is like {right}.")
