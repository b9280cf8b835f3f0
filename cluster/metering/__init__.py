"""What a shot costs, from the seconds it took."""

from __future__ import annotations

from cluster.profile import Profile
from cluster.settings import Prices
from studio.shot import Report


def cost(report: Report, prices: Prices) -> float:
    """Price of the CPU- and GPU-seconds of a report, in `prices.currency`."""
    return report.cpu_s / 3600 * prices.cpu_hour + report.gpu_s / 3600 * prices.gpu_hour


def on_gpu(profile: Profile) -> frozenset[str]:
    """Names of the models that this profile runs on a GPU."""
    return frozenset(name for name, shape in profile.models.items() if shape.num_gpus)
