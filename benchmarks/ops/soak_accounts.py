"""The account of a soak: what was accepted and what became of it, and whether each error has a fault to its name."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.ops.soak_stand import Fault, Stand
from benchmarks.ops.soak_work import ROWS
from cluster.logs import FILE
from connectors.online.orders import Order, Orders, OrderState
from connectors.records import Records
from connectors.vendors.base import mark_in
from pipelines.ledger import read_ledger
from pipelines.runfiles import RunFiles
from studio.keys import digest_bytes

AFTER_S = 30.0
"""How long after a fault its errors may still come: waits for locks, pauses between attempts."""
WARM_S, WARM_SHARE = 30.0, 0.2
"""A process is left to warm up so long, and for this share of its life, before its memory counts."""
PROBE = "RunningReplica.get_queue_len"
"""Ray's question to a replica that had been killed, whose error asyncio logs when the garbage is collected: any time later."""
LINE = re.compile(r"^(\d{10}\.\d) (WARNING|ERROR|CRITICAL) (.*)")


def account(
    stand: Stand,
    accepted: Mapping[str, str],
    errors: Sequence[tuple[float, str]],
    given_up: Sequence[str],
    struck: Sequence[Fault],
) -> dict[str, Any]:
    """Figures and, where they are not zero, what they count."""
    lost, twice = list(given_up), list[str]()
    found = {order.id: order for order in _all(Orders(stand.settings.online))}
    _orders(stand, accepted, found, lost, twice)
    _galleries(stand, lost, twice)
    nights = _nights(stand, lost, twice)
    seen = [*errors, *stand.died, *_logged(stand)]
    strange = [text for at, text in seen if not any(_explains(fault, at, text) for fault in struck)]
    return {
        "orders": len(accepted),
        "orders_of_messages": len(found) - len(accepted),
        "nights": nights,
        "faults": dict(Counter(fault.kind for fault in struck)),
        "lost": len(lost),
        "lost_what": sorted(lost)[:20],
        "twice": len(twice),
        "twice_what": sorted(twice)[:20],
        "errors": len(seen),
        "errors_by": Counter(_short(text) for _, text in seen).most_common(20),
        "unexplained": len(strange),
        "unexplained_what": Counter(_short(text) for text in strange).most_common(20),
        "pss_mb": _memory(stand),
    }


def _all(orders: Orders) -> Iterable[Order]:
    cursor = ""
    while True:
        some, cursor = orders.list(limit=500, cursor=cursor)
        yield from some
        if not cursor:
            return


def _orders(stand: Stand, accepted: Mapping[str, str], found: Mapping[str, Order], lost: list[str], twice: list[str]) -> None:
    orders = Orders(stand.settings.online)
    lost += [f"order {key} is not known" for key, name in accepted.items() if name not in found]
    twice += [f"{count} orders for {name}" for name, count in Counter(accepted.values()).items() if count > 1]
    for order in found.values():
        if order.state is not OrderState.SUCCEEDED:
            lost.append(f"order {order.id} of {order.sku} is {order.state}: {order.error}")
            continue
        told = Counter(event.type for event in orders.events(order.id))
        places = Counter((one.shot_key, one.place) for one in orders.publications(order.id))
        twice += [
            f"{order.id}: {kind} told {told[kind]} times" for kind in ("order.succeeded", "order.started") if told[kind] > 1
        ]
        twice += [f"{order.id}: {place} published {count} times" for place, count in places.items() if count > 1]
        if told["order.succeeded"] != 1 or told["asset.published"] != sum(places.values()):
            lost.append(f"{order.id}: events {dict(told)}, publications {sum(places.values())}")


def _galleries(stand: Stand, lost: list[str], twice: list[str]) -> None:
    """Of each product that was told of: a person's picture, ours before it, once, the bytes as they were made."""
    woo = stand.woo
    for number, product in woo.products.items():
        marks = [mark_in(url) for url in woo.seen(number)]
        ours = [mark for mark in marks if mark]
        twice += [f"product {number}: {mark} is there {count} times" for mark, count in Counter(ours).items() if count > 1]
        if len(marks) == len(ours):
            lost.append(f"product {number}: nobody's own picture is left")
        if product["date_modified_gmt"] > "2026-11-20T09:00:00" and (len(ours) != 1 or not marks[0]):
            lost.append(f"product {number}: {len(ours)} of ours, marks {marks}")
        for mark, data in zip(marks, woo.bytes_of(number), strict=True):
            if mark and not digest_bytes(data).startswith(mark):
                lost.append(f"product {number}: {mark} has other bytes")
    uploads = Counter(mark_in(kept["source_url"]) for kept in woo.media.values() if mark_in(kept["source_url"]))
    twice += [f"{mark} uploaded {count} times" for mark, count in uploads.items() if count > 1]


