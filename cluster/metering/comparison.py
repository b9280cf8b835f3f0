"""What released pictures would have cost in a studio of people, by the assumptions of the settings."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.settings import PhotoStudio


@dataclass(frozen=True, slots=True)
class Comparison:
    """Pictures, what they cost here and there, and how long a studio would have taken. `source` says what the assumptions are."""

    pictures: int
    cost: float
    currency: str
    studio_cost: float
    studio_currency: str
    studio_days: float
    source: str

    @property
    def saved(self) -> float | None:
        """What was not spent; None where the currencies differ: no rate is invented."""
        return self.studio_cost - self.cost if self.currency == self.studio_currency else None

    def say(self) -> str:
        """In words, with every assumption."""
        there = f"{self.studio_cost:,.2f} {self.studio_currency} and {self.studio_days:,.1f} days"
        here = f"{self.cost:,.4g} {self.currency}"
        return f"{self.pictures:,} released pictures cost {here}; in a studio they would have cost {there} ({self.source})"


def compare(pictures: int, cost: float, currency: str, studio: PhotoStudio) -> Comparison:
    """`cost` is of everything that was made, rejected pictures too; a studio is paid by the finished picture."""
    days = studio.lead_days + pictures / studio.day_pictures if pictures else 0.0
    source = (
        f"{studio.picture:g} {studio.currency} a picture, {studio.day_pictures:g} pictures a day "
        f"after {studio.lead_days:g} days: {studio.source}"
    )
    return Comparison(pictures, cost, currency, pictures * studio.picture, studio.currency, days, source)
