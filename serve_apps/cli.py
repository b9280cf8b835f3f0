"""The service's part of the command line: `packshot serve`, `keys`, `hooks`, `orders`. It parses, calls and prints."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from connectors.audit import Action
from studio.errors import InputError

keys_app = typer.Typer(help="API keys of the HTTP service.", no_args_is_help=True)
hooks_app = typer.Typer(help="Who may send us messages: signed products, and what connections tell.", no_args_is_help=True)
orders_app = typer.Typer(help="Orders of the HTTP service.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout")]
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


class KeyScope(StrEnum):
    """What a key may do: write includes read, admin includes everything."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


def register(app: typer.Typer) -> None:
    """Add these commands to `packshot`; named as an entry point of the group `packshot.commands`."""
    app.command()(serve)
    app.add_typer(keys_app, name="keys")
    app.add_typer(hooks_app, name="hooks")
    app.add_typer(orders_app, name="orders")


def serve(
    host: Annotated[str, typer.Option(help="Address to listen at")] = "",
    port: Annotated[int, typer.Option(min=-1, max=65535, help="Port; 0: a free one")] = -1,
    profile: Annotated[str, typer.Option(help="Name or path of a profile")] = "",
    detach: Annotated[bool, typer.Option("--detach", help="Put it on a running Ray, or update it there, and go")] = False,
    as_json: Json = False,
) -> None:
    """Answer single orders over HTTP until SIGTERM or Ctrl-C; then drain."""
    from cluster.runtime import prepare_environment
    from cluster.settings import load_settings
    from serve_apps.service import Service, run, update

    prepare_environment()
    settings = load_settings()
    chosen = {"host": host} if host else {}
    api = settings.api.model_copy(update=chosen | ({"port": port} if port >= 0 else {}))
    settings = settings.model_copy(update={"api": api} | ({"profile": profile} if profile else {}))

    def announce(service: Service) -> None:
        if as_json:
            typer.echo(json.dumps(asdict(service)))
            return
        typer.echo(f"packshot serves at {service.url}  (documentation: {service.url}/docs)")
        typer.echo(f"nights share its models:  PACKSHOT_RAY__ADDRESS={service.ray} packshot run ...", err=True)

    if detach:
        announce(update(settings))
    else:
        run(settings, announce)


@keys_app.command("issue")
def keys_issue(
    name: Annotated[str, typer.Argument(help="Who uses it")],
    scope: Annotated[list[KeyScope] | None, typer.Option(help="May be repeated; default: write")] = None,
    rate: Annotated[int, typer.Option(min=0, help="Calls a minute; 0: the service's default")] = 0,
    expires: Annotated[str, typer.Option(help="Time until it ends, like 90d, 12h or 30m")] = "",
    as_json: Json = False,
) -> None:
    """Make a key and print its secret, which is shown this once."""
    chosen = {str(one) for one in scope or [KeyScope.WRITE]}
    until = datetime.now(UTC) + _duration(expires) if expires else None
    key, secret = _keys().issue(name, chosen, rate_per_minute=rate or None, expires=until)
    _audited("key.issued", key.id, name=name, scopes=" ".join(sorted(key.scopes)))
    typer.echo(json.dumps({"id": key.id, "secret": secret}) if as_json else secret)
    if not as_json:
        typer.echo(f"{key.id} for {name}: {', '.join(sorted(key.scopes))}. Keep the secret; it is not stored.", err=True)


@keys_app.command("list")
def keys_list(as_json: Json = False) -> None:
    """Every key, oldest first; never a secret."""
    rows = [asdict(key) | {"scopes": sorted(key.scopes)} for key in _keys().list()]
    _show(rows, ("id", "name", "scopes", "created", "expires", "revoked", "last_used"), as_json)


@keys_app.command("revoke")
def keys_revoke(key_id: Annotated[str, typer.Argument(metavar="KEY_ID")]) -> None:
    """End a key for good; the service notices within seconds."""
    key = _keys().revoke(key_id)
    _audited("key.revoked", key.id, name=key.name)
    typer.echo(f"{key.id} ({key.name}) is revoked")


