"""The root of every error this project raises on purpose: plain Python, so that the core may use it."""

from typing import ClassVar

from apps.common.plausible import readable


class ApplicationError(Exception):
    """The request could not be carried out."""

    code: ClassVar[str] = "error"
    #: Whether its words may be somebody else's, of people and their work: it is shown to whoever asked, and not logged.
    quotes_others: ClassVar[bool] = False

    def __init__(self, message: str | None = None) -> None:
        # It may quote others, and goes to where no half character can be written.
        super().__init__(readable(message or "", is_line=False) or (type(self).__doc__ or "").strip())

    @property
    def message(self) -> str:
        return str(self.args[0])


class NotEnoughData(ApplicationError):
    """There is not enough history to answer."""

    code: ClassVar[str] = "not_enough_data"

    def __init__(self, *, have: int, needed: int, what: str) -> None:
        super().__init__(f"{needed} {what} are needed, {have} are there.")
        self.have, self.needed, self.what = have, needed, what


class Conflict(ApplicationError):
    """The request contradicts the present state."""

    code: ClassVar[str] = "conflict"
