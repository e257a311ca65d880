"""Why a date moved, in a sentence."""

from apps.ml.core.forecasts.forecaster import PROMISED_PERCENT
from apps.ml.core.forecasts.moved import CAUSES, MovedDate, Parts
from apps.ml.core.wording import counted

_NAMES = {
    "scope": "scope",
    "speed": "speed",
    "calendar": "days off, absences and target",
    "order": "work that comes first",
    "model": "sizes by the model",
}


def moved_in_words(moved: MovedDate) -> str:
    """How far the promised date moved, and what moved it, the largest part first."""
    before, after = (kept.answer.days.get(PROMISED_PERCENT) for kept in (moved.before, moved.after))
    parts = moved.days[PROMISED_PERCENT]
    if parts is None:
        return _beyond(moved)
    if not parts.total and not any(getattr(parts, cause) for cause in CAUSES):
        return f"The date stands: {after}, with {PROMISED_PERCENT} % certainty."
    what = f"moved by {counted(abs(parts.total), 'day')}, from {before} to {after}" if parts.total else "stands"
    return f"The date of {PROMISED_PERCENT} % certainty {what}: {_causes(parts, moved)}."


def _causes(parts: Parts, moved: MovedDate) -> str:
    ordered = sorted(CAUSES, key=lambda cause: -abs(getattr(parts, cause)))
    told = [(cause, getattr(parts, cause)) for cause in ordered if getattr(parts, cause)]
    return ", ".join(
        f"{_NAMES[cause]} {_signed(days)}{_scope(moved) if cause == 'scope' else ''}" for cause, days in told
    )


def _signed(days: int) -> str:
    return f"{counted(abs(days), 'day')} {'later' if days > 0 else 'earlier'}"


def _scope(moved: MovedDate) -> str:
    counts = (("added", moved.scope.added), ("removed", moved.scope.removed), ("sized anew", moved.scope.resized))
    told = [f"{len(issues)} {what}" for what, issues in counts if issues]
    return f" ({', '.join(told)})" if told else ""


def _beyond(moved: MovedDate) -> str:
    before, after = (kept.answer.days.get(PROMISED_PERCENT) for kept in (moved.before, moved.after))
    if before is None and after is None:
        return "Both forecasts lie beyond ten years: there is no date that could have moved."
    if before is None:
        return f"There was no date within ten years before; now it is {after}."
    if after is None:
        return f"The date was {before}; now there is none within ten years."
    return (
        f"The date was {before} and is {after}; on the way between them it lies beyond ten years, so it has no parts."
    )
