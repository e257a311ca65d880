"""Pages of a person's own account: a new password, keys for programs, and the teams that one is invited to."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.exceptions import Throttled

from apps.access import invitations, keys
from apps.accounts import passwords
from apps.accounts.forms import LogInForm
from apps.accounts.lock_out import remember, too_many
from apps.accounts.mails import MailKind
from apps.accounts.scopes import Scope
from apps.accounts.serializers import LONGEST_PASSWORD
from apps.accounts.signed_in import signed_in
from apps.accounts.tasks import mail_soon
from apps.common.api.throttling import client_address, wait_for
from apps.common.exceptions import Conflict
from apps.dashboard.types import User
from apps.dashboard.views.errors import REFUSED, only_sent, read_or_sent, reasons
from apps.dashboard.views.scope import show
from apps.projects.selectors import projects_visible_to


class PasswordInputField(forms.CharField):
    """A password as it is typed, blanks included."""

    def __init__(self, label: object, autocomplete: str) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
        super().__init__(label=label, max_length=LONGEST_PASSWORD, strip=False, widget=widget)  # type: ignore[arg-type]


class NewPasswordForm(forms.Form):
    """A password that may be chosen."""

    new_password = PasswordInputField(gettext_lazy("New password"), "new-password")

    def clean_new_password(self) -> str:
        password: str = self.cleaned_data["new_password"]
        validate_password(password)
        return password


class ChangeForm(NewPasswordForm):
    """By who knows the old one."""

    old_password = PasswordInputField(gettext_lazy("Present password"), "current-password")
    field_order = ("old_password", "new_password")


class ForgottenForm(forms.Form):
    """Whose password was forgotten."""

    email = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=254)


#: What a key of each scope may do; the word is the one that the API and lists of keys have.
SCOPES = {
    Scope.READ: gettext_lazy("read: look at everything that you see"),
    Scope.PREDICT: gettext_lazy("predict: ask models and forecasts; the answers are kept"),
    Scope.WRITE: gettext_lazy("write: change issues and sprints"),
    Scope.MANAGE: gettext_lazy("manage: what leads do, as the team, connections and models"),
}


class KeyForm(forms.Form):
    """What a new key is for."""

    name = forms.CharField(label=gettext_lazy("What uses it"), max_length=100)
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("What for"), choices=list(SCOPES.items()), widget=forms.CheckboxSelectMultiple
    )
    project = forms.ModelChoiceField(
        label=gettext_lazy("Which project"), queryset=None, required=False, empty_label=gettext_lazy("all of mine")
    )  # type: ignore[var-annotated]
    days = forms.IntegerField(
        label=gettext_lazy("Days until it ends"), min_value=1, max_value=keys.MOST_DAYS, initial=keys.USUAL_DAYS
    )

    def __init__(self, data: Mapping[str, Any] | None, person: User) -> None:
        super().__init__(data)
        self.fields["project"].queryset = projects_visible_to(person)  # type: ignore[attr-defined]


class LogInPage(LoginView):
    """By password, or by the provider of single sign-on."""

    authentication_form = LogInForm
    template_name = "dashboard/login.html"

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Let in, by a browser that is known from now on."""
        answer = super().form_valid(form)
        remember(answer, signed_in(self.request).email)
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With the words of the provider's button; empty where there is none."""
        return super().get_context_data(**kwargs, single_sign_on=settings.OIDC_ISSUER and settings.OIDC_NAME)


# --- Passwords ----------------------------------------------------------------------------------------------------
@read_or_sent
@login_required
@sensitive_post_parameters()
def change_password(request: HttpRequest) -> HttpResponse:
    """Choose a new password; every other log-in ends."""
    form = ChangeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        old, new = form.cleaned_data["old_password"], form.cleaned_data["new_password"]
        try:
            person = passwords.change_password(request, signed_in(request), old, new)
        except (passwords.NotTheirPassword, Throttled):
            form.add_error("old_password", _("This is not your password."))
        else:
            update_session_auth_hash(request, person)
            messages.success(request, _("The new password is set; all other log-ins have ended."))
            return redirect("dashboard:start")
    return show(request, "account_form.html", {"form": form, "title": _("Password"), "button": _("Set it")})


@read_or_sent
def forgotten(request: HttpRequest) -> HttpResponse:
    """Have a link for a new password sent; the answer does not tell whether there is such an account."""
    form = ForgottenForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        if (wait := wait_for("login", client_address(request), request)) is not None:
            return too_many(request, wait)  # type: ignore[return-value]
        mail_soon(MailKind.RESET, form.cleaned_data["email"])
        messages.success(request, _("If there is such an account, a mail is on its way."))
        return redirect("dashboard:login")
    return show(request, "account_form.html", {"form": form, "title": _("Forgotten password"), "button": _("Send")})


@read_or_sent
@never_cache
@sensitive_post_parameters()
def new_password(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Where the link of the mail leads."""
    user = passwords.user_with_code(uid, token)
    form = NewPasswordForm(request.POST if request.method == "POST" else None)
    is_chosen = user is not None and form.is_valid()
    if is_chosen:
        user = passwords.set_password_by_code(uid, token, form.cleaned_data["new_password"])
    if user is None:
        messages.error(request, _("This link is not good, or not any more: ask for another."))
        return redirect("dashboard:forgotten-password")
    if is_chosen:
        messages.success(request, _("The new password is set: log in with it."))
        answer = redirect("dashboard:login")
        # Who reads the account's mail is no stranger, however many of them have guessed.
        remember(answer, user.email)
        return answer
    context = {"form": form, "title": _("A new password"), "button": _("Set it")}
    page = show(request, "account_form.html", context)
    # The address is the key: no page that is opened from here learns it.
    page["Referrer-Policy"] = "no-referrer"
    return page


# --- Keys ---------------------------------------------------------------------------------------------------------
@read_or_sent
@login_required
@never_cache
def api_keys(request: HttpRequest) -> HttpResponse:
    """One's keys for programs; a new one is shown once."""
    person, made = signed_in(request), ""
    form = KeyForm(request.POST if request.method == "POST" else None, person)
    if form.is_valid():
        try:
            _key, made = keys.create_key(person, now=timezone.now(), **form.cleaned_data)
            form = KeyForm(None, person)
        except Conflict as error:
            form.add_error(None, error.message)
        except ValidationError as error:
            for name, texts in error.message_dict.items():
                form.add_error(name if name in form.fields else None, texts)
    return show(request, "keys.html", {"form": form, "made": made, "keys": keys.keys_of(person)})


@only_sent
@login_required
def withdraw_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """It opens nothing from now on."""
    get_object_or_404(keys.keys_of(signed_in(request)), pk=key_id).delete()
    messages.success(request, _("The key is withdrawn."))
    return redirect("dashboard:keys")


# --- Invitations --------------------------------------------------------------------------------------------------
@only_sent
@login_required
def answer_invitation(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Join the team, or decline."""
    person, now = signed_in(request), timezone.now()
    invitation = get_object_or_404(invitations.invitations_to(person, now=now), pk=invitation_id)
    if request.POST.get("answer") != "accept":
        invitation.delete()
        return redirect("dashboard:start")
    try:
        invitations.accept(invitation, by=person, now=now)
    except REFUSED as error:
        messages.error(request, " ".join(reasons(error)))
        return redirect("dashboard:start")
    return redirect("dashboard:project", key=invitation.project.key)
