"""Accounts for administrators."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts.forms import LogInForm
from apps.accounts.models import User
from apps.common.administration.forms import PlausibleForm
from apps.common.administration.lists import FilteredAsOffered
from apps.common.administration.saving import SavesWhatChanged, hold_as_read

RIGHTS = ("is_active", "is_staff", "is_superuser")


class AdministrationLogIn(LogInForm, AdminAuthenticationForm):
    """For staff only, by the same rule."""


admin.site.login_form = AdministrationLogIn


class UserCreation(PlausibleForm, AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email", "full_name")
        field_classes: dict[str, type[forms.Field]] = {}


class UserChange(PlausibleForm, UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"
        field_classes: dict[str, type[forms.Field]] = {}

    def clean(self) -> dict[str, Any] | None:
        """Nobody is put into a team by a tick: who was imported comes in by an invitation, who was erased never."""
        fields = super().clean()
        if self.instance.is_erased and self.changed_data:
            raise forms.ValidationError(
                "This person was erased, maybe since you opened this page: nothing of them is written again."
            )
        if self.instance.is_placeholder and any(self.cleaned_data.get(right) for right in RIGHTS):
            raise forms.ValidationError(
                "An import named this person: make an account and invite it to the project; what was imported becomes "
                "the person's when the invitation is accepted."
            )
        return fields


class PasswordByOthers(AdminPasswordChangeForm):
    """Django's own, of an account that is there still, and nothing but its password."""

    def set_password_and_save(self, user: User, commit: bool = True, **names: Any) -> User:
        # Before the lock: it takes long on purpose.
        super().set_password_and_save(user, commit=False, **names)  # type: ignore[misc] # the stubs lack it
        if commit:
            with transaction.atomic():
                hold_as_read(user, {"email": user.email})
                user.save(update_fields=["password"])
        return user


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(FilteredAsOffered, SavesWhatChanged, DjangoGroupAdmin):
    """Django's own, with a name that people can read."""

    form = PlausibleForm


@admin.register(User)
class UserAdmin(FilteredAsOffered, SavesWhatChanged, DjangoUserAdmin):
    """Django's own, with the address in place of a user name."""

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """One by one: each as a whole, with what has come to it meanwhile."""
        for user in queryset:
            user.delete()

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        """Under its lock: whoever was erased since is not named again."""
        with transaction.atomic():
            hold_as_read(obj, {"email": obj.email})
            return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Iterable[User]) -> Any:
        """By their ids: another one may have deleted them meanwhile, names and all."""
        unnamed = [User(pk=user.pk, email=str(user.pk)) for user in queryset]
        return super().log_deletions(request, unnamed)  # type: ignore[arg-type] # it only goes through them

    form, add_form, change_password_form = UserChange, UserCreation, PasswordByOthers
    ordering = ["email"]
    list_display = ["email", "full_name", "is_active", "is_staff", "is_placeholder"]
    search_fields = ["email", "full_name"]
    readonly_fields = ["date_joined", "last_login", "is_placeholder", "named_address"]
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        ("Import", {"fields": ["is_placeholder", "named_address"]}),
        ("Person", {"fields": ["full_name"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Times", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["email", "full_name", "usable_password", "password1", "password2"]})
    ]
