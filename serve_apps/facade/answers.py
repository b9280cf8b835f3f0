"""What the facade answers: the picture's bytes, and errors in the shapes of the two generations of the API."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from connectors.online.orders import Order
from serve_apps.http.problems import RETRY_AFTER_S
from serve_apps.parts import Parts
from serve_apps.request.hits import Hit
from serve_apps.request.schema import AssetView
from serve_apps.request.views import view
from studio.errors import FetchError, ImageError, InputError, NotSupported, OverCapacity, PackshotError, RateLimited

ORDER = "x-packshot-order"
"""Header with the id of the order that a request became: `/v1/orders/{id}` says everything about it."""
_BLAMELESS = frozenset({"no_product_found", "cancelled"})
log = logging.getLogger(__name__)


class Refused(PackshotError):
    """A request that ends without a picture, with the status that it is answered with and the order that it became."""

    def __init__(self, message: str, status: int, code: str, order: str = "") -> None:
        super().__init__(message)
        self.http_status, self.kind, self.order = status, code, order


def picture_of(parts: Parts, order: Order, hit: Hit | None) -> AssetView:
    """The one picture of an order. Raises Refused where there is none to give."""
    if not order.state.ended:
        raise Refused("the picture is still being made; ask again", HTTPStatus.SERVICE_UNAVAILABLE, "timeout", order.id)
    seen = view(order, parts.settings.prices, known=(hit.spec, hit.result) if hit else None)
    asset = seen.assets[0] if seen.assets else None
    if asset is not None and asset.status == "released":
        return asset
    code = asset.reason if asset else seen.error.code if seen.error else seen.state
    detail = asset.detail if asset else seen.error.message if seen.error else ""
    if asset is not None and asset.status == "rejected":
        raise Refused(f"the picture was held back: {code}: {detail}", HTTPStatus.BAD_REQUEST, "held_back", order.id)
    if code in _BLAMELESS or code in {kind.code for kind in _kinds(ImageError, FetchError, InputError)}:
        raise Refused(detail or code, HTTPStatus.BAD_REQUEST, code, order.id)
    log.warning("order %s: %s: %s", order.id, code, detail)
    raise Refused("the picture could not be made", HTTPStatus.INTERNAL_SERVER_ERROR, code, order.id)


def picture(data: bytes, asset: AssetView, order: str, *, as_json: bool = False) -> Response:
    """The bytes, or `{"base64img": ...}`."""
    headers = {ORDER: order, "cache-control": "no-store"}
    if (unsure := asset.measurements.get("uncertainty")) is not None:
        headers["x-uncertainty-score"] = f"{min(max(unsure, 0.0), 1.0):.4f}"
    if as_json:
        return Response(json.dumps({"base64img": base64.b64encode(data).decode()}), 200, headers, "application/json")
    return Response(data, 200, headers, asset.media_type)


def refused(error: PackshotError, *, old: bool) -> Response:
    """An error. `old`: of `/v1`, whose errors are flat."""
    status, code = _status(error), error.kind if isinstance(error, Refused) else error.code
    message = error.message.removeprefix("edits.").removeprefix("layout.")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, Refused | NotSupported | OverCapacity):
        log.warning("%s: %s", error.code, error.message)
        message = "An error of the service; its log says more"
    headers: dict[str, str] = {"cache-control": "no-store"}
    if isinstance(error, Refused) and error.order:
        headers[ORDER] = error.order
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers["retry-after"] = str(RETRY_AFTER_S)
    body: Mapping[str, object] = {"error": {"message": message}}
    if old:
        body = {"detail": message, "status_code": int(status), "type": code}
    return Response(json.dumps(body), status, headers, "application/json")


def _status(error: PackshotError) -> int:
    """Bad input is 400 there, never 422."""
    if isinstance(error, Refused | NotSupported | RateLimited | OverCapacity):
        return error.http_status
    if isinstance(error, InputError | FetchError) or error.http_status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return HTTPStatus.BAD_REQUEST
    return error.http_status


def _kinds(*roots: type[PackshotError]) -> set[type[PackshotError]]:
    found: set[type[PackshotError]] = set()
    todo = list(roots)
    while todo:
        kind = todo.pop()
        found.add(kind)
        todo += kind.__subclasses__()
    return found
