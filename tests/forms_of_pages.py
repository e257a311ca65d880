"""The forms that a page shows, filled in as a person would, one for each button: read by what browsers read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

#: What a person writes, by the field's name; by its kind where that says enough.
WRITTEN = {
    "key": "NEW",
    "name": "A name",
    "url": "https://93.184.216.34/news",
    "base_url": "https://93.184.216.36",
    "scope": "ABC",
    "token": "a@b.example:token",
    "username": "somebody@example.com",
    "days": "14",
}
BY_KIND = {"email": "new@example.com", "date": "2026-07-01", "number": "3", "url": "https://93.184.216.34/"}
#: What is typed into these is one line that others read.
LINES = frozenset({"text", "search"})
FILE = b"Key,Summary,Status\nA-1,One,Done\n"


@dataclass(frozen=True)
class Form:
    """Where a form goes, and what it sends."""

    action: str
    values: dict[str, Any] = field(default_factory=dict)
    #: Fields that a person writes a line in.
    lines: list[str] = field(default_factory=list)

    def sent(self, changed: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Its values for one request; a file is read by each anew."""
        values = {**self.values, **(changed or {})}
        return {
            name: SimpleUploadedFile(value, FILE) if name == "file" and isinstance(value, str) else value
            for name, value in values.items()
        }

    def __str__(self) -> str:
        return f"{self.action} {self.values}"


class _Reader(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.found: list[Form] = []
        self.form: Form | None = None
        self.buttons: list[Form] = []
        self.selected = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            is_sent = told.get("method") == "post"
            self.form, self.buttons = Form(told.get("action") or self.page) if is_sent else None, []
        elif self.form is not None and "disabled" not in told:
            match tag:
                case "input":
                    self._input(self.form, told)
                case "textarea":
                    self.form.values[told["name"]] = "some"
                case "select":
                    self.selected = told["name"]
                    self.form.values[self.selected] = ""
                case "option" if "selected" in told or not self.form.values[self.selected]:
                    self.form.values[self.selected] = told.get("value", "")
                case "button":
                    named = {told["name"]: told.get("value", "")} if told.get("name") else {}
                    self.buttons.append(Form(told.get("formaction") or self.form.action, named))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self.form is not None:
            # Fields stand behind a button, too.
            self.found += [
                replace(self.form, action=button.action, values=self.form.values | button.values)
                for button in self.buttons
            ]
            self.form = None

    def _input(self, form: Form, told: dict[str, str]) -> None:
        name, kind = told.get("name", ""), told.get("type", "text")
        if not name or name == "csrfmiddlewaretoken":
            return
        if kind == "file":
            form.values[name] = "issues.csv"
        elif kind == "checkbox":
            form.values.setdefault(name, []).append(told.get("value", "on"))
        elif kind == "hidden":
            form.values[name] = told.get("value", "")
        elif kind != "radio" or "checked" in told or name not in form.values:
            form.values[name] = told.get("value") or WRITTEN.get(name) or BY_KIND.get(kind, "some")
            form.lines.extend([name] if kind in LINES else [])


def forms_in(page: str, html: str) -> list[Form]:
    """Those that send something."""
    reader = _Reader(page)
    reader.feed(html)
    return reader.found
