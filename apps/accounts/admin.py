"""Accounts for administrators."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts.forms import LogInForm
from apps.accounts.models import User
from apps.common.administration.forms import PlausibleForm
from apps.common.administration.lists import FilteredAsOffered

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
        """Nobody is put into a team by a tick: who was imported comes in by an invitation."""
        fields = super().clean()
        if self.instance.is_placeholder and any(self.cleaned_data.get(right) for right in RIGHTS):
            raise forms.ValidationError(
                "An import named this person: make an account and invite it to the project; what was imported becomes "
                "the person's when the invitation is accepted."
            )
        return fields


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(FilteredAsOffered, DjangoGroupAdmin):
    """Django's own, with a name that people can read."""

    form = PlausibleForm


@admin.register(User)
class UserAdmin(FilteredAsOffered, DjangoUserAdmin):
    """Django's own, with the address in place of a user name."""

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """One by one: each as a whole, with what has come to it meanwhile."""
        for user in queryset:
            user.delete()

    form, add_form = UserChange, UserCreation
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
