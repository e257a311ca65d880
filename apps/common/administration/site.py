"""The site of the administration."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import BadRequest, FieldDoesNotExist, ValidationError
from django.db import DataError
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from apps.common.exceptions import ApplicationError

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

#: What fields and databases raise for a key that cannot be one: Django's actions and choices of many pass keys on
#: unread.
_NO_SUCH_VALUE = (ValidationError, OverflowError, DataError, UnicodeError, FieldDoesNotExist)
#: Each word of a search asks every searched column; a thousand are too deep an expression for SQLite.
MOST_WORDS = 20


def _is_list(request: HttpRequest) -> bool:
    """Whether a list is looked at, which addresses filter by whatever they say (dates by a year that no calendar has),
    or something is done to rows of it, which a form names.

    Its rows are read later, when the page is written: what fails there is no fault of the sender.
    """
    match = request.resolver_match
    return match is not None and (match.url_name or "").endswith("_changelist")


class Administration(AdminSite):
    """Django's own; a value that cannot be right is the sender's fault, so the answer is 400 and not 500.

    What a service refuses is told on the page where it was asked for.

    Attributes
    ----------
    notices : list of callables
        Each gives a sentence that stands on every page while it holds, else an empty one.
    """

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.notices: list[Callable[[], str]] = []

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        @wraps(view)
        def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if any(len(request.GET.get(name, "").split()) > MOST_WORDS for name in ("q", "term")):
                raise BadRequest(f"A search has at most {MOST_WORDS} words.")
            try:
                answer = view(request, *args, **kwargs)
            except ApplicationError as error:
                if request.method != "POST":
                    raise
                messages.error(request, error.message)
                return HttpResponseRedirect(request.get_full_path())
            except _NO_SUCH_VALUE as error:
                raise BadRequest("A value of this form cannot be one of its kind.") from error
            except ValueError as error:
                if not _is_list(request):
                    raise
                raise BadRequest("No list is filtered by such a value, and no row has it for its key.") from error
            # Of a page, which is written later; what leads on to another shows nothing.
            if isinstance(answer, TemplateResponse):
                self._tell(request)
            return answer

        return cast("View", super().admin_view(answered, cacheable))

    def _tell(self, request: HttpRequest) -> None:
        for notice in self.notices:
            if sentence := notice():
                messages.warning(request, sentence)

    def password_change(  # type: ignore[override] # another page answers
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """On the page of all, which counts guesses: Django's own takes any number of them."""
        return redirect("dashboard:password")
