"""Log in, and who one is then."""

from django.urls import path

from apps.accounts.views import MeView, RefreshView, TokenView

urlpatterns = [
    path("token/", TokenView.as_view(), name="token"),
    path("token/refresh/", RefreshView.as_view(), name="token-refresh"),
    path("me/", MeView.as_view(), name="me"),
]
