"""Whether a text is an id."""

from uuid import UUID


def id_in(text: UUID | str) -> UUID | None:
    """The id that a text is; None for another name."""
    if isinstance(text, UUID):
        return text
    try:
        return UUID(text)
    except ValueError:
        return None
