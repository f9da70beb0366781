"""A board that is too hot or badly fed is spared in steps, says so, and recovers."""

from pathlib import Path

import pytest

from deploy.bench.conftest import Measure
from deploy.bench.pi.rig import Rig

MADE_UP = "/run/made-up-sys"
TEMPERATURE = f"{MADE_UP}/class/thermal/thermal_zone0/temp"
FLAGS = f"{MADE_UP}/devices/platform/soc/soc:firmware/get_throttled"


@pytest.fixture(scope="module", autouse=True)
def made_up(pi: Rig) -> None:
    """`fer-pi run --sysfs` is the documented way to show it other flags than the board's."""
    pi.webcam.plug()
    pi.guest.run(
        f"mkdir -p $(dirname {TEMPERATURE}) $(dirname {FLAGS}); echo cpu-thermal > $(dirname {TEMPERATURE})/type"
    )
    pi.guest.run(f"echo 50000 > {TEMPERATURE}; echo 0 > {FLAGS}")
    arguments = pi.guest.run("sed -n 's/^ExecStart=//p' /etc/systemd/system/fer-pi.service").strip()
    pi.appliance.alter(f"ExecStart=\nExecStart={arguments} --sysfs {MADE_UP}")
    pi.appliance.until_mood(120)


def test_heat_slows_it_down_and_it_speeds_up_again(pi: Rig, artefacts: Path, measured: Measure) -> None:
    cool = pi.appliance.status()
    pi.guest.run(f"echo 82000 > {TEMPERATURE}")
    measured("82 °C: said", pi.appliance.until(lambda told: "hot" in told["message"])[1], 5)
    measured("82 °C: at most 3.5 readings a second", pi.appliance.until(lambda told: told["rate_hz"] < 3.5, 90)[1], 60)
    pi.guest.screenshot(artefacts / "hot.png")
    assert pi.appliance.status()["mood"] == "happiness"
    pi.guest.run(f"echo 60000 > {TEMPERATURE}")
    wanted_hz = 0.7 * cool["rate_hz"]
    fast_s = pi.appliance.until(lambda told: not told["message"] and told["rate_hz"] > wanted_hz, 300)[1]
    measured("60 °C again: as fast as before", fast_s, 240)


def test_a_weak_supply_is_said(pi: Rig, artefacts: Path, measured: Measure) -> None:
    pi.guest.run(f"echo 50005 > {FLAGS}")
    measured("under-voltage: said", pi.appliance.until(lambda told: "power supply" in told["message"])[1], 5)
    assert "under-voltage" in pi.appliance.status()["board"]["now"]
    pi.guest.screenshot(artefacts / "under_voltage.png")
    pi.guest.run(f"echo 50000 > {FLAGS}")
