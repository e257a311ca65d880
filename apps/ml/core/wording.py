"""Numbers as people write them, for every sentence alike."""


def one_decimal(value: float) -> str:
    """At most one decimal: 8.3, 12, 1234.5."""
    return f"{round(value, 1):g}"


def counted(count: int, noun: str) -> str:
    """'1 issue', '3 issues'."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def amount_of(value: float, unit: str) -> str:
    """'1 point', '8.3 points': `unit` is the plural."""
    told = one_decimal(value)
    return f"{told} {unit.removesuffix('s') if told == '1' else unit}"
