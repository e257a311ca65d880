"""Whose mailbox an address is: one rule for whoever logs in, is invited, imported or erased, on every engine.

Two addresses are one mailbox if they differ in nothing but

* blanks around them,
* the case of letters that are one pair, a small one and its capital: a and A, ë and Ë, я and Я,
* accents, as a letter that has one or as a letter and a mark behind it,
* the host, in its own letters or as name servers write it (`xn--`): one to one, as IDNA 2008 has it.

Whatever else looks alike is another's, and a provider may well vouch for that one: the sign of Kelvin is no K, the long
s no s, the i without a dot no i, letters of full width and of other scripts are none of English, and ß is no ss. Dots
and what stands behind a plus are as good as any letter: only some hosts pass them over. Mails go by the same rule
(`apps.accounts.posting`).

An address is stored, compared and looked for as `mailbox` writes it. Databases are asked for equal texts alone: what
each of them takes for a small letter plays no part.
"""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.expressions import Combinable

from apps.common.texts.composing import Form, normalized

#: How name servers begin what has letters that they do not know (RFC 5890).
_ENCODED = "xn--"
#: Of a mailbox, as it is stored; and of what is typed for one: letters with each mark apart, hosts as name servers have
#: them. What is longer is no address, and is not read as one.
LONGEST_MAILBOX, LONGEST_SPELLING = 254, 1_000
if TYPE_CHECKING:
    _Address = models.EmailField[str | Combinable, str]
else:
    _Address = models.EmailField


def mailbox(address: str) -> str:
    """The one spelling of an address: small letters, composed, the host in its own letters.

    What is too long for one is nobody's, and stays what it is.
    """
    address = address.strip()
    if len(address) > LONGEST_SPELLING:
        return address
    local, at, host = _small(address).rpartition("@")
    return f"{local}{at}{'.'.join(map(_in_own_letters, host.split('.')))}"


def composed(text: str) -> str:
    """Accents as parts of their letters; a character that only is another's double stays what it is."""
    return _normalized(text, "NFC")


def decomposed(text: str) -> str:
    """Accents behind their letters; doubles as above."""
    return _normalized(text, "NFD")


class MailboxField(_Address):
    """An address as its mailbox, however it was spelled: when it is stored and when it is asked for."""

    def to_python(self, value: Any) -> Any:
        return mailbox(value) if isinstance(value, str) else super().to_python(value)

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(self.to_python(value))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """What is stored is what the object says from now on."""
        value = self.to_python(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value


def _small(text: str) -> str:
    # Once more: some small letters have an accent as a part of them, and their capitals have not.
    return composed("".join(map(_small_letter, composed(text))))


def _small_letter(letter: str) -> str:
    small = letter.lower()
    return small if small.upper() == letter else letter


def paired(letter: str) -> set[str]:
    """A letter and, where it is one of a pair, the other one."""
    return {each for each in (letter, letter.lower(), letter.upper()) if _small_letter(each) == _small_letter(letter)}


def _normalized(text: str, form: Form) -> str:
    """By Unicode's form, except for characters that it takes for another one (of Kelvin, Ohm, Ångström)."""
    parts, begins = [], 0
    for at, character in enumerate(text):
        if _is_a_double(character):
            parts += [normalized(form, text[begins:at]), character]
            begins = at + 1
    return "".join([*parts, normalized(form, text[begins:])])


def _is_a_double(character: str) -> bool:
    return not character.isascii() and normalized("NFC", character) != character


def as_name_servers_write(host: str) -> str:
    """A host in ASCII: what has other letters in punycode (RFC 3492), which changes none for another."""
    return ".".join(
        part if part.isascii() else f"{_ENCODED}{part.encode('punycode').decode()}" for part in host.split(".")
    )


def _in_own_letters(part: str) -> str:
    """A part of a host; as it is where nothing that is kept would be written so."""
    if not (part.startswith(_ENCODED) and part.isascii()):
        return part
    try:
        own = part.removeprefix(_ENCODED).encode().decode("punycode")
        own.encode()  # No text has halves of a character.
    except UnicodeError:
        return part
    return own if as_name_servers_write(own) == part and _small(own.strip()) == own else part
