"""Names that are looked for, as texts are read: each as a whole, in whichever order, and no other's."""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence, Set
from functools import cached_property

from django.db import models

from apps.accounts.mailboxes import composed, mailbox
from apps.accounts.names.beside import CHARACTERS, is_apart, may_be_longer, stands_among_characters
from apps.accounts.names.reading import (
    BLANKS,
    ReadText,
    are_dots_of_one,
    decoded,
    dots_of,
    folded,
    hidden,
    in_database,
    plain,
    plain_parts,
)

#: What may stand between the parts of a name in characters, beside blanks.
_DOTS = "\u00b7\u30fb\uff65"
_IN_CHARACTERS = re.compile(rf"[{CHARACTERS}{_DOTS}\s]+")
_PARTINGS = re.compile(rf"[{_DOTS}\s]+")
_ENGLISH = re.compile(rb"[a-z0-9]+")
_NEVER = "(?!)"
_PARTED = rf"(?:{BLANKS}|[{folded(_DOTS)}])?"
_PARTED_OR_COMMA = rf"(?:,(?:{BLANKS})?|{_PARTED})"


def is_in_characters(name: str) -> bool:
    """Whether all of a name is in Chinese, Japanese or Korean characters."""
    return bool(_IN_CHARACTERS.fullmatch(plain(name)) and characters_of(name))


def characters_of(name: str) -> str:
    """Those of such a name, without what parts them."""
    return _PARTINGS.sub("", plain(name))


class Seen:
    """A text without codes, and what is quick to say of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        #: Small letters of English, and whatever else there is.
        self.english = text.encode(errors="surrogatepass").lower()

    @cached_property
    def small(self) -> str:
        return self.text.lower()

    @cached_property
    def is_hidden(self) -> bool:
        """Whether it may hold a name though it lacks a plain part of it."""
        return not self.text.isascii() and bool(hidden().search(self.text))


class Needle:
    """One name, or one address: how it is read, in each order of its parts."""

    def __init__(self, name: str) -> None:
        self.name = name
        #: An address is one mailbox, and whatever else is read alike is another's (`apps.accounts.mailboxes`).
        self.is_address = "@" in name and len(name.split()) == 1
        self.is_in_characters = not self.is_address and is_in_characters(name)
        #: An address that has what looks like a code is none that lacks it.
        self.in_codes = not (self.is_address and decoded(name) != name)
        self._mailbox = mailbox(name)
        if self.is_address:
            # Letters of English are never written in codes.
            words = [part.lower() for part in re.split("[^A-Za-z0-9]+", composed(name)) if part]
            orders = [re.escape(folded(name, in_codes=self.in_codes))]
        elif self.is_in_characters:
            words = [folded(character) for character in characters_of(name)]
            orders = _orders_of_characters(plain(name))
        else:
            words, orders = _words_and_orders(folded(plain(name), in_codes=False))
        self.patterns = [re.compile(order) for order in orders]
        self._dots = dots_of(plain(name))
        self._words = words
        parts = words if self.is_address else [part for word in words for part in plain_parts(word)]
        #: In small letters of English, between all others: what stands in whatever holds it and hides nothing.
        self.english = [piece for part in parts for piece in _ENGLISH.findall(part.encode())]
        self._foreign = [part for part in parts if not part.isascii()]

    @property
    def longest_plain(self) -> str:
        """In letters of English: databases find it in any case."""
        return max(self.english, key=len, default=b"").decode()

    def may_be_in(self, text: Seen) -> bool:
        """Whether a text may hold it, as far as that is quick to say."""
        if all(part in text.english for part in self.english) and all(part in text.small for part in self._foreign):
            return True
        return not self.is_address and text.is_hidden

    def is_one_with(self, name: str) -> bool:
        """Whether a name is read as this one, in either order."""
        read = folded(name).strip()
        return any(pattern.fullmatch(read) for pattern in self.patterns) and self._is_meant(name)

    def shares_a_word_with(self, name: str) -> bool:
        """Whether their texts may overlap."""
        read = folded(name)
        return any(word in read for word in self._words)

    def spans(self, order: re.Pattern[str], reading: ReadText) -> Iterator[tuple[int, int]]:
        """From where to where it is seen in a text."""
        at = 0
        while found := order.search(reading.folded, at):
            at = found.start() + 1
            span = reading.span(*found.span())
            if span and self._is_meant(reading.seen[slice(*span)]):
                yield span

    def _is_meant(self, text: str) -> bool:
        """Whether it is this one that is read so: in Turkish i and ı are two letters, and I is either's capital."""
        if self.is_address:
            return mailbox(text) == self._mailbox
        return are_dots_of_one(dots_of(text), self._dots)

    @cached_property
    def alone(self) -> "tuple[Whole, Whole]":
        """This name, wherever it stands, and where it is whole."""
        return _Anywhere([self]), Whole([self])


def _words_and_orders(read: str) -> tuple[list[str], list[str]]:
    """The words of a name, and patterns of it as it is and with its family's name in another place."""
    words = read.split()
    first, comma, second = (part.split() for part in read.partition(","))
    given, family = (second, first) if comma else (words[:-1], words[-1:])
    if not (given and family):
        return words, [BLANKS.join(map(re.escape, words)) or _NEVER]
    front, back = (BLANKS.join(map(re.escape, part)) for part in (given, family))
    orders = [f"{front}{BLANKS}{back}", f"{back}(?:,(?:{BLANKS})?|{BLANKS}){front}"]
    return given + family, orders[::-1] if comma else orders


