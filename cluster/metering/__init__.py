"""What work costs: seconds by part, priced by a dated table; what it will cost; and whether that is within its budgets."""

from __future__ import annotations

from cluster.metering.tariff import Tariff, on_gpu
from cluster.settings import Prices
from studio.shot import Report

__all__ = ["cost", "on_gpu"]


def cost(report: Report, prices: Prices) -> float:
    """Price of the CPU- and GPU-seconds of a report on on-demand machines today, in `prices.currency`."""
    return Tariff(prices).price(report.cpu_s, report.gpu_s)
