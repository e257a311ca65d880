"""`./run manage mcp --user EMAIL [--scope read predict write]`."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.exceptions import PermissionDenied

from apps.accounts.models import User
from apps.accounts.scopes import Scope
from apps.mcp.stdio import serve
from apps.mcp.toolbox import PersonsToolbox

OFFERED = (Scope.READ, Scope.PREDICT, Scope.WRITE)
USUAL = (Scope.READ, Scope.PREDICT)


class Command(BaseCommand):
    """Answer an assistant on this machine over standard input and output, in a person's name."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", metavar="EMAIL", required=True, help="whose projects are seen")
        parser.add_argument(
            "--scope", nargs="+", choices=[str(scope) for scope in OFFERED], default=[str(scope) for scope in USUAL],
            help="what may be done: read, predict (both, without this), write",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        person = _person(options["user"])

        def toolbox() -> PersonsToolbox:
            return PersonsToolbox(_person(person.email), _only(options["scope"]))

        serve(sys.stdin.buffer, sys.stdout.buffer, toolbox)


def _person(email: str) -> User:
    person = User.objects.with_email(email).filter(is_active=True).first()
    if person is None:
        raise CommandError(f"Nobody with the address {email} may log in.")
    return person


def _only(scopes: list[str]) -> Any:
    def require(scope: Scope) -> None:
        if scope not in scopes:
            raise PermissionDenied(f"This server was started for {', '.join(scopes)}; this takes the scope {scope}.")

    return require
