"""Routes of alerts: Alertmanager's `webhook_config` posts here, with an API key as its bearer credentials."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import Field

from connectors.alerts import Alert, AlertMessage
from serve_apps.alerts.desk import AlertDesk
from serve_apps.parts import parts_of
from studio.product import Frozen

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])


class AlertView(Frozen):
    """An alert that fires."""

    name: str = Field(description="Name of the rule.", examples=["RunStuck"])
    severity: str = Field(description="`page` or `ticket`.", examples=["page"])
    summary: str = Field(description="What is wrong.", examples=["A run has finished nothing for 40m 0s."])
    runbook: str = Field(description="What to do.", examples=["docs/runbooks/run-stuck.md"])
    since: datetime = Field(description="Since when.", examples=["2026-11-22T18:00:00Z"])
    status: Literal["firing", "resolved"] = Field(description="How it is.", examples=["firing"])


class AlertList(Frozen):
    """Alerts that fire."""

    items: tuple[AlertView, ...] = Field(description="Alerts, the latest news first.")


class AlertsTaken(Frozen):
    """What became of a message."""

    told: int = Field(description="How often people were told; 0 for what they know.", examples=[1])


@router.post(
    "",
    operation_id="take_alerts",
    summary="Take alerts from Alertmanager",
    responses={200: {"description": "Kept, and told."}, 503: {"description": "Kept, and not all told: send it again."}},
)
def take_alerts(message: AlertMessage, request: Request) -> AlertsTaken:
    """A webhook message of Alertmanager, version 4. Repeated messages tell nobody anything twice."""
    return AlertsTaken(told=desk_of(request).take(message.alerts))


@router.get("", operation_id="list_alerts", summary="Alerts that fire")
def list_alerts(request: Request) -> AlertList:
    """As Alertmanager last told them."""
    return AlertList(items=tuple(map(_view, desk_of(request).log.firing())))


def desk_of(request: Request) -> AlertDesk:
    """The app's desk, made at the first call."""
    state = request.app.state
    if not hasattr(state, "alert_desk"):
        state.alert_desk = AlertDesk(parts_of(request).settings)
    desk: AlertDesk = state.alert_desk
    return desk


def _view(alert: Alert) -> AlertView:
    said = alert.annotations
    return AlertView(
        name=alert.name,
        severity=alert.labels.get("severity", ""),
        summary=said.get("summary", ""),
        runbook=said.get("runbook_url", ""),
        since=alert.started,
        status=alert.status,
    )
