"""Tables of prices: what an hour of a CPU and of a GPU costs, by market and from which day on."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError, field_validator

from studio.errors import SettingsError
from studio.product import Frozen

FOLDER = Path(__file__).parents[1] / "prices"
Market = Literal["on-demand", "spot"]
Hour = Annotated[float, Field(ge=0, allow_inf_nan=False)]
DEFAULT = "default"


class Hours(Frozen):
    """Price of an hour; spot is that of on-demand where the table has none."""

    on_demand: Hour = Field(alias="on-demand")
    spot: Hour | None = None

    def at(self, market: Market) -> float:
        """In the table's currency."""
        return self.on_demand if market == "on-demand" or self.spot is None else self.spot


class Rate(Frozen):
    """Prices from a day on. `source` says where they are from."""

    since: date
    source: str = Field(min_length=3)
    cpu_hour: Hours
    gpu_hour: dict[str, Hours]

    @field_validator("gpu_hour")
    @classmethod
    def _has_a_default(cls, value: dict[str, Hours]) -> dict[str, Hours]:
        if DEFAULT not in value:
            raise ValueError(f"no row {DEFAULT!r}")
        return value


class PriceTable(Frozen):
    """Prices over time, in one currency."""

    currency: str
    rates: Annotated[tuple[Rate, ...], Field(min_length=1)]

    @field_validator("rates")
    @classmethod
    def _in_order(cls, value: tuple[Rate, ...]) -> tuple[Rate, ...]:
        days = [rate.since for rate in value]
        if days != sorted(set(days)):
            raise ValueError("`since` must rise from row to row")
        return value

    def at(self, day: date) -> Rate:
        """The prices of a day; of earlier days than the first, the first."""
        begun = [rate for rate in self.rates if rate.since <= day]
        return begun[-1] if begun else self.rates[0]


@cache
def load_prices(name: str) -> PriceTable:
    """A packaged table by name, or a YAML file by path. Raises SettingsError naming file and field."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else FOLDER / f"{name}.yaml"
    try:
        return PriceTable.model_validate(yaml.safe_load(path.read_text()))
    except FileNotFoundError:
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.yaml")))
        raise SettingsError(f"no table of prices {name!r}; known: {known}") from None
    except (ValidationError, yaml.YAMLError, OSError) as error:
        raise SettingsError(f"{path}: {error}") from error
