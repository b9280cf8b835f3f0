"""What the settings say under `monitoring`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from connectors.alerts import AlertSettings
from studio.product import Frozen


class Monitoring(Frozen):
    """Figures are always there; traces and the delivery of alerts are off until they are set."""

    otlp: Annotated[str, StringConstraints(pattern=r"^(https?://.+)?$", max_length=2000)] = ""
    """Where spans are sent, an OTLP/HTTP address as `http://collector:4318/v1/traces` (extra `otlp`); empty: nowhere."""
    traces: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of the traces that are recorded, the same ones in every process."""
    alerts: AlertSettings = AlertSettings()
