"""Pins that are gone, or that another program has: the rest goes on, and the light comes back."""

from typing import Any

from deploy.bench.conftest import Measure
from deploy.bench.pi.leds import mood_shown
from deploy.bench.pi.rig import Rig
from deploy.bench.pi.test_screen import of_output
from fer_pi.types import Emotion

DRIVER = "/sys/bus/platform/drivers/gpio-sim"

HOLDER = "import lgpio, time; chip = lgpio.gpiochip_open(0); lgpio.gpio_claim_output(chip, 17); time.sleep(1e6)"


def light_is_well(told: dict[str, Any]) -> bool:
    """The light shows a mood."""
    return bool(told.get("mood")) and bool(of_output(told, "rgb_led").get("ok"))


def light_is_missing(told: dict[str, Any]) -> dict[str, Any]:
    """The mood goes on without the light; what is told of that."""
    output = of_output(told, "rgb_led")
    return output if told.get("mood") and output and not output["ok"] else {}


def test_a_chip_that_is_missing_is_said_and_used_once_it_is_there(pi: Rig, measured: Measure) -> None:
    pi.webcam.plug()
    pi.appliance.until(light_is_well, 180)
    pi.appliance.system("stop")
    pi.guest.run(f"echo gpio-sim > {DRIVER}/unbind")
    pi.appliance.system("start", 90)
    missing, _ = pi.appliance.until(light_is_missing, 60)
    assert "gpiochip" in missing["problem"]
    before = pi.appliance.pid
    pi.guest.run(f"echo gpio-sim > {DRIVER}/bind")
    measured("GPIO chip is there: light shows the mood", pi.appliance.until(light_is_well, 60)[1], 35)
    pi.on_led(lambda last: mood_shown(last) == Emotion.HAPPINESS, 1, 10)
    assert pi.appliance.pid == before


def test_a_pin_that_another_program_has_is_named(pi: Rig, measured: Measure) -> None:
    pi.webcam.plug()
    pi.appliance.until(light_is_well, 180)
    pi.appliance.system("stop")
    pi.guest.run(
        f"systemd-run --quiet --unit=holder --working-directory=/run /opt/fer-pi/bin/python -c '{HOLDER}'; sleep 3"
    )
    pi.appliance.system("start", 90)
    missing, _ = pi.appliance.until(light_is_missing, 60)
    assert "17" in missing["problem"]
    pi.guest.run("systemctl stop holder")
    measured("GPIO pin free again: light shows the mood", pi.appliance.until(light_is_well, 60)[1], 35)
