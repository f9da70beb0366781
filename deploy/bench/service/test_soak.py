"""An hour, or what --soak-s says: memory and descriptors stay, the latency does not drift."""

import time

import pytest

from deploy.bench.conftest import Measure
from deploy.bench.service.appliance import Appliance


def nothing_grows(appliance: Appliance, soak_s: float, measured: Measure) -> None:
    """Look at it, let it run for that long, and look again."""
    time.sleep(max(60.0, soak_s / 10))  # what is made once has been made; the latency is that of a minute
    first, early = appliance.belongings(), appliance.status()
    time.sleep(soak_s)
    last, late = appliance.belongings(), appliance.status()
    soak = f"soak, {soak_s / 60:.0f} min at {late['rate_hz']:.0f} Hz"
    measured(f"{soak}: memory grown, per cent", 100 * (last.memory_kb / first.memory_kb - 1), 2)
    measured(f"{soak}: descriptors more", last.descriptors - first.descriptors, 0)
    measured(f"{soak}: threads more", last.threads - first.threads, 0)
    drift = late["latency_ms"]["p50"] / early["latency_ms"]["p50"]
    measured(f"{soak}: latency p50 at the end, of that at the beginning", drift, 1.2)
    assert late["pid"] == early["pid"]


@pytest.mark.timeout(0)
def test_nothing_grows(appliance: Appliance, soak_s: float, measured: Measure) -> None:
    """The demo goes at 30 frames a second, more than a Pi's webcam."""
    nothing_grows(appliance, soak_s, measured)
