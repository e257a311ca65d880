"""Numbers and days as the reader writes them."""

from datetime import date

from django.utils.formats import date_format, number_format

#: From here on a decimal says nothing.
_WHOLE_FROM = 100
#: Below this, one decimal hides the value.
_TWO_DECIMALS_BELOW = 0.1


def number(value: float) -> str:
    """At most one decimal, none from a hundred on, two below a tenth: 8.3, 12, 1,235, 0.05."""
    decimals = 0 if abs(value) >= _WHOLE_FROM else 2 if 0 < abs(value) < _TWO_DECIMALS_BELOW else 1
    shown = round(value, decimals)
    return number_format(shown, 0 if shown == int(shown) else decimals, use_l10n=True, force_grouping=True)


def percent(share: float) -> str:
    """A share as whole per cent: '84 %', the two kept together."""
    return f"{number(round(100 * share))}\N{NO-BREAK SPACE}%"


def signed(value: float) -> str:
    """With its sign, a true minus included: '+1.2', '−0.8'."""
    return f"{'−' if value < 0 else '+'}{number(abs(value))}"


def day(value: date) -> str:
    """A day in full, as in a table."""
    return date_format(value, "DATE_FORMAT")
