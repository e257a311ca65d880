from django.contrib.admin.apps import AdminConfig


class AdministrationConfig(AdminConfig):
    """Django's own, on a site that answers 400 to what no browser sends."""

    default_site = "apps.common.administration.site.Administration"
