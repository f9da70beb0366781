"""An hour, or what --soak-s says, at the highest rate: memory and descriptors stay, the latency does not drift."""

import time

from deploy.bench.conftest import Measure
from deploy.bench.pi.rig import Rig
from deploy.bench.pi.test_camera import belongings


def test_nothing_grows(pi: Rig, soak_s: float, measured: Measure) -> None:
    pi.webcam.plug()
    pi.appliance.until_mood(180)
    time.sleep(max(60.0, soak_s / 10))  # what is made once has been made; the latency is that of a minute
    first, early = belongings(pi), pi.appliance.status()
    time.sleep(soak_s)
    last, late = belongings(pi), pi.appliance.status()
    minutes = soak_s / 60
    measured(f"soak, {minutes:.0f} min: memory grown, per cent", 100 * (last[2] / first[2] - 1), 2)
    measured(f"soak, {minutes:.0f} min: descriptors more", last[1] - first[1], 0)
    measured(f"soak, {minutes:.0f} min: threads more", last[0] - first[0], 0)
    drift = late["latency_ms"]["p50"] / early["latency_ms"]["p50"]
    measured(f"soak, {minutes:.0f} min: latency p50 at the end, of that at the beginning", drift, 1.2)
    assert late["pid"] == early["pid"]
