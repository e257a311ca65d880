"""Reading a text takes time in proportion to it, whatever its letters are.

Two lengths of each hostile text are timed against each other: sixteen times the text may take some sixteen times as
long, where a pattern that begins anew inside its own run takes 256 times. The limit is halfway between, and a busy
machine slows both.
"""

import time
from contextlib import suppress
from functools import partial

import pytest

from apps.accounts.mailboxes import MailboxField, composed, decomposed, mailbox
from apps.accounts.names import reading
from apps.accounts.names.needles import Needles
from apps.common.exceptions import ApplicationError
from apps.common.plausible import text_fault
from apps.common.texts.composing import normalized
from apps.dashboard.templatetags.told import beginning
from apps.importers.records import Person
from apps.importers.sources import jira_rows, labels
from apps.importers.sources.csv import dates, numbers, sprints, values
from apps.importers.sources.headers import next_link
from apps.importers.writing.people import place_of_person
from apps.ml.core.assignment import features as assignment
from apps.ml.core.effort import features as effort
from apps.ml.core.points import features as points
from apps.ml.core.records import IssueFacts
from apps.ml.core.text import tokens
from apps.ml.storage.keys import parse_model_key
from apps.upkeep.kept import file_holds
from tests.hostile_texts import MARKS

SHORT, FACTOR = 500, 16
#: The geometric mean of what linear and quadratic work would take.
LIMIT = FACTOR**1.5


def described(read, text):
    return read(IssueFacts(title=text, description=text))


