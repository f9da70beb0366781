"""The same with webcam, pins and screen, as often as an emulated processor can."""

from deploy.bench.conftest import Measure
from deploy.bench.pi.rig import Rig
from deploy.bench.service.test_soak import nothing_grows


def test_nothing_grows(pi: Rig, soak_s: float, measured: Measure) -> None:
    pi.webcam.plug()
    pi.appliance.until_mood(180)
    nothing_grows(pi.appliance, soak_s, measured)
