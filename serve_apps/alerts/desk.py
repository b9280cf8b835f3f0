"""`AlertDesk`: tells people about alerts, each state of each alert once a channel."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from cluster.settings import Settings
from connectors.alert_log import AlertLog
from connectors.alerts import Alert, AlertNotSent, Channel, channels
from studio.errors import SettingsError

log = logging.getLogger(__name__)


class AlertDesk:
    """Over the online database and the channels of the settings. Blocking; for many threads."""

    def __init__(self, settings: Settings) -> None:
        self.log = AlertLog(settings.online)
        self._channels: list[Channel] = channels(settings.monitoring.alerts)

    def take(self, alerts: Sequence[Alert]) -> int:
        """Keep them and tell what was not told; how many were. Raises AlertNotSent once every channel was tried: what was told is
        not told again when Alertmanager repeats the message."""
        now = datetime.now(UTC)
        self.log.keep(alerts, now=now)
        count, problems = 0, []
        for channel in self._channels:
            news = self.log.untold(alerts, channel.name)
            taken = _told(channel, news, now) if news else []
            self.log.tell(taken, channel.name, now=now)
            count += len(taken)
            if len(taken) < len(news):
                log.warning("%d alerts were not told by %s: %s", len(news) - len(taken), channel.name, channel.problem)
                problems.append(channel.name)
        if problems:
            raise AlertNotSent(f"not told by {' and '.join(problems)}; send them again")
        return count


def _told(channel: Channel, news: Sequence[Alert], now: datetime) -> list[Alert]:
    """What a channel took; a secret that cannot be had is its problem, and no other channel's."""
    try:
        return channel.tell(news, now=now)
    except SettingsError as error:
        channel.problem = error.message
        return []
