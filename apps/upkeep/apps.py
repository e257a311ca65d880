from django.apps import AppConfig


class UpkeepConfig(AppConfig):
    """Backup, restore and erasure: what touches everything stands above everything."""

    name = "apps.upkeep"
    label = "upkeep"
    default_auto_field = "django.db.models.BigAutoField"
