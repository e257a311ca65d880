"""The whole URL map."""

from django.contrib import admin
from django.urls import include, path

from apps.access.urls import key_urlpatterns
from apps.access.urls import project_urlpatterns as invitation_urlpatterns
from apps.common.api.schema_view import DocsView, SchemaView
from apps.importers.urls import project_urlpatterns as connection_urlpatterns
from apps.notifications.urls import project_urlpatterns

# Its script comes from an address of its own, its page from us: nothing is inline.
_DOCS = DocsView.as_view(url_name="schema", template_name="dashboard/api.html", http_method_names=["get", "head"])


urlpatterns = [
    # First, since it is asked for most: what stands before an address is tried before it, every time.
    path("api/v1/ml/", include("apps.ml.urls")),
    path("admin/", admin.site.urls),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", _DOCS, name="docs"),
    path("api/v1/auth/", include("apps.accounts.urls")),
    path("api/v1/auth/keys/", include(key_urlpatterns)),
    path("api/v1/invitations/", include("apps.access.urls")),
    path("api/v1/projects/", include("apps.projects.urls")),
    path("api/v1/projects/", include(invitation_urlpatterns)),
    path("api/v1/projects/", include(project_urlpatterns)),
    path("api/v1/projects/", include(connection_urlpatterns)),
    path("api/v1/imports/", include("apps.importers.urls")),
    path("api/v1/notifications/", include("apps.notifications.urls")),
    path("", include("apps.mcp.urls")),
    path("", include("apps.common.urls")),
    path("", include("apps.dashboard.urls")),
]

handler400 = "apps.dashboard.views.errors.bad_request"
handler403 = "apps.dashboard.views.errors.forbidden"
handler404 = "apps.dashboard.views.errors.not_found"
handler500 = "apps.dashboard.views.errors.server_error"
