"""Heat and under-voltage, shown to it by `fer-pi run --sysfs`: it slows down in steps, says so, and recovers."""

import pytest

from deploy.bench.conftest import Measure
from deploy.bench.service.appliance import Appliance

MADE_UP = "/run/made-up-sys"
TEMPERATURE = f"{MADE_UP}/class/thermal/thermal_zone0/temp"
FLAGS = f"{MADE_UP}/devices/platform/soc/soc:firmware/get_throttled"


def made_up(appliance: Appliance) -> None:
    """Let it see a cool board with good power, which can be changed."""
    run = appliance.machine.run
    run(f"mkdir -p $(dirname {TEMPERATURE}) $(dirname {FLAGS}); echo cpu-thermal > $(dirname {TEMPERATURE})/type")
    run(f"echo 50000 > {TEMPERATURE}; echo 0 > {FLAGS}")
    arguments = run("sed -n 's/^ExecStart=//p' /etc/systemd/system/fer-pi.service").strip()
    appliance.alter(f"ExecStart=\nExecStart={arguments} --sysfs {MADE_UP}")
    appliance.until_mood(120)


def test_heat_slows_it_down_in_steps_and_it_speeds_up_again(appliance: Appliance, measured: Measure) -> None:
    made_up(appliance)
    cool, _ = appliance.until(lambda told: told["rate_hz"] if told["uptime_s"] > 10 else 0)
    appliance.machine.run(f"echo 82000 > {TEMPERATURE}")
    measured("82 °C: said", appliance.until(lambda told: "hot" in told["message"])[1], 5)
    for most_hz in (15, 6, 3):
        seconds = appliance.until(lambda told, hz=most_hz: told["rate_hz"] <= hz + 0.2, 60)[1]  # type: ignore[misc]
        measured(f"82 °C: at most {most_hz} readings a second, after", seconds, 30)
    appliance.until(lambda told: bool(told["mood"]), 30)
    appliance.machine.run(f"echo 60000 > {TEMPERATURE}")
    fast_s = appliance.until(lambda told: not told["message"] and told["rate_hz"] > 0.9 * cool, 300)[1]
    measured("60 °C again: as fast as before", fast_s, 240)


@pytest.mark.parametrize(("flags", "said"), [("50005", "under-voltage"), ("80008", "soft temperature limit")])
def test_what_the_firmware_complains_of_is_said_until_it_is_over(
    appliance: Appliance, measured: Measure, flags: str, said: str
) -> None:
    made_up(appliance)
    appliance.machine.run(f"echo {flags} > {FLAGS}")
    measured(f"{said}: said", appliance.until(lambda told: bool(told["message"]))[1], 5)
    assert said in appliance.status()["board"]["now"]
    appliance.machine.run(f"echo 50000 > {FLAGS}")
    appliance.until(lambda told: said not in told["board"]["now"], 10)