def _orders_of_characters(name: str) -> list[str]:
    """As it is, and with its last part in front, which may be the family's or one's own."""
    *front, back = (
        _PARTED.join(re.escape(folded(character)) for character in part) for part in _PARTINGS.split(name) if part
    )
    if not front:
        return [back]
    first = _PARTED.join(front)
    return [f"{first}{_PARTED_OR_COMMA}{back}", f"{back}{_PARTED_OR_COMMA}{first}"]


class Whole:
    """Several names, each where it is no part of another; of those that begin at one place the longest."""

    def __init__(
        self,
        names: Sequence[Needle],
        others: Sequence[Needle] = (),
        *,
        is_a_name: bool = False,
        is_file: bool = False,
    ) -> None:
        self._others, self._is_a_name, self._is_file = others, is_a_name, is_file
        longest_first = sorted(names, key=lambda each: -len(each.name))
        # As people call themselves first: of "Smith, Ann Smith" it is the end.
        self._orders = [(each, order) for each in longest_first for order in each.patterns[:1]]
        self._orders += [(each, order) for each in longest_first for order in each.patterns[1:]]
        self._mailboxes = {mailbox(each.name) for each in names if each.is_address}

    def search(self, text: str) -> bool:
        return any(True for _ in self.places(text))

    def fullmatch(self, text: str) -> bool:
        """Whether a text is one address of them."""
        return mailbox(text) in self._mailboxes

    def sub(self, word: str, text: str) -> str:
        """The text with a word in place of each."""
        parts, at = [], 0
        for begins, ends in sorted(self.places(text)):
            parts += [text[at:begins], word]
            at = ends
        return "".join([*parts, text[at:]])

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """From where to where each stands, in no order."""
        taken: list[tuple[int, int]] = []
        for begins, ends in self._spans(text):
            at = bisect_left(taken, (begins, ends))
            if (at == 0 or taken[at - 1][1] <= begins) and (at == len(taken) or ends <= taken[at][0]):
                taken.insert(at, (begins, ends))
                yield begins, ends

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Also those that overlap, as people call themselves first."""
        # Looking where they may be is quick, telling what stands where is not.
        for in_codes in {needle.in_codes for needle, _ in self._orders}:
            seen = Seen(decoded(text) if in_codes else text)
            near = [each for each in self._orders if each[0].in_codes == in_codes and each[0].may_be_in(seen)]
            read = folded(seen.text, in_codes=False) if near else ""
            if found := [each for each in near if each[1].search(read)]:
                reading = ReadText(text, in_codes=in_codes)
                others = self._others_in(reading)
                for needle, order in found:
                    for span in needle.spans(order, reading):
                        if self._counts(needle, reading.seen, span, others):
                            yield reading.written(*span)

    def _counts(self, needle: Needle, text: str, span: tuple[int, int], others: Set[int]) -> bool:
        # An address is one person's, whoever is called by it.
        return (needle.is_address or others.isdisjoint(span)) and self._is_whole(needle, text, *span)

    def _is_whole(self, needle: Needle, text: str, begins: int, ends: int) -> bool:
        if not is_apart(text, begins, ends, is_address=needle.is_address, is_file=self._is_file):
            return False
        return not (self._is_a_name and needle.is_in_characters and stands_among_characters(text, begins, ends))

    def _others_in(self, reading: ReadText) -> set[int]:
        """Where it is within a name of somebody else: what begins or ends there is not whole, "Jane Smith, Ann Lee"."""
        return {
            at
            for each in self._others
            for begins, ends in each.spans(each.patterns[0], reading)
            if is_apart(reading.seen, begins, ends, is_address=False)
            for at in range(begins + 1, ends)
        }


class _Anywhere(Whole):
    """Also as parts of others."""

    def _counts(self, needle: Needle, text: str, span: tuple[int, int], others: Set[int]) -> bool:
        return True


class _Left(Whole):
    """Where they stay: an address that may be the beginning of a longer one, a name that is in another's."""

    def _counts(self, needle: Needle, text: str, span: tuple[int, int], others: Set[int]) -> bool:
        if needle.is_address:
            return may_be_longer(text, *span, is_file=self._is_file)
        return not others.isdisjoint(span) and self._is_whole(needle, text, *span)


class Needles:
    """Names to look for: in texts each as a whole, in bytes wherever it stands.

    Parameters
    ----------
    others : collection of str
        Names of others, in texts about whom nothing of theirs is replaced.
    """

    _kind: type[Whole] = Whole

    def __init__(self, names: Collection[str], others: Collection[str] = ()) -> None:
        self.each, spared = [Needle(name) for name in names], [Needle(name) for name in others]
        self.names = names
        self.whole = self._kind(self.each, spared)
        #: In what is a name itself: "王芳" is in "王芳 (Sales)", and "王芳华" is somebody else.
        self.named = self._kind(self.each, spared, is_a_name=True)
        #: In what is a file's name.
        self.filed = self._kind(self.each, spared, is_file=True)
        self.anywhere = _Anywhere(self.each)

    @cached_property
    def hint(self) -> models.Q:
        """What the database can tell: a part in letters of English, of which SQLite, too, folds the case."""
        hint = models.Q()
        for each in self.each:
            # As a capital it is one in any locale.
            hint |= models.Q(_text__icontains=each.longest_plain.upper())
        named = any(not each.is_address for each in self.each)
        return hint | models.Q(_text__regex=in_database()) if named else hint


class Left(Needles):
    """Where names and addresses stay, since they are others', or may be."""

    _kind = _Left
