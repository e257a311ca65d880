from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Register the checks, and notice who is switched off."""
        import_module("apps.accounts.single_sign_on.checks")
        import_module("apps.accounts.switching_off").watch()
