"""The pages' addresses, in keys and numbers that people know: the table of contents."""

from django.contrib.auth.views import LoginView, LogoutView
from django.templatetags.static import static
from django.urls import path
from django.views.generic import RedirectView

from apps.dashboard.views import account
from apps.dashboard.views.issue import issue
from apps.dashboard.views.project import chance, project, project_file, review
from apps.dashboard.views.share import make_link, share, shared, withdraw_link
from apps.dashboard.views.sprint import sprint, sprint_file, sprints, what_if
from apps.dashboard.views.start import demonstration, new_project, start

app_name = "dashboard"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="dashboard:start"), name="root"),
    # Pages that name no icon, as the administration's, are asked for it here.
    path("favicon.ico", RedirectView.as_view(url=static("dashboard/icon.svg"), permanent=True), name="icon"),
    path("login/", LoginView.as_view(template_name="dashboard/login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("password/", account.change_password, name="password"),
    path("password/forgotten/", account.forgotten, name="forgotten-password"),
    path("password/<str:uid>/<str:token>/", account.new_password, name="new-password"),
    path("keys/", account.api_keys, name="keys"),
    path("keys/<uuid:key_id>/withdraw/", account.withdraw_key, name="withdraw-key"),
    path("invitations/<uuid:invitation_id>/", account.answer_invitation, name="invitation"),
    path("projects/", start, name="start"),
    path("projects/new/demonstration/", demonstration, name="demonstration"),
    path("projects/new/", new_project, name="new-project"),
    path("projects/<slug:key>/", project, name="project"),
    path("projects/<slug:key>/chance/", chance, name="chance"),
    path("projects/<slug:key>/anomalies/<uuid:anomaly_id>/", review, name="anomaly"),
    path("projects/<slug:key>/files/<slug:name>.<slug:kind>", project_file, name="project-file"),
    path("projects/<slug:key>/sprints/", sprints, name="sprints"),
    path("projects/<slug:key>/sprints/<slug:reference>/", sprint, name="sprint"),
    path("projects/<slug:key>/sprints/<slug:reference>/plan/", what_if, name="sprint-plan"),
    path("projects/<slug:key>/sprints/<slug:reference>/<slug:name>.<slug:kind>", sprint_file, name="sprint-file"),
    path("projects/<slug:key>/share/", share, name="share"),
    path("projects/<slug:key>/share/new/", make_link, name="share-new"),
    path("projects/<slug:key>/share/<uuid:link_id>/withdraw/", withdraw_link, name="share-withdraw"),
    path("shared/<str:token>/", shared, name="shared"),
    path("projects/<slug:key>/issues/<path:reference>/", issue, name="issue"),
]
