"""What `./run` does once the environment stands: prepare a demonstration or a user's own issues, serve, and work.

The process becomes the web server, so that Ctrl-C reaches it directly and training's memory is given back. `run` starts
it as a file: as `-m base.launch` the package would read the settings before anybody could tell what is wrong with them.
"""

import argparse
import difflib
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import django
from django.core.management import CommandError
from django.db import Error

from apps.common.operations.database_faults import is_of_the_database, reason_of
from apps.common.operations.slips import refuse_slips

MOST_PORT = 65_535
ROOT = Path(__file__).resolve().parent.parent
GUNICORN_CONF = ROOT / "base" / "gunicorn_conf.py"
#: Faults of a disk, which are nobody's to look for in our code.
DISK_FAULTS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO})
#: Workers and their schedule; they say only what goes wrong, for the terminal is the web server's.
WORKER = ["-P", str(ROOT / "base" / "worker.py"), "--again", "--quiet", "--loglevel", "WARNING"]

GREETING = """
Scrum ML serves on {address}   (Ctrl-C stops it and its worker)

  Open                {address}/
  Log in              {email}
  Password            {password}
  API description     {address}/api/docs/

Paste this into another terminal for a first prediction by the API:

TOKEN=$(curl -s {address}/api/v1/auth/token/ -H 'Content-Type: application/json' \\
  -d '{{"email": "{email}", "password": "{password}"}}' \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["access"])')
curl -s {address}/api/v1/ml/predict-effort/ -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{{"title": "Fix authentication bug", "description": "Users cannot login", "issue_type": "bug",
       "project_id": "{project_id}"}}' | python3 -m json.tool
"""


def fail(message: str) -> NoReturn:
    """Stop with one line that says what to do."""
    sys.exit(f"run: {message}")


class Parser(argparse.ArgumentParser):
    """A command line whose mistakes are told as all others are."""

    def error(self, message: str) -> NoReturn:
        """One line, as `fail` writes it."""
        fail(f"{message}; ./run --help lists what there is.")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    # Shortened options are refused: --p would be --port today and something else tomorrow.
    parser = Parser(prog="./run", allow_abbrev=False)
    # No `choices`: the value of a misspelt option would be blamed in its place.
    parser.add_argument("command", nargs="?", help="serve: serve what is there, preparing nothing")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, metavar="FILE.csv", help="your own issues in place of the demonstration")
    parser.add_argument("--jira", metavar="URL", help="your own issues: a page of the project in Jira")
    parser.add_argument("--github", metavar="OWNER/REPOSITORY", help="your own issues: a repository on GitHub")
    options, unknown = parser.parse_known_args(arguments)
    refuse_what_is_unknown(options.command, unknown)
    given = [name for name in ("data", "jira", "github") if getattr(options, name) is not None]
    # A variable that is not set: what is meant by it nobody knows.
    for name in ("host", *given):
        if not str(getattr(options, name)).strip() or str(getattr(options, name)) == ".":
            fail(f"--{name} is empty; leave it out, or say which.")
    if options.command == "serve" and given:
        fail(f"serve prepares nothing and takes no --{given[0]}: ./run --{given[0]} … imports, trains and serves.")
    if len(given) > 1:
        fail(f"--{given[0]} and --{given[1]} are two sources; the second comes by ./run manage import_issues.")
    return options


def tracker_of(options: argparse.Namespace) -> str | None:
    """The tracker that is named, as `import_issues` wants it; a site of Jira that is not Atlassian's is one's own."""
    if options.github:
        return f"github:{options.github.removeprefix('https://github.com/').strip('/')}"
    if options.jira is None:
        return None
    page = options.jira if "://" in options.jira else f"https://{options.jira}"
    try:
        host = urlsplit(page).hostname or ""
    except ValueError:
        fail(f"--jira {options.jira}: this is no address.")
    return f"{'jira' if host.endswith('.atlassian.net') else 'jira_dc'}:{page}"


def refuse_what_is_unknown(command: str | None, unknown: Sequence[str]) -> None:
    """Name the first option or command that does not exist, with the one that was probably meant."""
    name = next((text.partition("=")[0] for text in unknown if text.startswith("-")), None)
    if name:
        meant = difflib.get_close_matches(name, ["--port", "--host", "--data", "--jira", "--github"], n=1)
        hint = f"did you mean {meant[0]}?" if meant else "./run --help lists what there is."
        fail(f"there is no option {name}; {hint}")
    extra = [command] if command not in (None, "serve") else unknown
    if extra:
        fail(f"there is no command {extra[0]}; ./run --help lists what there is.")


def check_address(host: str, port: int) -> None:
    """Fail before the slow steps if nobody could listen there."""
    if not 1 <= port <= MOST_PORT:
        fail(f"{port} is not a port; ports go from 1 to {MOST_PORT}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (UnicodeError, TypeError):
            fail(f"{host} is no name of a host; choose one with --host.")
        except OSError as error:
            fail(f"cannot listen on {host} port {port} ({error.strerror}); choose another with --port.")


def set_up_django() -> None:
    """Load the settings; they make the folder that holds the database, models and secrets."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "base.settings")
    django.setup()
    # Before anything is written where they say; the server, whose start follows, tells what may be meant.
    refuse_slips(is_told_later=True)


def prepare(data: Path | None, tracker: str | None, address: str) -> str:
    """Everything between an empty folder and a project that answers; returns how to reach it."""
    from base import demonstration  # noqa: PLC0415 - models exist only once Django is set up

    # Not by `Path.is_file`, which raises where a name is too long.
    if data and not os.path.isfile(data):
        fail(f"there is no file {data}.")
    try:
        login = demonstration.prepare(data, tracker)
    except CommandError as error:
        fail(str(error))
    except Error as error:
        if not is_of_the_database(error):
            raise
        fail(f"the database cannot be used: {reason_of(error)}")
    except OSError as error:
        if error.errno not in DISK_FAULTS:
            raise
        fail(f"{error.filename or 'the disk'} cannot be used: {error.strerror}")
    return GREETING.format(address=address, email=login.email, password=login.password, project_id=login.project_id)


def start_worker() -> None:
    """A worker beside the server, in its process group: one Ctrl-C reaches both, and the server ends it otherwise."""
    from apps.ml.services.upkeep.installation import note_started_workers  # noqa: PLC0415 - models exist only now

    command, quiet = [sys.executable, *WORKER], {"LOG_LEVEL": "WARNING", **os.environ}
    worker = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=quiet)  # noqa: S603 - our own interpreter
    os.environ["SCRUM_ML_WORKER"] = str(worker.pid)
    note_started_workers()


def become_server(host: str, port: int, greeting: str | None) -> NoReturn:
    """Replace this process by gunicorn."""
    if greeting:
        os.environ["SCRUM_ML_GREETING"] = greeting
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    command = [sys.executable, "-m", "gunicorn", "--config", str(GUNICORN_CONF), "--bind", bind]
    os.execv(sys.executable, command)  # noqa: S606 - our own interpreter and arguments, no shell


def main(arguments: Sequence[str]) -> None:
    """Prepare unless told to serve only; then serve."""
    options = parse(arguments)
    check_address(options.host, options.port)
    if options.command == "serve":
        become_server(options.host, options.port, None)
    set_up_django()
    greeting = prepare(options.data, tracker_of(options), f"http://{options.host}:{options.port}")
    start_worker()
    become_server(options.host, options.port, greeting)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        fail("stopped; the next ./run goes on where this ended.")
