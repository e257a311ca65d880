from django.apps import AppConfig


class MLConfig(AppConfig):
    name = "apps.ml"
    label = "ml"
    verbose_name = "Machine learning"
