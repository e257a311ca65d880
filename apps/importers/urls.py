"""Addresses of imports, and of a project's connections."""

from django.urls import path

from apps.importers.viewsets import ConnectionViewSet, ImportViewSet
from apps.projects.urls import PROJECT, crud

urlpatterns = [
    path("", ImportViewSet.as_view({"get": "list", "post": "create"}), name="import-list"),
    path("<uuid:import_id>/", ImportViewSet.as_view({"get": "retrieve"}), name="import-detail"),
    path("<uuid:import_id>/undo/", ImportViewSet.as_view({"post": "undo"}), name="import-undo"),
]

#: Below `/api/v1/projects/`.
project_urlpatterns = crud(f"{PROJECT}connections/", "<uuid:connection_id>/", ConnectionViewSet, "connection")
