"""Alerts as Prometheus' Alertmanager sends them (webhook version 4), and how people are told: a signed webhook, an email."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from typing import Annotated, Literal, Protocol

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_serializer, field_validator

from connectors.references import is_reference, resolved, shown
from connectors.webhooks.delivery import Delivered, Message, deliver, webhook_client
from studio.errors import PackshotError
from studio.product import Frozen

MAX_ALERTS = 1000
"""Alerts of one message; Alertmanager's `max_alerts` bounds it on the other side."""
SMTP_S = 15.0
"""Seconds for every single answer of a mail server."""
Text = Annotated[str, StringConstraints(max_length=2000)]
Texts = Annotated[dict[Annotated[str, StringConstraints(max_length=200)], Text], Field(max_length=100)]
Address = Annotated[str, StringConstraints(pattern=r"^[^@\s,<>]{1,64}@[^@\s,<>]{1,255}$")]


class AlertNotSent(PackshotError):
    """A channel did not take an alert; Alertmanager sends it again."""

    code = "alert_not_sent"
    retryable = True
    http_status = 503


class Email(Frozen):
    """A mail server and who is written to. `password` is a reference, `env:NAME` or `file:/path`."""

    server: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,255}$")]
    port: Annotated[int, Field(gt=0, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`none` is for a server on the same machine."""
    user: str = ""
    password: SecretStr | None = None
    sender: Address
    to: Annotated[tuple[Address, ...], Field(min_length=1)]

    @field_validator("password")
    @classmethod
    def _referred(cls, value: SecretStr | None) -> SecretStr | None:
        return _only_reference(value)

    @field_serializer("password", when_used="json")
    def _out(self, value: SecretStr | None) -> str | None:
        return shown(value) if value else None


class AlertSettings(Frozen):
    """Who is told. Nothing set: alerts are only kept, for the console."""

    webhook: Annotated[str, StringConstraints(pattern=r"^(https?://.+)?$", max_length=2000)] = ""
    """Address that gets every alert as a Standard Webhooks message, `alert.firing` or `alert.resolved`."""
    webhook_secret: SecretStr | None = None
    """Key that signs it, `whsec_...`, by reference: `env:NAME` or `file:/path`."""
    private_webhook: bool = False
    """Whether the address may be on our own network."""
    email: Email | None = None

    @field_validator("webhook_secret")
    @classmethod
    def _referred(cls, value: SecretStr | None) -> SecretStr | None:
        return _only_reference(value)

    @field_serializer("webhook_secret", when_used="json")
    def _out(self, value: SecretStr | None) -> str | None:
        return shown(value) if value else None


class Alert(BaseModel):
    """One alert, under Alertmanager's names; what is not named here is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    status: Literal["firing", "resolved"]
    labels: Texts
    annotations: Texts = Field(default_factory=dict)
    started: AwareDatetime = Field(alias="startsAt")
    ended: AwareDatetime | None = Field(default=None, alias="endsAt")
    fingerprint: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,64}$")]

    @property
    def name(self) -> str:
        """Of the rule."""
        return self.labels.get("alertname", "")

    @property
    def id(self) -> str:
        """The same at every repetition of this state of this alert."""
        parts = f"{self.fingerprint}.{self.started.isoformat()}.{self.status}"
        return "alt_" + hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()

    def line(self) -> str:
        """One line for people."""
        said = self.annotations.get("summary") or self.name
        more = self.annotations.get("runbook_url", "")
        return f"[{self.status}] {self.name}: {said}" + (f" ({more})" if more else "")


class AlertMessage(BaseModel):
    """A group of alerts."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: Literal["4"]
    alerts: Annotated[tuple[Alert, ...], Field(max_length=MAX_ALERTS)]


class Channel(Protocol):
    """A way to tell people. Blocking."""

    name: str
    problem: str
    """Why the last alerts were not taken."""

    def tell(self, alerts: Sequence[Alert], *, now: datetime) -> list[Alert]:
        """Those that were taken; a channel stops at the first that is not. Raises SettingsError."""


class WebhookChannel:
    """One signed message an alert."""

    name = "webhook"

    def __init__(self, settings: AlertSettings, client: httpx.Client | None = None) -> None:
        self._settings = settings
        self._client = client or webhook_client(allow_private=settings.private_webhook)
        self.problem = ""

    def tell(self, alerts: Sequence[Alert], *, now: datetime) -> list[Alert]:
        """See `Channel`."""
        secret, told = self._settings.webhook_secret, []
        keys = [resolved(secret, "monitoring.alerts.webhook_secret")] if secret else []
        for alert in alerts:
            data = alert.model_dump(mode="json", exclude={"fingerprint"})
            message = Message(alert.id, f"alert.{alert.status}", alert.started, data)
            attempt = deliver(self._client, self._settings.webhook, keys, message, now=now.timestamp())
            if not isinstance(attempt, Delivered):
                self.problem = getattr(attempt, "reason", "answered 410")
                break
            told.append(alert)
        return told


class EmailChannel:
    """One mail for all of them."""

    name = "email"

    def __init__(self, settings: Email) -> None:
        self._settings = settings
        self.problem = ""

    def tell(self, alerts: Sequence[Alert], *, now: datetime) -> list[Alert]:
        """See `Channel`."""
        try:
            with self._connected() as server:
                server.send_message(self._mail(alerts, now))
        except (OSError, smtplib.SMTPException) as error:
            self.problem = type(error).__name__
            return []
        return list(alerts)

    def _connected(self) -> smtplib.SMTP:
        """Logged in. A server's name is verified."""
        given, context = self._settings, ssl.create_default_context()
        kind = given.security
        server: smtplib.SMTP = (
            smtplib.SMTP_SSL(given.server, given.port, timeout=SMTP_S, context=context)
            if kind == "tls"
            else smtplib.SMTP(given.server, given.port, timeout=SMTP_S)
        )
        try:
            if kind == "starttls":
                server.starttls(context=context)
            if given.user and given.password:
                server.login(given.user, resolved(given.password, "monitoring.alerts.email.password"))
        except BaseException:
            server.close()
            raise
        return server

    def _mail(self, alerts: Sequence[Alert], now: datetime) -> EmailMessage:
        firing = [alert for alert in alerts if alert.status == "firing"]
        first = _one_line((firing or list(alerts))[0].name)
        mail = EmailMessage()
        mail["From"], mail["To"] = self._settings.sender, ", ".join(self._settings.to)
        mail["Subject"] = f"Packshot: {first}" + (f" and {len(alerts) - 1} more" if len(alerts) > 1 else "")
        mail["Date"] = format_datetime(localtime(now))
        names = hashlib.blake2b("".join(alert.id for alert in alerts).encode(), digest_size=16).hexdigest()
        mail["Message-ID"] = f"<{names}@{self._settings.sender.partition('@')[2]}>"
        mail.set_content("\n".join(_one_line(alert.line()) for alert in alerts) + "\n")
        return mail


def channels(settings: AlertSettings) -> list[Channel]:
    """Those that are set."""
    found: list[Channel] = [WebhookChannel(settings)] if settings.webhook else []
    return found + ([EmailChannel(settings.email)] if settings.email else [])


def _one_line(text: str) -> str:
    """Without what could begin another header or line."""
    return " ".join(text.split())


def _only_reference(value: SecretStr | None) -> SecretStr | None:
    if value is not None and not is_reference(value):
        raise ValueError("write env:NAME or file:/path, not the secret itself")
    return value
