"""What came of one try to send."""

from dataclasses import dataclass

from apps.common.texts.cutting import cut_between_words

#: As much of an answer as helps to find a fault; what it says beyond that is not ours to keep.
EXCERPT_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """Delivered, or not and why."""

    is_delivered: bool
    #: HTTP's or SMTP's.
    status_code: int | None = None
    #: In words for a person; empty if it was delivered.
    error: str = ""
    #: The beginning of the answer.
    excerpt: str = ""
    #: Trying again would change nothing.
    is_final: bool = False
    #: What goes the same way (to this webhook, through the mail server) need not be tried just now.
    is_way_blocked: bool = False


def excerpt_of(answer: bytes) -> str:
    """The beginning of an answer, in one printable line."""
    printable = "".join(char if char.isprintable() else " " for char in answer.decode(errors="replace"))
    return cut_between_words(" ".join(printable.split()), EXCERPT_CHARACTERS)
