"""1,000 products published while one call in ten fails and the publishing process is killed twice.

Every product gets three pictures; every other one has an older set of ours, two thirds have pictures of people. The shop is the
strict double of BigCommerce's API (its OpenAPI files are executed when they are at hand) in the process that measures; the
publisher is a process of its own with eight threads, ended twice by `kill -9`. Faults: 429, 500, 503, connections dropped before
and after the work was done, lists that do not show the newest picture. Pauses of the client are a tenth as long as in use.
"""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from benchmarks.connectors.shop import Shop, connection_to
from benchmarks.goods import ROOT, scratch
from connectors.publications import Item, Publications
from connectors.publisher import HOLD_S, Publisher
from connectors.vendors.base import mark_in, marked
from connectors.vendors.bigcommerce.client import Client
from connectors.vendors.bigcommerce.gallery import BigCommerceGallery
from studio.errors import Conflict, VendorUnavailable
from studio.keys import digest_bytes
from tests.doubles.rest import served

THREADS, FAULTY, KILLS = 8, 0.10, 2
LATE_S = 1500


def run(count: int = 1000) -> dict[str, Any]:
    """What became of every gallery. `lost`: pictures of ours that are missing or wrong; `duplicates`: a mark shown twice."""
    shop = Shop(share=0.0)
    # A client that is killed makes the server of the double complain at length.
    with scratch() as folder, redirect_stderr(io.StringIO()), served(shop):
        for number in range(1, count + 1):
            shop.product(number)
            for place in range(number % 3):
                shop.picture(
                    number, f"person-{place}.jpg", f"{number}/{place}".encode() * 20, order=place, text=f"By hand {place}"
                )
        shop.people_come()
        _published(folder, shop, count, older=True)
        before = _calls(shop)
        shop.share, started = FAULTY, time.perf_counter()
        killed = _published(folder, shop, count, kills=KILLS)
        wall_s, calls, injected = time.perf_counter() - started, _calls(shop) - before, Counter(shop.injected)
        shop.share, before = 0.0, _calls(shop)
        _published(folder, shop, count)
        return {
            "products": count,
            "contract_executed": shop.contract is not None,
            **_verdict(folder, shop, count),
            "calls": calls,
            "faults": sum(injected.values()),
            "fault_share": sum(injected.values()) / calls,
            **{f"fault_{name}": injected[name] for name in sorted(injected)},
            "kill_9": len(killed),
            "killed_with_n_galleries_right": killed,
            "galleries_under_way_when_killed_hold_s": HOLD_S,
            "calls_when_published_again": _calls(shop) - before,
            "wall_s": wall_s,
        }


def wanted(number: int, *, older: bool = False) -> list[Item]:
    """The set of a product: three pictures, one of which the older set has, too."""
    return [_item(number, name) for name in ("ab" if older else "cad")]


def _item(number: int, name: str) -> Item:
    digest = digest_bytes(_bytes(number, name))
    text = f"Mug {number}, {name}"
    return Item(digest=digest, media_type="image/jpeg", name=marked(f"mug-{number}-{name}.jpg", digest), alt=text)


def _bytes(number: int, name: str) -> bytes:
    return f"{number}{name}".encode() * 200


def _published(folder: Path, shop: Shop, count: int, *, older: bool = False, kills: int = 0) -> list[int]:
    """Publish in processes of their own, the first `kills` of which are killed; how many galleries were right by then."""
    killed: list[int] = []
    for turn in range(kills + 1):
        mode = "older" if older else "newer"
        command = [sys.executable, "-m", "benchmarks.connectors.publish", "--work", str(folder), shop.url, str(count), mode]
        process = subprocess.Popen(command, cwd=ROOT)
        if turn == kills:
            if process.wait(LATE_S):
                raise RuntimeError(f"the publisher ended with {process.returncode}")
            return killed
        while (right := _right(shop, count)) < count * (turn + 1) // (kills + 1):
            if process.poll() is not None:
                raise RuntimeError(f"the publisher ended by itself with {process.returncode}")
            time.sleep(0.5)
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed.append(right)
    return killed


