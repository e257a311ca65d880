"""The pages' addresses, in keys and numbers that people know: the table of contents."""

from django.contrib.auth.views import LoginView, LogoutView
from django.templatetags.static import static
from django.urls import path
from django.views.generic import RedirectView

from apps.dashboard.views.project import project
from apps.dashboard.views.start import start

app_name = "dashboard"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="dashboard:start"), name="root"),
    # Pages that name no icon, as the administration's, are asked for it here.
    path("favicon.ico", RedirectView.as_view(url=static("dashboard/icon.svg"), permanent=True), name="icon"),
    path("login/", LoginView.as_view(template_name="dashboard/login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("projects/", start, name="start"),
    path("projects/<slug:key>/", project, name="project"),
]
