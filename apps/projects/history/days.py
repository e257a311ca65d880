"""Days are the days of a project's time zone: which day a moment is there, and when a day begins and ends. Pure."""

from datetime import UTC, date, datetime, time, tzinfo


def day_of(moment: datetime, zone: tzinfo) -> date:
    """The day that a moment is on."""
    return moment.astimezone(zone).date()


def beginning_of(day: date, zone: tzinfo) -> datetime:
    """Its first moment, told in UTC."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def end_of(day: date, zone: tzinfo) -> datetime:
    """Its last moment, told in UTC."""
    return datetime.combine(day, time.max, tzinfo=zone).astimezone(UTC)
