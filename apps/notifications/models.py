"""What was announced, to whom it goes by which channel, and how each try went. These rows are the outbox."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.common.columns.kinds import WordsField
from apps.common.models import Severity, UUIDModel
from apps.projects.models import Project


class Event(models.TextChoices):
    ANOMALY_DETECTED = "anomaly_detected"
    ANOMALY_WORSENED = "anomaly_worsened"
    SPRINT_AT_RISK = "sprint_at_risk"
    #: A webhook or a connection, as whoever set it going leads no more; also a connection whose imports fail for long.
    STOPPED = "stopped"
    #: A test that a lead asked for.
    PING = "ping"


class Channel(models.TextChoices):
    IN_APP = "in_app"
    EMAIL = "email"
    WEBHOOK = "webhook"


class Notification(UUIDModel):
    """Something that a project's people are told, once."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="notifications")
    event = models.CharField(max_length=32, choices=Event.choices)
    severity = models.CharField(max_length=16, choices=Severity.choices)
    #: What it is about, down to the row: a thing is announced once for each severity.
    about = models.CharField(max_length=200)
    #: What it is about in kind: news of a topic are followed by silence for a while.
    topic = models.CharField(max_length=200)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    data = models.JSONField(default=dict)
    #: What webhooks are sent: made once, so that a repeated delivery has the same bytes.
    payload = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "about", "severity"], name="notifications_said_once"),
        ]
        indexes = [
            models.Index(fields=["project", "topic", "-created_at"], name="notifications_by_topic"),
            models.Index(fields=["created_at"], name="notifications_by_age"),
        ]

    def __str__(self) -> str:
        return self.subject


class Preference(models.Model):
    """What a person wants to be sent; without a row, the defaults."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="notification_preference"
    )
    email = models.BooleanField(default=True)
    #: Milder news come without an e-mail. High is where somebody should look today.
    least_severity = models.CharField(max_length=16, choices=Severity.choices, default=Severity.HIGH)
    #: Also of projects in which this person is a member or viewer; leads are told anyway.
    as_member = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.user_id}: e-mail {'from ' + self.least_severity if self.email else 'off'}"


class Webhook(UUIDModel):
    """An address of another program that a project's news are posted to."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    is_active = models.BooleanField(default=True)
    least_severity = models.CharField(max_length=16, choices=Severity.choices, default=Severity.LOW)
    #: The secret is derived from the server's key and this salt: a copy of the database cannot sign.
    salt = models.CharField(max_length=64)
    #: SHA-256 of the secret; tells which of several server keys it was derived from.
    secret_digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "url"],
                name="notifications_webhook_once",
                violation_error_message="This project has a webhook with this address already.",
            )
        ]

    def __str__(self) -> str:
        return f"webhook {self.id}"


class Delivery(UUIDModel):
    """One notification to one person or program by one channel. This row, not a broker's message, is the truth."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        #: Given up after the last try.
        FAILED = "failed"
        #: Nobody wants it any more: the person left, the webhook was switched off, it was a false alarm.
        DROPPED = "dropped"

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=16, choices=Channel.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="notifications"
    )
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, null=True, blank=True, related_name="deliveries")
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    #: How often a worker began; also tells one that came back from the dead that another has taken over.
    attempts = models.PositiveSmallIntegerField(default=0)
    #: When a worker may begin. Beginning moves it on by a lease, so that what a dead worker held is due again.
    due_at = models.DateTimeField(default=timezone.now)
    #: Why the last attempt failed, in words for a person.
    failure_reason = WordsField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    #: In the app: when the person read it.
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["notification", "channel", "user"],
                condition=Q(user__isnull=False),
                name="notifications_person_told_once",
            ),
            models.UniqueConstraint(
                fields=["notification", "webhook"],
                condition=Q(webhook__isnull=False),
                name="notifications_webhook_told_once",
            ),
            models.CheckConstraint(
                condition=Q(channel="webhook", webhook__isnull=False, user__isnull=True)
                | Q(channel__in=["in_app", "email"], webhook__isnull=True, user__isnull=False),
                name="notifications_one_addressee",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", finished_at__isnull=True)
                | ~Q(state="waiting") & Q(finished_at__isnull=False),
                name="notifications_finished_means_over",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="notifications_due"),
            models.Index(fields=["user", "-created_at"], condition=Q(channel="in_app"), name="notifications_inbox"),
            models.Index(fields=["webhook", "-created_at"], name="notifications_by_webhook"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.id}: {self.state}"


class Attempt(models.Model):
    """One try to send a delivery, as far as it is known; one that its worker did not survive leaves none."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="log")
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    #: What the other side answered: HTTP's or SMTP's code.
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    error = WordsField(max_length=200, blank=True)
    #: The beginning of the answer.
    excerpt = WordsField(max_length=200, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.status_code or self.error}"
