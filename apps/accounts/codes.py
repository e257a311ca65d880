"""Codes that are mailed to set a new password: good once, for two hours, and for the account of when they were made."""

from django.contrib.auth.tokens import PasswordResetTokenGenerator

from apps.accounts.models import User


class PasswordCodes(PasswordResetTokenGenerator):
    """Django's own, which end with the password, the address or a log-in; ours end with a switching off, too."""

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return super()._make_hash_value(user, timestamp) + user.when_last_off()


password_codes = PasswordCodes()
