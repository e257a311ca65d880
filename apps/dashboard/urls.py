"""The pages' addresses, in keys and numbers that people know: the table of contents."""

from typing import Any

from django.contrib.auth.views import LogoutView
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from apps.dashboard.views import account, backlog, imports, models, parts, said, settings, trust
from apps.dashboard.views.errors import only_read, only_sent, read_or_sent
from apps.dashboard.views.flow import flow, flow_file
from apps.dashboard.views.issue import issue
from apps.dashboard.views.project import chance, project, project_file, review
from apps.dashboard.views.share import make_link, share, shared, withdraw_link
from apps.dashboard.views.sprint import sprint, sprint_file, sprints, what_if
from apps.dashboard.views.start import demonstration, new_project, start

_ICON: Any = RedirectView.as_view(url=static("dashboard/icon.svg"), permanent=True)
_ROOT: Any = RedirectView.as_view(pattern_name="dashboard:start")

app_name = "dashboard"
urlpatterns = [
    path("", only_read(_ROOT), name="root"),
    # Pages that name no icon, as the administration's, are asked for it here.
    path("favicon.ico", only_read(_ICON), name="icon"),
    path("login/", read_or_sent(account.LogInPage.as_view()), name="login"),  # type: ignore[arg-type]  # it answers with pages
    path("login/single-sign-on/", include("apps.accounts.single_sign_on.urls")),
    path("logout/", only_sent(LogoutView.as_view()), name="logout"),
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
    path("projects/<slug:key>/backlog/", backlog.backlog, name="backlog"),
    path("projects/<slug:key>/backlog.csv", backlog.backlog_csv, name="backlog-csv"),
    path("projects/<slug:key>/backlog/estimate/", backlog.estimate, name="backlog-estimate"),
    path("projects/<slug:key>/trust/", trust.trust, name="trust"),
    path("projects/<slug:key>/trust/files/<slug:name>.<slug:kind>", trust.trust_file, name="trust-file"),
    path("projects/<slug:key>/trust/progress/", trust.replay_progress, name="trust-progress"),
    path("projects/<slug:key>/trust/replay/", trust.replay, name="trust-replay"),
    path("projects/<slug:key>/models/", models.models, name="models"),
    path("projects/<slug:key>/models/progress/", models.training_progress, name="training-progress"),
    path("projects/<slug:key>/models/<slug:model_type>/train/", models.train, name="train"),
    path("projects/<slug:key>/models/<slug:model_type>/roll-back/", models.roll_back, name="roll-back"),
    path("projects/<slug:key>/models/<uuid:model_id>/activate/", models.activate, name="activate"),
    path("projects/<slug:key>/backlog/<uuid:issue_id>/", backlog.why, name="backlog-why"),
    path("projects/<slug:key>/flow/", flow, name="flow"),
    path("projects/<slug:key>/flow/<slug:name>.<slug:kind>", flow_file, name="flow-file"),
    path("projects/<slug:key>/moved/", said.moved, name="moved"),
    path("projects/<slug:key>/said/", said.said, name="said"),
    path("projects/<slug:key>/said/<uuid:forecast_id>/", said.said_forecast, name="said-forecast"),
    path("projects/<slug:key>/said/<slug:name>.<slug:kind>", said.said_file, name="said-file"),
    path("projects/<slug:key>/parts/", parts.parts, name="parts"),
    path("projects/<slug:key>/parts.csv", parts.parts_csv, name="parts-csv"),
    path("projects/<slug:key>/references/", parts.references, name="references"),
    path("projects/<slug:key>/settings/", settings.settings, name="settings"),
    path("projects/<slug:key>/settings/<slug:what>/", settings.change, name="settings-change"),
    path("projects/<slug:key>/import/", imports.imports, name="import"),
    path("projects/<slug:key>/import/upload/", imports.upload, name="import-upload"),
    path("projects/<slug:key>/import/connect/", imports.connect, name="import-connect"),
    path("projects/<slug:key>/import/sync/<uuid:connection_id>/", imports.sync, name="import-sync"),
    path("projects/<slug:key>/import/<uuid:run_id>/", imports.run, name="import-run"),
    path("projects/<slug:key>/import/<uuid:run_id>/confirm/", imports.confirm, name="import-confirm"),
    path("projects/<slug:key>/import/<uuid:run_id>/undo/", imports.undo, name="import-undo"),
]
