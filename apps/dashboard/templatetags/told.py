"""Numbers, days and issues as a reader writes them: the same as in the pictures."""

from datetime import date

from django import template
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext

from apps.common.charts import numbers
from apps.common.texts.composing import normalized

register = template.Library()
#: Severities that are shown in each colour; the word stands beside it always.
_TONES = {"critical": "bad", "high": "bad", "medium": "warn", "low": "plain"}


@register.filter
def number(value: float | str | None) -> str:
    """8.3, 12, 1,235; a dash where nothing is known."""
    return numbers.number(value) if isinstance(value, (int, float)) else "–"


@register.filter
def beginning(text: str, most_characters: int) -> str:
    """As much of a text as there is room for: as `truncatechars`, which composes all of it in quadratic time."""
    return Truncator(normalized("NFC", str(text))).chars(most_characters)


@register.filter
def percent(share: float | str | None) -> str:
    """A share in [0, 1] as whole per cent."""
    return numbers.percent(share) if isinstance(share, (int, float)) else "–"


@register.filter
def weekday(day: date | None) -> str:
    """A day that is near: 'Fri 13 Mar'."""
    if not day:
        return "–"
    return f"{date_format(day, 'D')} {date_format(day, 'MONTH_DAY_FORMAT')}".replace(" ", "\N{NO-BREAK SPACE}")


@register.filter
def day(value: date | None) -> str:
    """A day that may be far: '13 Mar 2027'."""
    return "–" if not value else numbers.day(value).replace(" ", "\N{NO-BREAK SPACE}")


@register.filter
def tone(severity: str) -> str:
    """The colour of a severity."""
    return _TONES.get(severity, "plain")


@register.filter
def translated(word: str) -> str:
    """A word that the core uses as a name, 'points' or 'high', in the reader's language."""
    return gettext(word) if word else ""


@register.simple_tag
def issue_link(project_key: str, reference: str, *, linked: bool = True) -> SafeString:
    """An issue by its key; in a shared page without a link, since its reader may not follow it."""
    if not linked:
        return format_html("<b>{}</b>", reference)
    address = reverse("dashboard:issue", kwargs={"key": project_key, "reference": reference})
    return format_html('<a href="{}">{}</a>', address, reference)
