"""What a team says of itself: its target, its board, and what shall not be shown."""

from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import models

from apps.common.columns.kinds import NamesField
from apps.common.plausible import names_fault


def names_only(value: object) -> None:
    """Refuse what is not a short list of names."""
    if fault := names_fault(value):
        raise ValidationError(fault)


def known_time_zone(name: str) -> None:
    """Refuse what the time zone database does not have."""
    if name not in available_timezones():
        raise ValidationError("A name of the time zone database is needed, such as Europe/Berlin.")


class Preferences(models.Model):
    """Settings of a project, which its leads change."""

    #: By when all open work shall be done.
    target_date = models.DateField(null=True, blank=True)
    #: Statuses in which issues wait although work on them has begun; empty where nobody has said so.
    waiting_statuses = NamesField(default=list, blank=True, validators=[names_only])
    #: An issue is blocked while it is in one of these statuses or bears one of these labels.
    blocked_statuses = NamesField(default=list, blank=True, validators=[names_only])
    blocked_labels = NamesField(default=list, blank=True, validators=[names_only])
    #: Whether suggestions of who could take an issue name nobody.
    hides_names = models.BooleanField(default=False)
    #: Whether points are recommended only for issues that the team has sized itself.
    hides_until_voted = models.BooleanField(default=False)

    #: Whether anything is predicted for the team, and learned from its work.
    predictions_enabled = models.BooleanField(default=True)
    #: Issues with one of these labels are done by agents, in whatever case; beside those of members who are agents.
    agent_labels = NamesField(default=list, blank=True, validators=[names_only])

    class Meta:
        abstract = True


#: Names of the above, in the order of the settings page.
PREFERENCES = tuple(field.name for field in Preferences._meta.local_fields)