@hooks_app.command("add")
def hooks_add(
    name: Annotated[str, typer.Argument(help="Part of the address: /hooks/generic/NAME")],
    key: Annotated[str, typer.Option(help="Id of the API key whose orders these will be")] = "",
    template: Annotated[str, typer.Option(help="Template for payloads that name none")] = "",
    secret: Annotated[str, typer.Option(help="The sender's own secret, whsec_...; default: a fresh one")] = "",
    as_json: Json = False,
) -> None:
    """Take signed products from a sender, and print the secret to sign with."""
    from cluster.settings import load_settings
    from serve_apps.hook_admin import add_source

    if key:
        _keys().get(key)
    source = add_source(load_settings(), name, key_id=key, secret=secret, template=template)
    _audited("hook.created", name, key=key)
    shown = source.secrets[0].secret
    typer.echo(json.dumps({"name": name, "secret": shown}) if as_json else shown)


@hooks_app.command("list")
def hooks_list(as_json: Json = False) -> None:
    """Every sender; never a secret."""
    from cluster.settings import load_settings
    from connectors.online.hooks import HookSources

    found = HookSources(load_settings().online).list()
    rows = [{"name": s.name, "key_id": s.key_id, "data": dict(s.data), "created": s.created} for s in found]
    _show(rows, ("name", "key_id", "data", "created"), as_json)


@hooks_app.command("addresses")
def hooks_addresses(as_json: Json = False) -> None:
    """Where the vendor of each connection sends its messages, and what is missing in the settings."""
    from cluster.settings import load_settings
    from serve_apps.hook_admin import hook_addresses

    rows = [asdict(one) for one in hook_addresses(load_settings())]
    _show(rows, ("name", "vendor", "address", "problem"), as_json)


@hooks_app.command("remove")
def hooks_remove(name: str) -> None:
    """Take nothing more from this sender."""
    from cluster.settings import load_settings
    from connectors.online.hooks import HookSources

    HookSources(load_settings().online).remove(name)
    typer.echo(f"{name} is removed")


@orders_app.command("list")
def orders_list(
    state: Annotated[str, typer.Option(help="queued, running, succeeded, review, rejected, failed or cancelled")] = "",
    sku: Annotated[str, typer.Option()] = "",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    as_json: Json = False,
) -> None:
    """Newest first."""
    from connectors.online.orders import OrderState

    if state and state not in set(OrderState):
        raise InputError(f"no state {state!r}; there are {', '.join(OrderState)}")
    found, _ = _orders().list(state=OrderState(state) if state else None, sku=sku or None, limit=limit)
    rows = [asdict(order) for order in found]
    _show(rows, ("id", "state", "priority", "sku", "template", "created", "error"), as_json)


@orders_app.command("show")
def orders_show(order_id: Annotated[str, typer.Argument(metavar="ORDER")]) -> None:
    """Everything that is known about an order, as JSON: its row, its events, what was published."""
    orders = _orders()
    document = asdict(orders.get(order_id))
    document["events"] = [asdict(event) for event in orders.events(order_id)]
    document["publications"] = [asdict(publication) for publication in orders.publications(order_id)]
    typer.echo(json.dumps(document, default=str, indent=2))


@orders_app.command("retry")
def orders_retry(order_ids: Annotated[list[str], typer.Argument(metavar="ORDER...")]) -> None:
    """Queue ended orders again; a running service begins within seconds. What was made before is not made again."""
    orders = _orders()
    for order_id in order_ids:
        order = orders.again(order_id, by="command line")
        typer.echo(f"{order.id} {order.state} (attempt {order.generation + 1})")


def _audited(action: Action, target: str, **told: str) -> None:
    from cluster.settings import load_settings
    from connectors.audit import Audit, Entry, actor

    Audit(load_settings().records).add([Entry(actor(), action, target, told)])


def _keys() -> Any:
    from cluster.settings import load_settings
    from connectors.online.keys import ApiKeys

    return ApiKeys(load_settings().online)


def _orders() -> Any:
    from cluster.settings import load_settings
    from connectors.online.orders import Orders

    return Orders(load_settings().online)


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if not match or int(match[1]) == 0:
        raise InputError(f"{text!r} is no time: write 90d, 12h or 30m")
    return int(match[1]) * UNITS[match[2]]


def _show(rows: list[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    """Rows as JSON lines, or some of their columns, aligned and never cut."""
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row, default=str))
        return
    lines = [columns, *(tuple(_cell(row[column]) for column in columns) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "" if value in (None, {}) else str(value)
