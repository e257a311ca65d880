"""People who log in, and people whom an import names and who cannot."""

from collections.abc import Iterator
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone

from apps.accounts.mailboxes import MailboxField, mailbox
from apps.common.exceptions import Conflict
from apps.common.models import UUIDModel

#: What a name is cut to.
LONGEST_NAME = 200
#: RFC 2606 reserves it: whoever was erased stands there without a name.
ERASED = "@erased.invalid"
#: How often a deletion begins anew: each time something was written in the person's name in the midst of it.
MOST_DELETIONS = 5


class UserManager(BaseUserManager["User"]):
    """Makes users by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A user; without a password one that cannot log in."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db, force_insert=True)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A user who may everything."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def with_email(self, email: str | None) -> models.QuerySet["User"]:
        """The one person with this address, or nobody, however it is spelled."""
        return self.filter(email=email or "")

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """As it is stored."""
        return mailbox(email or "")

    def get_by_natural_key(self, username: str | None) -> "User":
        """Whoever logs in with this address."""
        return self.with_email(username).get()


class LogIn(UUIDModel):
    """One log-in over the API, from its password to its end; a row that is gone has ended."""

    user = models.ForeignKey("User", on_delete=models.CASCADE, related_name="log_ins")
    #: The only refresh token that may still be exchanged.
    current_token = models.CharField(max_length=64)
    opened_at = models.DateTimeField()
    renewed_at = models.DateTimeField()

    class Meta:
        ordering = ["-opened_at", "id"]

    def __str__(self) -> str:
        return str(self.pk)


class User(UUIDModel, AbstractBaseUser, PermissionsMixin):
    """A person, known by e-mail address."""

    email = MailboxField(unique=True)
    full_name = models.CharField(max_length=LONGEST_NAME, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now)
    #: When it last was; what was mailed or opened before is worth nothing when the account is switched on again.
    switched_off_at = models.DateTimeField(null=True, blank=True, editable=False)

    #: Named by an import and nobody who logs in: `email` is one that no mail reaches. Becomes a person's by an accepted
    #: invitation to the project (`apps.projects.placeholders`), never by being switched on.
    is_placeholder = models.BooleanField(default=False, editable=False)
    #: How the source names a placeholder; of an account, the mailbox that is another's since migration 0005. Told to
    #: the project's team only, and nobody writes to it unasked.
    named_address = MailboxField(blank=True, default="", editable=False)
    #: Whose a placeholder is now. One without a name stands for an account by which a source knows that person.
    became = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="was"
    )

    #: The only project that this person is let into, while a program asks with a key of one project.
    confined_to: UUID | None = None

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["email"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(is_placeholder=False)
                | models.Q(is_active=False, is_staff=False, is_superuser=False),
                name="accounts_placeholder_opens_nothing",
            ),
        ]

    def __str__(self) -> str:
        return self.full_name or self.email

    def get_session_auth_hash(self) -> str:
        """What a session of pages holds of its person; with a new password, or once switched off, another."""
        return super().get_session_auth_hash() + self.when_last_off()

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """The same by earlier secret keys."""
        for each in super().get_session_auth_fallback_hash():
            yield each + self.when_last_off()

    def when_last_off(self) -> str:
        """For what ends with a switching-off. Empty for who never was: what was of before an update goes on."""
        return self.switched_off_at.isoformat() if self.switched_off_at else ""

    def delete(self, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        """The account with all that goes with it, also with what others have given it meanwhile.

        What refers to it is looked for first, and a place in a team may be taken before the account is gone: then the
        database refuses the deletion, which begins anew; `Conflict` where it does again and again.
        """
        pk = self.pk
        for _ in range(MOST_DELETIONS):
            try:
                with transaction.atomic():
                    deleted = super().delete(using=using, keep_parents=keep_parents)
                    if connection.vendor == "postgresql":
                        # Now, not at the end, which may be that of a transaction of others. SQLite has one writer.
                        connection.check_constraints()
                    return deleted
            except IntegrityError:
                self.pk = pk
        raise Conflict("Something is written in the name of this person again and again: switch the account off first.")

    @property
    def address(self) -> str:
        """How others in the project reach this person, as far as it is known."""
        return self.named_address or self.email

    @property
    def is_erased(self) -> bool:
        """Whether the row stands for somebody who was erased."""
        return self.email.endswith(ERASED)
