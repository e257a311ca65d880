"""The unit of time that the name of a column says: 'Time Spent (h)', 'Dauer, Min.', '作業時間（分）'. Pure.

A unit is a word by itself: 'сек' is one in 'Участие, сек', and 'час' is none in it.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise, takewhile

from apps.common.texts.composing import normalized

HOURS_PER_UNIT: Mapping[str, float] = {"hours": 1.0, "minutes": 1 / 60, "seconds": 1 / 3600}
#: Days, weeks and parts of a second: how many hours they are is the team's to say.
OTHER = "other"


def _by_word(table: Mapping[str, str]) -> Mapping[str, str]:
    return {word: unit for unit, row in table.items() for word in row.split()}


#: Words that mean a unit wherever they stand in a name.
_ANYWHERE = _by_word({
    "hours": (
        "hours hrs stunde stunden heure heures hora horas ore uren godzina godziny godzin godzinach "
        "часа часы часов часах manhours workhours"
    ),
    "minutes": "mins minuten minutes minutos minuti minuty minut minutach минута минуты минут минутах",
    "seconds": (
        "secs sekunde sekunden seconds seconde secondes segundo segundos secondi seconden sekundy sekund "
        "sekundach секунда секунды секунд секундах"
    ),
    OTHER: (
        "days tage tagen jours días dias giorni dagen dni дней weeks wochen semaines semanas settimane weken tygodnie "
        "недель personentage manntage arbeitstage mandays persondays workdays"
    ),
})  # fmt: skip
#: Short forms, and words that mean something else too ('Min. Aufwand', 'Std. deviation'): in brackets, behind 'in' and
#: at the end of a name.
_BEHIND = {
    **_ANYWHERE,
    **_by_word({
        "hours": "h hr hour std uur ora godz ч час",
        "minutes": "m min minute minuto minuut minuta м мин 分",
        "seconds": "s sec second secondo sek sekunda с сек 秒",
        OTHER: (
            "d day t tag j jour día dia giorno dag dzień dn день дня дни дн 日 人日 w week woche sem 週 人月 "
            "ms msec pt pd md"
        ),
    }),
}  # fmt: skip
#: In brackets alone: elsewhere it is any time.
_BRACKETED = {**_BEHIND, "時間": "hours", "人時": "hours", "分間": "minutes", "秒間": "seconds"}
#: German and Dutch write two words as one, and so do programs: 'Arbeitsstunden', 'timespentminutes', 'hoursspent'.
_GLUED = re.compile(
    r"(?P<hours>hours.+|.+(?:hours|hrs|stunden))|(?P<minutes>.+(?:minutes|minuten))"
    r"|(?P<seconds>.+(?:seconds|sekunden|seconden))"
)
_PART_OF_A_UNIT = re.compile(r"milli|mi[ck]ro|nano|kilo")
_BRACKETS = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
_WORD = re.compile(r"[^\W\d_]+")
#: Behind the name of a time that is known: a blank or a line part more than a unit ('Estimate M' of S, M and L).
_APART = re.compile(r"[,/]\s*(?P<word>[^\W\d_]+)\.?\s*\Z")
#: Where a word begins without a sign before it: 'timeSpent', '工数h'.
_BEGINNING = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[\u3040-\u9fff])(?=[A-Za-z])")
_IN = frozenset({"in", "en", "em", "w", "в"})
#: One or several, written so: 'Hour(s)', 'Stunde(n)', 'Effort(s)'. In 'Time Spent(s)' it is the unit.
_PLURAL = re.compile(r"\((s|es|n|en)\)", re.IGNORECASE)
#: No word that has such a plural is longer.
_LONGEST_COUNTED = 20
_COUNTED = frozenset({"effort", "estimate"})
#: 'Estimate (min)' and 'Estimate (max)'.
_LEAST, _MOST = (re.compile(rf"[(\[,/]\s*{word}\b", re.IGNORECASE) for word in ("min", "max"))
#: What stands before a short form in brackets and says nothing of it: '(in h)', '(чел.-ч)'.
_BEFORE = _IN | {"чел"}
#: A unit at the end of a name, and what parts it: 'Work, mins', 'Aufwand h', 'время/ч', 'timespent_minutes'.
_ENDING = re.compile(r"(?:[\s_.,;:/|-]|\A)(?P<word>[^\W\d_]+)\.?\s*\Z")


def unit_in(name: str) -> str:
    """'hours', 'minutes', 'seconds', `OTHER`, or '' for a name without a unit.

    Brackets that hold nothing else go first, then what stands behind 'in', then the end of the name. Otherwise the last
    word counts that is a unit wherever it stands.
    """
    text = _spelled(name)
    bracketed = next(filter(None, map(_of_brackets, reversed(_BRACKETS.findall(text)))), "")
    if bracketed:
        return bracketed
    words = list(_words(text))
    anywhere = [unit for word in words if (unit := _of_word(word))]
    ending = _of_ending(_ENDING.search(_BRACKETS.sub(" ", text).rstrip()))
    behind_in = [_BEHIND[word] for before, word in pairwise(words) if before in _IN and word in _BEHIND]
    told = [*anywhere, *filter(None, [ending]), *behind_in]
    return next((unit for unit in reversed(told) if unit != OTHER), told[-1] if told else "")


def parted(name: str) -> tuple[str, str]:
    """A name and the unit behind it: 'Time Spent (h)' → ('Time Spent', 'hours'); the unit is empty without one."""
    text = _spelled(name).rstrip()
    brackets = [*_BRACKETS.finditer(text)]
    if brackets and brackets[-1].end() == len(text):
        found, unit = brackets[-1].start(), _of_brackets(brackets[-1][1])
    else:
        ending = _APART.search(text)
        found, unit = ending.start() if ending else 0, _of_ending(ending)
    return (text[:found], unit) if unit in HOURS_PER_UNIT and found else (name, "")


def is_least(name: str, header: Collection[str]) -> bool:
    """Whether 'min' in a name is the least, and no unit: another column has the most."""
    return bool(_LEAST.search(name)) and any(map(_MOST.search, header))


def _spelled(name: str) -> str:
    """With the letters and brackets of full width as the others, and a blank where a word begins without one."""
    return _PLURAL.sub(_joined, _BEGINNING.sub(" ", normalized("NFKC", name)))


def _joined(found: re.Match[str]) -> str:
    before = found.string[max(found.start() - _LONGEST_COUNTED, 0) : found.start()]
    word = "".join(takewhile(str.isalpha, reversed(before)))[::-1].casefold()
    is_plural = word in _COUNTED or word + found[1].casefold() in _ANYWHERE
    return found[1] if is_plural else found[0]


def _words(text: str) -> Iterator[str]:
    return (word.casefold() for word in _WORD.findall(text))


def _of_brackets(content: str) -> str:
    *before, word = [*_words(content)] or [""]
    return _BRACKETED.get(word, "") if _BEFORE.issuperset(before) and not re.search(r"\d", content) else ""


def _of_ending(ending: re.Match[str] | None) -> str:
    return _BEHIND.get(ending["word"].casefold(), "") if ending else ""


def _of_word(word: str) -> str:
    if unit := _ANYWHERE.get(word):
        return unit
    glued = _GLUED.fullmatch(word)
    return OTHER if glued and _PART_OF_A_UNIT.match(word) else str(glued.lastgroup) if glued else ""