def _right(shop: Shop, count: int) -> int:
    with shop.lock:
        return sum(_gallery_is_right(shop, number) for number in range(1, count + 1))


def _ours(shop: Shop, number: int) -> list[dict[str, Any]]:
    shown = sorted(shop.images[number], key=lambda image: (image["sort_order"], image["id"]))
    return [image for image in shown if mark_in(image["image_file"])]


def _gallery_is_right(shop: Shop, number: int) -> bool:
    """Ours first, in order, with their texts and bytes, the first as thumbnail; people's behind them as they were."""
    ours, items = _ours(shop, number), wanted(number)
    shown = sorted(shop.images[number], key=lambda image: (image["sort_order"], image["id"]))
    return (
        [(mark_in(image["image_file"]), image["description"]) for image in ours] == [(i.digest[:16], i.alt) for i in items]
        and [digest_bytes(shop.files[image["id"]]) for image in ours] == [item.digest for item in items]
        and shown[: len(ours)] == ours
        and [image["is_thumbnail"] for image in shown] == [place == 0 for place in range(len(shown))]
        and shop.untouched(number)
    )


def _verdict(folder: Path, shop: Shop, count: int) -> dict[str, Any]:
    numbers = range(1, count + 1)
    marks = {number: Counter(mark_in(image["image_file"]) for image in _ours(shop, number)) for number in numbers}
    sent = {number: {item.digest[:16] for item in wanted(number)} for number in numbers}
    records = list(Publications(f"{folder}/records.db").of_connection("shop"))
    return {
        "right": _right(shop, count),
        "duplicates": sum(sum(some.values()) - len(some) for some in marks.values()),
        "lost": sum(len(sent[number] - marks[number].keys()) for number in numbers),
        "left_over": sum(len(marks[number].keys() - sent[number]) for number in numbers),
        "people_touched": sum(not shop.untouched(number) for number in numbers),
        "calls_that_disturbed_people": shop.disturbed,
        "pictures_of_people": sum(len(shop.people(number)) for number in numbers),
        "uploads_beyond_one_each": sum(shop.sent.values()) - len(shop.sent),
        "records_live": sum(record.state == "live" for record in records),
        "records_pending": sum(record.state != "live" for record in records),
    }


def _calls(shop: Shop) -> int:
    return len(shop.calls) + shop.injected["dropped"] + sum(n for name, n in shop.injected.items() if name.isdigit())


def _work(folder: Path, url: str, count: int, *, older: bool) -> None:
    """The publishing process: what fails for now goes to the end of the queue, as in the service."""
    names = {digest_bytes(_bytes(number, name)): (number, name) for number in range(1, count + 1) for name in "abcd"}
    publisher = Publisher(
        "shop",
        BigCommerceGallery(Client(connection_to(url), sleep=_shorter)),
        Publications(f"{folder}/records.db"),
        lambda digest: _bytes(*names[digest]),
        sleep=_shorter,
    )
    todo: SimpleQueue[int] = SimpleQueue()
    for number in range(1, count + 1, 2 if older else 1):
        todo.put(number)

    def work() -> None:
        while True:
            try:
                number = todo.get_nowait()
            except Empty:
                return
            try:
                publisher.publish(str(number), f"MUG-{number}", wanted(number, older=older))
            except VendorUnavailable:
                todo.put(number)
            except Conflict:
                todo.put(number)
                time.sleep(0.5)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _shorter(seconds: float) -> None:
    time.sleep(seconds / 10)


def main(words: Sequence[str]) -> None:
    """`python -m benchmarks.connectors.publish [COUNT]`."""
    if words[:1] == ["--work"]:
        _work(Path(words[1]), words[2], int(words[3]), older=words[4] == "older")
        return
    for name, value in run(int(words[0]) if words else 1000).items():
        print(f"{name:36} {value}")


if __name__ == "__main__":
    main(sys.argv[1:])