#: One that begins with a letter that texts may write in codes, and ends in one.
NEEDLES = Needles(["Łukasz Wójcik", "Иван Петров", "王 芳", "ann@example.com"], ["Петров Иван", "Jan Łukasz", "王芳华"])
READERS = {
    "names in texts": NEEDLES.whole.search,
    "names replaced": lambda text: NEEDLES.whole.sub("", text),
    "names in files": lambda text: file_holds(NEEDLES, text.encode()),
    "names in files of one-byte letters": lambda text: file_holds(NEEDLES, text.encode("cp1254", "replace") + b"\xff"),
    "tokens": tokens,
    "issue for points": partial(described, points.extract),
    "issue for hours": partial(described, effort.read),
    "issue for people": partial(described, assignment.read),
    "date": lambda text: dates.moment(text, "date", dates.DateStyle()),
    "order of day and month": dates.is_ambiguous,
    "person": values.person,
    "number": lambda text: numbers.quantity(text, "number", most=1e9),
    "hours": lambda text: numbers.hours(text, "hours", factor=1.0),
    "priority": values.priority,
    "points": lambda text: numbers.points(text, "points"),
    "zone": lambda text: dates.zone_of([text]),
    "key of a model": parse_model_key,
    "links": next_link,
    "sprint of old Jira": jira_rows.sprint_of,
    "sprints of a cell": sprints.sprints_in,
    **{f"normal form {form}": partial(normalized, form) for form in ("NFC", "NFD", "NFKC", "NFKD")},
    "address": mailbox,
    "address looked for": MailboxField().get_prep_value,
    "accents in letters": composed,
    "accents behind letters": decomposed,
    "name as typed": reading.plain,
    "name as read": reading.folded,
    "places of what is read": reading.ReadText,
    "dots of a name": reading.dots_of,
    "place of a name": lambda text: place_of_person(Person(text), "example.com"),
    "place of an address": lambda text: place_of_person(Person("Ann", text), "example.com"),
    "beginning of a text": lambda text: beginning(text, 60),
    "beginning of a label": labels.refuse_beginning,
    "faults of a text": lambda text: text_fault(text, is_line=True, is_needed=True),
}
#: (beginning, repeated part): runs, and runs behind what makes a pattern begin.
HOSTILE = [
    ("", "1"), ("", "a"), ("", "a1"), ("", "1a"), ("", "A"), ("", "é"), ("", "1é"), ("", "a "), ("", "- "), ("", "漢"),
    ("", "漢a"), ("", "ก"), ("", "ᄒ"), ("", " "), ("", "*"), ("", "\n"), ("", "at "), ("at ", "$."), ("", "{"),
    ("", "|"), ("", "/"), ("", "("), ("", "."), ("", ","), ("1,", "111,"), ("a@", "."), ("", "@"), ("a ", "<"),
    ("a", " "), ("1", " "), ("1 ", "\t"), ("1/1/2020", " "), ("1/1/2020 10:00", " "), ("1 jan", "-"),
    ("2020-01-01", " "), ("sp", " "), ("points:", " "), ("sp: ", "1"), ("1.", "1"), ("p", "1"), ("-", "0"),
    ("models/", "a/"), ("", "\\"), ("Ł", "\\"), ("Łukasz", "\\"), ("", "\\u0141"), ("", "&#0"), ("&#", "0"), ("", "%"),
    ("", "%25"), ("", "="), ("王", " "), ("王", "·"), ("", "И"), ("Иван", "\\n"), ("", "xИван Петров"),
    ("Иван Петров", "\u0301"), ("", "\u0301Иван Петров"), ("Иван Петров", "%25"), ("", "%25Иван Петров"),
    ("Иван Петров", "\ufe0f"), ("Иван Петров", "\\"), ("", "\\Иван Петров"), ("Иван Петров&", "a"),
    ("", "Иван Петров "), ("", "王芳"), ("", "王"), ("", "Łukasz Wójcik, Иван Петров Иван "), ("Иван Петров", "\u200d"),
    ("\u0301Иван Петров", "\u0301\u200d"), ("Иван Петров", "\u0301\u0323"), ("", MARKS), ("a", MARKS), ("Ǻ", MARKS),
    ("a@", MARKS), ("", "\u0345Σ"), ("Иван Петров", MARKS), ("Łukasz", MARKS), ("", "a\u0301\u0316"),
    ("", "\u1161\u0316"), ("王", MARKS), ("", "\uff9e\u0301\u0316"), ("", "\u0344\u0316"), ("a@xn--", "0"),
    ("a@xn--", "a"), ("a@", "ë"), ("Иван Петров", "ﬁ"),
    ("", "\uff9e\u0301"), ("", "&shy;"),
    ("Иван Петров", "&shy;"), ("", "\\xc3"), ("\\xc3", "\\"), ("", "\\303"), ("&#", "1"), ("", "ann@example.com."),
    ("", "<a>;"), ("", "<a>;rel=\"next"), ("<a>", ";a=\"\\"), ("", "["), ("[id=1", ",a"), ("", "Sprint@a["),
    ("ann@example.com", ".aa"), ("Иван Петров", "\u1161"), ("", "Иван Петров\u0301"), ("", "%F0%9F%98%80"),
]  # fmt: skip


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("ending", ["", "!"])
def test_a_text_sixteen_times_as_long_takes_no_256_times_as_long(name, ending):
    too_slow = {
        (beginning, part): ratio
        for beginning, part in HOSTILE
        if (ratio := slowest(READERS[name], beginning, part, ending)) > LIMIT
    }

    assert not too_slow


def slowest(read, beginning, part, ending):
    """A second look sees what only waited; most need none."""
    found = growth(read, beginning, part, ending, tries=1)
    return growth(read, beginning, part, ending) if found > LIMIT else found


def growth(read, beginning, part, ending, *, short=SHORT, tries=3):
    short, long = (beginning + part * (length // len(part)) + ending for length in (short, short * FACTOR))
    # A short text that waited would hide a long one that takes long.
    return seconds(read, long, tries) / seconds(read, short)


def seconds(read, text, tries=3):
    """The quickest of a few tries: what the work takes when nothing else comes between."""
    return min(_once(read, text) for _ in range(tries))


def _once(read, text):
    started = time.thread_time_ns()
    with suppress(ApplicationError):  # refusing a text is an answer too
        read(text)
    return max(time.thread_time_ns() - started, 1)
