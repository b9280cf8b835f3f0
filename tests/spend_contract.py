"""What every database does with what was spent. `url` is a fixture of the class that takes it up."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest
import yaml

from cluster.metering.meter import OrderMeter, RunMeter
from cluster.metering.tariff import Tariff
from cluster.settings import Prices
from connectors.spend import Amount, Place, Spend
from studio.destination import Destination
from studio.errors import InputError
from studio.product import Product, ProductImage
from studio.shot import Asset, Done, Outcome, Report, Shot
from studio.template import Template
from tests import sample

DAY = date(2026, 11, 20)
LOOK = Template.model_validate(yaml.safe_load(sample.TEMPLATE))
SQUARE = Destination.model_validate(yaml.safe_load(sample.DESTINATION.replace("2026-11-22", "'2026-11-22'")))
FLAT = Tariff(Prices(cpu_hour=3600, gpu_hour=36_000))
"""A CPU-second costs 1, a GPU-second 10."""
PLACE: dict[str, Any] = {"brand": "Acme", "template": "white@1", "destination": "shop", "day": DAY}


def shot(number: int, brand: str = "Acme") -> Shot:
    image = ProductImage(uri=f"p{number}.png", digest=f"{number:064x}")
    product = Product(sku=f"S{number}", brand=brand, images=(image,))
    return Shot.of(product, LOOK, SQUARE, (image,), slot="front")


def made(**spent: Any) -> Done:
    return Done(asset=Asset(digest="a" * 64, media_type="image/jpeg", width=1, height=1, bytes=1), report=Report(**spent))


class SpendContract:
    @pytest.fixture
    def spend(self, url: str) -> Iterator[Spend]:
        made = Spend(url)
        yield made
        made.close()

    def test_a_run_that_is_taken_up_again_counts_nothing_twice(self, spend: Spend) -> None:
        for _ in range(2):
            meter = RunMeter("r1", FLAT, spend)
            for number in range(3):
                report = Report(cpu_s=2.0, seconds={"cutout": 2.0}, cpu_parts={"cutout": 0.5, "cutout:matte": 1.5})
                meter.take(report, released=number > 0, **PLACE)
                meter.save()
        (total,) = spend.sums()
        assert (total.images, total.released, total.runs, total.cpu_s, total.price) == (3, 2, 3, 6.0, 6.0)
        found = {one.group: (one.runs, one.cpu_s) for one in spend.sums(("step", "model"))}
        assert found == {("cutout", "matte"): (0, 4.5), ("cutout", ""): (3, 1.5)}

    def test_a_render_of_an_order_counts_once_however_often_it_is_told(self, spend: Spend) -> None:
        meter, one = OrderMeter(FLAT, spend), shot(1)
        told: dict[str, tuple[Shot, Outcome]] = {"k": (one, made(cpu_s=2.0, cpu_parts={"cutout": 2.0}, seconds={"cutout": 2.0}))}
        meter.take(told, "urgent")
        OrderMeter(FLAT, spend).take(told, "urgent")
        meter.take({"k": (one, made(cpu_s=3.0, cpu_parts={"cutout": 3.0}))}, "urgent")
        meter.take({"k": (one, made(reused=("shot",)))}, "urgent")
        (total,) = spend.sums(("run", "tier", "brand"))
        assert (total.group, total.images, total.price) == (("orders", "urgent", "Acme"), 2, 5.0)

    def test_groups_filters_and_days(self, spend: Spend) -> None:
        for number, brand in enumerate(["Acme", "Bolt", "Acme"]):
            meter = RunMeter(f"r{number}", FLAT, spend)
            day = date(2026, 11, 18 + number)
            meter.take(
                Report(cpu_s=number + 1.0, cpu_parts={"encode": number + 1.0}),
                released=True,
                **{**PLACE, "brand": brand, "day": day},
            )
            meter.save()
        assert [(one.group, one.price) for one in spend.sums(("brand",))] == [(("Acme",), 4.0), (("Bolt",), 2.0)]
        assert spend.price(since=date(2026, 11, 19)) == 5.0
        assert spend.sums(until=date(2026, 11, 18))[0].price == 1.0
        assert spend.price(brand="Acme", run="r2") == 3.0
        assert spend.price(brand="Nobody") == 0.0
        with pytest.raises(InputError, match="banana"):
            spend.sums(("banana",))
        with pytest.raises(InputError, match="price"):
            spend.sums(only={"price": "1"})

    def test_names_are_forgotten_and_sums_stay(self, spend: Spend) -> None:
        place = Place("orders", DAY, "urgent", "", "w@1", "shop", "encode", "")
        assert spend.add("one", {place: Amount(price=1.0)})
        assert not spend.add("one", {place: Amount(price=1.0)})
        spend.forget(datetime(2100, 1, 1, tzinfo=UTC))
        assert spend.add("one", {place: Amount(price=1.0)})
        assert spend.price() == 2.0

    def test_orders_that_end_at_once_are_all_counted(self, spend: Spend) -> None:
        """Each names the same sums, in an order of its own."""
        places = [Place("orders", DAY, "urgent", "", f"w{number}@1", "shop", "encode", "") for number in range(40)]

        def spent(number: int) -> bool:
            mixed = places[number % 40 :] + places[: number % 40]
            return spend.add(f"order {number}", dict.fromkeys(mixed if number % 2 else mixed[::-1], Amount(runs=1, price=1.0)))

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(spent, range(60)))
        assert [(one.runs, one.price) for one in spend.sums(("template",))] == [(60, 60.0)] * 40