def _nights(stand: Stand, lost: list[str], twice: list[str]) -> dict[str, int]:
    tree, records = stand.settings, Records(stand.settings.records)
    lines = [json.loads(line) for line in (stand.folder / "nights.jsonl").read_text().splitlines()]
    made = Counter[str]()
    for run in records.runs(limit=10_000):
        files = RunFiles(tree.runs, run.id, endpoint_url=tree.storage.endpoint_url)
        if run.state == "running":
            lost.append(f"night {run.id} is still {run.state}")
        elif files.exists("ledger.parquet"):
            rows = list(read_ledger(files))
            made.update(row["status"] for row in rows)
            twice += [f"{run.id}: {name} {n} times" for name, n in Counter(row["shot_id"] for row in rows).items() if n > 1]
    last = {record.shot_id: record for record in records.shots(str(stand.folder / "catalog.csv"))}
    released = [record for record in last.values() if record.status == "released"]
    lost += [f"night: {record.shot_id} is {record.status}: {record.reason}" for record in last.values() if record not in released]
    lost += [f"night: {record.path} is not there" for record in released if not (stand.folder / "out" / record.path).is_file()]
    if len(last) != ROWS:
        lost.append(f"night: {len(last)} of {ROWS} rows")
    return {"rounds": len(lines), "resumed": sum(bool(line["resumed"]) for line in lines), **made}


def _explains(fault: Fault, at: float, text: str) -> bool:
    """Whether an error falls in the time of a fault or what follows it; a process with a wrong clock dates its errors by it."""
    if PROBE in text:
        return "killed" in fault.kind and fault.begun <= at
    return any(fault.begun - 1 + skew <= at <= fault.ended + AFTER_S + skew for skew in {0.0, fault.skew_s})


def _logged(stand: Stand) -> list[tuple[float, str]]:
    """Errors in the logs; a traceback goes with the line before it."""
    return [*_of_processes(stand), *_of_service(stand)]


def _of_service(stand: Stand) -> Iterable[tuple[float, str]]:
    """The JSON lines of a service on Ray."""
    path = stand.settings.home / FILE
    for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
        with suppress(ValueError):  # a line that a killed process or a full disk cut off
            said = json.loads(line)
            if said["level"] in ("error", "critical"):
                yield datetime.fromisoformat(said["time"]).timestamp(), f"{said['logger']}: {said['message']}"


def _of_processes(stand: Stand) -> list[tuple[float, str]]:
    lines = ((path.stem, line) for path in stand.folder.glob("*.log") for line in path.read_text(errors="replace").splitlines())
    matches = ((name, LINE.match(line)) for name, line in lines)
    return [(float(match[1]), f"{name}: {match[3]}") for name, match in matches if match and match[2] != "WARNING"]


def _memory(stand: Stand) -> dict[str, Any]:
    """Of lives that lasted: the highest PSS, and growth an hour over the longest one's samples after its start."""
    lives: dict[tuple[str, int], list[tuple[float, int]]] = defaultdict(list)
    for name, pid, at, pss in stand.samples:
        lives[name, pid].append((at, pss))
    result: dict[str, Any] = {}
    for name in sorted({name for name, _ in lives}):
        warm = {pid: _warmed(some) for (of, pid), some in lives.items() if of == name}
        longest = max(warm.values(), key=len, default=[])
        result[name] = {"most": round(max(pss for (of, _), some in lives.items() if of == name for _, pss in some) / 2**20, 1)}
        if len(longest) > 2:
            hours, sizes = np.array([at for at, _ in longest]) / 3600, np.array([pss for _, pss in longest])
            slope = float(np.polyfit(hours - hours[0], sizes, 1)[0])
            result[name] |= {
                "life_s": round(longest[-1][0] - longest[0][0]),
                "growth_an_hour": round(slope / float(sizes.mean()), 3),
                "steps": int(sum(b > a * 1.01 for a, b in pairwise(sizes))),
            }
    return result


def _warmed(life: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    begun, ended = life[0][0], life[-1][0]
    return [(at, pss) for at, pss in life if at - begun >= max(WARM_S, WARM_SHARE * (ended - begun))]


def _short(text: str) -> str:
    """Without ids and numbers, to be counted."""
    return re.sub(r"(ord_|[0-9a-f]{16,})\w*|\d+", "#", text)[:140]
