"""`Tariff`: what seconds cost, by the machine that a profile gives to a model or the renderer, and by the day."""

from __future__ import annotations

from datetime import UTC, date, datetime

from cluster.metering.prices import DEFAULT, Market, load_prices
from cluster.profile import Profile, Replicas
from cluster.settings import Prices
from cluster.tiers import Tier
from studio.errors import SettingsError

MARKET, GPU = "packshot/market", "packshot/gpu"
"""Node labels that a price depends on: `spot` or `on-demand`, and the row of `gpu_hour`."""


class Tariff:
    """Prices of the settings over the machines of a profile. Without a profile everything runs on demand.

    Priced are seconds at work: of a CPU, and of the share of a GPU that a replica holds (`num_gpus`); idle machines are not.
    Raises SettingsError for a table that is wrong or of another currency.
    """

    def __init__(self, prices: Prices, profile: Profile | None = None) -> None:
        self.currency = prices.currency
        self._prices, self._profile = prices, profile
        flat = prices.cpu_hour is not None and prices.gpu_hour is not None
        self._table = None if flat else load_prices(prices.table)
        if self._table is not None and self._table.currency != prices.currency:
            raise SettingsError(
                f"prices: table {prices.table!r} is in {self._table.currency}, the settings say {prices.currency}"
            )

    @property
    def source(self) -> str:
        """Where today's prices are from, with the day since when they hold."""
        if self._table is None:
            return "the settings"
        rate = self._table.at(_today())
        return f"table {self._prices.table} of {rate.since}: {rate.source}"

    def price(
        self, cpu_s: float, gpu_s: float = 0.0, *, model: str = "", tier: Tier = "standard", day: date | None = None
    ) -> float:
        """Price of seconds that a model took, or the renderer itself where `model` is empty."""
        shape = self._shape(model, tier)
        market: Market = "spot" if shape is not None and shape.labels.get(MARKET) == "spot" else "on-demand"
        kind = shape.labels.get(GPU, DEFAULT) if shape is not None else DEFAULT
        share = min(1.0, shape.num_gpus) if shape is not None and shape.num_gpus else 1.0
        cpu, gpu = self._hours(market, kind, day or _today())
        return cpu_s / 3600 * cpu + gpu_s * share / 3600 * gpu

    def on_gpu(self, model: str) -> bool:
        """Whether the profile gives the model a GPU."""
        return self._profile is not None and model in on_gpu(self._profile)

    def _hours(self, market: Market, kind: str, day: date) -> tuple[float, float]:
        """Prices of an hour of a CPU and of a GPU: the settings' own, or the table's."""
        cpu, gpu = self._prices.cpu_hour, self._prices.gpu_hour
        if cpu is not None and gpu is not None:
            return cpu, gpu
        rate = load_prices(self._prices.table).at(day)
        if cpu is None:
            cpu = rate.cpu_hour.at(market)
        return cpu, rate.gpu_hour.get(kind, rate.gpu_hour[DEFAULT]).at(market) if gpu is None else gpu

    def _shape(self, model: str, tier: Tier) -> Replicas | None:
        if self._profile is None:
            return None
        shape = self._profile.models.get(model) if model else self._profile.renderer
        return shape.standard or shape if shape is not None and tier == "standard" else shape


def on_gpu(profile: Profile) -> frozenset[str]:
    """Names of the models that this profile runs on a GPU."""
    return frozenset(name for name, shape in profile.models.items() if shape.num_gpus)


def _today() -> date:
    return datetime.now(UTC).date()
