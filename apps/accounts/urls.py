"""Log in and out, new passwords, and who one is."""

from django.urls import path

from apps.accounts.views import (
    LogOutEverywhereView,
    LogOutView,
    MeView,
    NewPasswordView,
    PasswordResetView,
    PasswordView,
    RefreshView,
    TokenView,
)

urlpatterns = [
    path("token/", TokenView.as_view(), name="token"),
    path("token/refresh/", RefreshView.as_view(), name="token-refresh"),
    path("log-out/", LogOutView.as_view(), name="log-out"),
    path("log-out-everywhere/", LogOutEverywhereView.as_view(), name="log-out-everywhere"),
    path("password/", PasswordView.as_view(), name="password"),
    path("password/reset/", PasswordResetView.as_view(), name="password-reset"),
    path("password/reset/confirm/", NewPasswordView.as_view(), name="password-reset-confirm"),
    path("me/", MeView.as_view(), name="me"),
]
