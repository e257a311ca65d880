"""What an API key may be used for. Each view says it in `key_scope`; what says nothing takes `manage`."""

from typing import Any, Literal

from django.db import models

READING = ("GET", "HEAD", "OPTIONS")


class Scope(models.TextChoices):
    """A key has one or several."""

    #: Everything that is only looked at.
    READ = "read"
    #: Questions to models and forecasts, whose answers go on record.
    PREDICT = "predict"
    #: Issues and sprints.
    WRITE = "write"
    #: What a lead does: the team, connections, webhooks, models.
    MANAGE = "manage"


#: A view that no key opens: only the person does this.
PERSON: Literal["person"] = "person"
#: A view that looks at what is asked before it knows the scope, and calls `ApiKey.require` itself.
ASKED: Literal["asked"] = "asked"


def scope_needed(view: Any, method: str) -> str:
    """The scope that a request takes: `read` to look; to change something, what the view says.

    What a view names in `recording` goes on the team's record, though it is a GET.
    """
    declared: str | None = getattr(view, "key_scope", None)
    if declared in (PERSON, ASKED):
        return declared
    if method in READING and getattr(view, "action", None) not in getattr(view, "recording", ()):
        return Scope.READ
    if declared is not None:
        return declared
    # Where members write, keys write; everything else is for leads.
    return Scope.WRITE if getattr(view, "role_to_write", "lead") == "member" else Scope.MANAGE
