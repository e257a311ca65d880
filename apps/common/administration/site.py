"""The site of the administration."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.admin import AdminSite
from django.core.exceptions import BadRequest, ValidationError
from django.db import DataError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

#: What fields and databases raise for a key that cannot be one: Django's actions and choices of many pass keys on
#: unread.
_NO_SUCH_VALUE = (ValidationError, OverflowError, DataError, UnicodeError)


class Administration(AdminSite):
    """Django's own; a value that cannot be right is the sender's fault, so the answer is 400 and not 500."""

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        @wraps(view)
        def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return view(request, *args, **kwargs)
            except _NO_SUCH_VALUE as error:
                raise BadRequest("A value of this form cannot be one of its kind.") from error

        return cast("View", super().admin_view(answered, cacheable))
