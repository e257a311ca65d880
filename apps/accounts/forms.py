"""How somebody logs in on a page."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, UsernameField

from apps.accounts.mailboxes import LONGEST_SPELLING


class AddressField(UsernameField):
    """An address as it was typed: Django's own makes letters of English of some that only look like them."""

    def to_python(self, value: Any) -> Any:
        return forms.CharField.to_python(self, value)


class LogInForm(AuthenticationForm):
    """Django's own, for whose mailbox it is by our rule."""

    username = AddressField(max_length=LONGEST_SPELLING, widget=forms.TextInput(attrs={"autofocus": True}))
