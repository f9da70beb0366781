"""A board that is too hot or badly fed says so on its screen.

How it slows down shows only at a pace that needs slowing down: in the container.
"""

from pathlib import Path

import pytest

from deploy.bench.conftest import Measure
from deploy.bench.pi.rig import Rig
from deploy.bench.service.test_heat import FLAGS, TEMPERATURE, made_up


@pytest.fixture(scope="module", autouse=True)
def shown_another_board(pi: Rig) -> None:
    pi.webcam.plug()
    made_up(pi.appliance)


def test_heat_is_said_and_the_mood_goes_on(pi: Rig, artefacts: Path, measured: Measure) -> None:
    pi.guest.run(f"echo 82000 > {TEMPERATURE}")
    measured("82 °C: said", pi.appliance.until(lambda told: "hot" in told["message"])[1], 5)
    pi.guest.screenshot(artefacts / "hot.png")
    pi.appliance.until_mood()
    pi.guest.run(f"echo 60000 > {TEMPERATURE}")
    pi.appliance.until(lambda told: not told["message"], 240)


def test_a_weak_supply_is_said(pi: Rig, artefacts: Path, measured: Measure) -> None:
    pi.guest.run(f"echo 50005 > {FLAGS}")
    measured("under-voltage: said", pi.appliance.until(lambda told: "power supply" in told["message"])[1], 5)
    assert "under-voltage" in pi.appliance.status()["board"]["now"]
    pi.guest.screenshot(artefacts / "under_voltage.png")
    pi.guest.run(f"echo 50000 > {FLAGS}")
