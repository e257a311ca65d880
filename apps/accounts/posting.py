"""Where mails go: to the mailbox that an address is by our rule (`apps.accounts.mailboxes`), or nowhere.

Every mail of the service is made here. Django writes hosts by IDNA 2003, for which "straße" is "strasse" and the sign
of Kelvin a K, so that a code for a new password went to somebody else. Here a host is written as name servers hold it
today, if it has letters that a host may have (IDNA 2008).
"""

import binascii
import contextlib
import smtplib
from collections.abc import Mapping
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage, get_connection  # noqa: TID251 - the one place
from django.core.mail.message import sanitize_address

from apps.accounts.mailboxes import as_name_servers_write, mailbox
from apps.common.exceptions import ApplicationError

#: What sending a mail raises where the server, the way to it or the setting that names it is at fault. Of a challenge
#: that is no base64 the library raises `binascii.Error`, of a password or name that is not ASCII `UnicodeError`.
SERVER_FAULTS = (smtplib.SMTPException, OSError, UnicodeError, binascii.Error)


class Unreachable(ApplicationError):
    """No mail is sent to this address: no mail server can be told it without changing whose it is."""

    code = "unreachable_address"


class NoSuchHost(Unreachable):
    """No mail is sent to this address: behind the @ it has characters that no host has (IDNA 2008)."""


def message_to(address: str, *, subject: str, body: str, headers: Mapping[str, str] | None = None) -> EmailMessage:
    """A mail to one person; raises `Unreachable`."""
    return EmailMessage(subject, body, sender(), [posted(address)], headers=dict(headers or {}))


def hand_over(message: EmailMessage) -> None:
    """Give a mail to the server, which has it then; raises `SERVER_FAULTS`."""
    connection = get_connection()
    try:
        connection.open()
        connection.send_messages([message])
    finally:
        # It has accepted the mail or not; how it says goodbye must not make us send it again.
        with contextlib.suppress(*SERVER_FAULTS):
            connection.close()


def fault_in_words(error: Exception) -> str:
    """One of `SERVER_FAULTS` by its type and code: its own text quotes the address, and what the server said of it."""
    if (code := code_of(error)) is not None:
        return f"The mail server answered {code}."
    kind = f"{type(error).__module__}.{type(error).__name__}"
    return f"The mail server cannot be used: {kind.removeprefix('builtins.').removeprefix('smtplib.')}."


def code_of(error: Exception) -> int | None:
    """What the server answered, if it did: to one person's address, or at all."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, _ = next(iter(error.recipients.values()))
        return int(code)
    return int(error.smtp_code) if isinstance(error, smtplib.SMTPResponseException) else None


def sender() -> str:
    """Who writes: mails that cannot be delivered go back there, with all that they say."""
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    if address.isascii():
        return str(settings.DEFAULT_FROM_EMAIL)
    try:
        return formataddr((name, posted(address)))
    except Unreachable as error:
        raise ImproperlyConfigured("DEFAULT_FROM_EMAIL is an address that no mail reaches.") from error


def posted(address: str) -> str:
    """An address as mail servers are told it; raises `Unreachable` where that would be another's mailbox."""
    local, at, host = mailbox(address).rpartition("@")
    _require_host(host)
    written = f"{local}{at}{as_name_servers_write(host)}"
    try:
        # As Django will tell it: in front of the @, letters that are not ASCII become another name.
        told = sanitize_address(written, "utf-8")
    except ValueError as error:
        raise Unreachable from error
    if mailbox(told) != mailbox(address):
        raise Unreachable
    return written


def _require_host(host: str) -> None:
    foreign = [label for label in host.split(".") if not label.isascii()]
    if not foreign:
        return
    import idna  # noqa: PLC0415 - two MiB of tables, for few hosts

    try:
        for label in foreign:
            idna.alabel(label)
    except idna.IDNAError as error:
        raise NoSuchHost from error
