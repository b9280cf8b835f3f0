"""Nights, orders over HTTP, a shop's messages and publishing, all at once, with a fault every 20 seconds:
`python -m benchmarks.ops.soak [MINUTES [FOLDER]] [--stand inline|ray]`.

The service and the nights are processes of their own over the fake matting model; the shop is the double of WooCommerce. At the
end everything is let finish, and accounts are drawn: what was accepted must be there, once; an error that a client saw or a log
names must lie in the time of a fault. docs/soak.md has the account of a long one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from benchmarks.goods import scratch
from benchmarks.ops.soak_accounts import account
from benchmarks.ops.soak_faults import kinds, strike
from benchmarks.ops.soak_ray import RayStand
from benchmarks.ops.soak_stand import Fault, Stand, told
from connectors.online.keys import ApiKeys
from tests.doubles.serving import serving
from tests.doubles.woocommerce import WooDouble
from tests.local.running import photo
from tests.local.test_sync_desk import START, touched

EVERY_S = 20.0
ORDER_S, MESSAGE_S = 1.5, 4.0
PRODUCTS, PHOTO_PX = 12, 360
MOST_OPEN = 6
"""Somebody who orders pictures waits while so many of them are open: a small machine must keep up."""
PATIENCE_S = 600.0
"""How long a client asks again for one order, and everything may take to come to rest at the end."""
STANDS = {"inline": Stand, "ray": RayStand}


def picture(seed: int) -> bytes:
    """Large enough that nothing is enlarged: the model for it is not what is soaked."""
    return photo(seed, PHOTO_PX)


class Clients:
    """Somebody who orders pictures, and a shop that tells of changes. Both ask again until they are heard."""

    def __init__(self, stand: Stand, secret: str, seed: int) -> None:
        self.stand, self._rng, self._end = stand, random.Random(seed), threading.Event()
        self._http = httpx.Client(base_url=stand.url, timeout=90)
        self._bearer = {"authorization": f"Bearer {secret}"}
        self.accepted: dict[str, str] = {}
        """Order ids by idempotency key."""
        self.told = 0
        self.errors: list[tuple[float, str]] = []
        self.given_up: list[str] = []
        loops = ((self._order, ORDER_S), (self._message, MESSAGE_S))
        self._threads = [threading.Thread(target=self._again, args=loop, daemon=True) for loop in loops]

    def start(self) -> None:
        """Both."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """After what is being asked now."""
        self._end.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _again(self, what: Callable[[int], None], every_s: float) -> None:
        for number in itertools.count():
            what(number)
            if self._end.wait(every_s * self._rng.uniform(0.5, 1.5)):
                return

    def _order(self, number: int) -> None:
        key, again = f"soak-{number}", number % 7 == 0
        while self.stand.open_orders() > MOST_OPEN and not self._end.wait(0.5):
            pass
        asset = self._asked("POST", "/v1/assets", content=picture(number), headers=self._bearer)
        if asset is None:
            self.given_up.append(key)
            return
        body = {"input": {"asset": asset["hash"]}, "template": "tiny-grey", "metadata": {"soak": key}}
        for _ in range(2 if again else 1):
            made = self._asked("POST", "/v1/images", json=body, headers=self._bearer | {"idempotency-key": key})
            if made is None:
                self.given_up.append(key)
            elif self.accepted.setdefault(key, made["id"]) != made["id"]:
                self.given_up.append(f"{key} became two orders")

    def _message(self, _number: int) -> None:
        woo, number = self.stand.woo, self._rng.randrange(1, PRODUCTS + 1)
        with woo.lock:
            if self._rng.random() < 0.5:
                woo.human(number, f"mug-{number}-{self._rng.randrange(10**6)}.png", picture(self._rng.randrange(10**6)))
                product = woo.products[number]
                theirs = [i for i in product["images"] if "packshot" not in woo.media[i]["source_url"]]
                product["images"] = [i for i in product["images"] if i not in theirs[:-1]]
            touched(woo, number)
            headers, raw = woo.message("product.updated", woo._shown(woo.products[number]))
        if self._asked("POST", "/hooks/woocommerce/shop", content=raw, headers=headers) is not None:
            self.told += 1

    def _asked(self, method: str, path: str, **more: Any) -> Any:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                answer = self._http.request(method, path, **more)
                if answer.is_success:
                    return answer.json()
                self.errors.append((time.time(), f"{path} {answer.status_code} {answer.json().get('code', '')}"))
                if answer.status_code < 429:
                    return None
            except (httpx.HTTPError, json.JSONDecodeError) as error:
                self.errors.append((time.time(), f"{path} {type(error).__name__}"))
            time.sleep(0.5)
        return None


def run(minutes: float = 10.0, seed: int = 1, keep: Path | None = None, kind: str = "inline") -> dict[str, Any]:
    """The account of so many minutes on a stand of that kind; everything is left in `keep`, an empty folder, if given."""
    woo = WooDouble()
    with scratch() as made, serving(woo):
        folder = (keep or made).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, PRODUCTS + 1):
            woo.product(number, START, sku=f"MUG-{number}", name=f"Mug {number}")
            woo.human(number, f"mug-{number}.png", picture(number))
        stand = STANDS[kind](folder, woo)
        try:
            secret = ApiKeys(stand.settings.online).issue("soak", {"write"})[1]
            stand.start()
            clients = Clients(stand, secret, seed)
            clients.start()
            struck = _faults(stand, minutes, random.Random(seed))
            clients.finish()
            rested = stand.rest(PATIENCE_S)
            result = account(stand, clients.accepted, clients.errors, clients.given_up, struck)
        finally:
            stand.stop()
        result |= {"stand": kind, "minutes": minutes, "messages_taken": clients.told, "came_to_rest": rested}
        (folder / "account.json").write_text(json.dumps(result, indent=1))
        return result


def _faults(stand: Stand, minutes: float, rng: random.Random) -> list[Fault]:
    """One every 20 seconds, each kind as often as the others; all of them are over at the end. In the second half of the time
    none that ends a process: growth of memory is measured over lives that last."""
    begun, struck, left = time.monotonic(), list[Fault](), list[str]()
    middle, until = begun + minutes * 30, begun + minutes * 60
    deadly = True
    with (stand.folder / "faults.jsonl").open("a") as log:
        while (now := time.monotonic()) + EVERY_S < until:
            if deadly and now >= middle:
                deadly, left = False, []
            left = left or rng.sample(kinds(stand, deadly=deadly), len(kinds(stand, deadly=deadly)))
            struck.append(strike(stand, left.pop()))
            told(log, struck[-1])
            print(
                f"{(now - begun) / 60:5.1f} min  {struck[-1].kind}: {struck[-1].ended - struck[-1].begun:.1f} s", file=sys.stderr
            )
            time.sleep(max(0.0, EVERY_S - (time.monotonic() - now)))
    return struck


def main() -> None:
    """Print the account."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ops.soak")
    parser.add_argument("minutes", type=float, nargs="?", default=10.0)
    parser.add_argument("folder", type=Path, nargs="?", help="empty or new; logs, fault log and account stay there")
    parser.add_argument("--stand", choices=sorted(STANDS), default="inline")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    result = run(given.minutes, given.seed, given.folder, given.stand)
    for name, value in result.items():
        print(f"{name:24} {dict(value) if isinstance(value, Counter) else value}")
    sys.exit(bool(result["lost"] or result["twice"] or result["unexplained"]))


if __name__ == "__main__":
    main()
