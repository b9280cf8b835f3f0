"""What callers see of an order."""

from __future__ import annotations

from typing import Any

from cluster.metering import cost
from cluster.settings import Prices
from connectors.online.orders import Order
from serve_apps.request.schema import (
    AssetView,
    CostView,
    ErrorView,
    LineageView,
    LinksView,
    OrderResult,
    OrderSpec,
    OrderView,
    RuleView,
    ShotResult,
)
from studio.destination import Destination
from studio.qa.policy import limits, passes
from studio.shot import Failed, Outcome, Rejected, Report
from studio.template import Template


def view(order: Order, prices: Prices, *, base: str = "", known: tuple[OrderSpec, OrderResult] | None = None) -> OrderView:
    """An order as an answer. `base` is put before paths; empty: links are paths. `known` are the order's spec and result, where
    they need not be read from it."""
    spec = known[0] if known else OrderSpec.model_validate(order.spec)
    result = known[1] if known else OrderResult.model_validate(order.result) if order.result else None
    assets = tuple(_asset(shot, spec, prices, base) for shot in result.shots) if result else ()
    return OrderView(
        id=order.id,
        state=order.state.value,
        priority=order.priority,
        sku=order.sku,
        template=order.template,
        batch=order.batch,
        created=order.created,
        updated=order.updated,
        deadline=order.deadline,
        attempts=order.attempts,
        links=links(order, base),
        assets=assets,
        cost=CostView(
            cpu_s=sum(asset.cost.cpu_s for asset in assets),
            gpu_s=sum(asset.cost.gpu_s for asset in assets),
            price=sum(asset.cost.price for asset in assets),
            currency=prices.currency,
            cache_hit=bool(result and result.cache_hit),
        ),
        error=ErrorView(code=order.error["code"], message=order.error["message"]) if order.error else None,
        metadata=spec.metadata,
        trace=order.trace,
    )


def links(order: Order, base: str = "") -> LinksView:
    """Where to go from here: what can be done to the order now."""
    place = f"{base}/v1/orders/{order.id}"
    ended = order.state.ended
    return LinksView(
        self=place,
        events=f"{place}/events",
        cancel=None if ended else f"{place}/cancel",
        retry=f"{place}/retry" if ended else None,
    )


def _asset(shot: ShotResult, spec: OrderSpec, prices: Prices, base: str) -> AssetView:
    outcome = shot.outcome
    asset = None if isinstance(outcome, Failed) else outcome.asset
    place = next(place for place in spec.destinations if place.id == shot.destination)
    reason, detail = _why(outcome)
    fields: dict[str, Any] = {}
    if asset is not None:
        fields = {"hash": asset.digest, "url": f"{base}/v1/assets/{asset.digest}", **asset.model_dump(exclude={"digest"})}
    return AssetView(
        destination=shot.destination,
        slot=shot.slot,
        status=outcome.status,
        seed=shot.seed,
        published=shot.published,
        reason=reason,
        detail=detail,
        qa=() if asset is None else _rules(shot.template, place, outcome.report),
        measurements=outcome.report.measurements,
        cost=_cost(outcome.report, prices),
        lineage=_lineage(shot, spec),
        **fields,
    )


def _why(outcome: Outcome) -> tuple[str, str]:
    if isinstance(outcome, Rejected):
        return outcome.reason, outcome.detail
    return (outcome.code, outcome.message) if isinstance(outcome, Failed) else ("", "")


def _rules(template: Template, destination: Destination, report: Report) -> tuple[RuleView, ...]:
    measured = report.measurements
    return tuple(
        RuleView(rule=name, value=measured.get(name), min=limit.min, max=limit.max, passed=passes(measured, name, limit))
        for name, limit in sorted(limits(template, destination).items())
    )


def _cost(report: Report, prices: Prices) -> CostView:
    return CostView(
        cpu_s=report.cpu_s,
        gpu_s=report.gpu_s,
        price=cost(report, prices),
        currency=prices.currency,
        cache_hit="shot" in report.reused,
    )


def _lineage(shot: ShotResult, spec: OrderSpec) -> LineageView:
    rungs = [spec.template, *spec.ladder]
    return LineageView(
        source=shot.source,
        template=shot.template.key,
        key=shot.key,
        engine=shot.outcome.report.engine,
        reused=shot.outcome.report.reused,
        models=shot.models,
        fallback=rungs.index(shot.template) if shot.template in rungs else 0,
    )
