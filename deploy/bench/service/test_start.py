"""The service starts with whatever there is, says what that is, and is ready when there is something to see."""

import time

import pytest

from deploy.bench.conftest import Measure
from deploy.bench.container import Container
from deploy.bench.machine import CommandError
from deploy.bench.service.appliance import DEMO, LAST_GOOD, Appliance

CARD = "/boot/firmware/fer-pi.yaml"


def seconds_to_active(appliance: Appliance) -> float:
    """From the start of its process until systemd counted it as started."""
    began, ready = (int(appliance.shown(f"{name}TimestampMonotonic")) for name in ("ExecMainStart", "ActiveEnter"))
    return (ready - began) / 1e6


def test_at_boot_the_mood_is_there_in_seconds(machine: Container, appliance: Appliance, measured: Measure) -> None:
    machine.shut_down()
    machine.boot()
    appliance.until_mood()
    measured("of it, from the start of our process until ready", seconds_to_active(appliance), 3)
    userspace = int(machine.run("systemctl show --property=UserspaceTimestampMonotonic --value"))
    ready = int(appliance.shown("ActiveEnterTimestampMonotonic"))
    measured("boot: from systemd's start until ready", (ready - userspace) / 1e6, 8)


def test_ready_means_that_pictures_are_looked_at(appliance: Appliance) -> None:
    appliance.system("restart")  # returns when systemd counts it as started
    told = appliance.status()
    assert told["status"] in ("nobody", "watching")
    assert seconds_to_active(appliance) > 0.1


def test_ready_without_a_camera_means_that_its_absence_is_shown(appliance: Appliance, measured: Measure) -> None:
    appliance.configure("camera: {kind: webcam}\noutputs: [{kind: event_log}]\n")
    began = time.monotonic()
    appliance.system("restart")
    measured("no camera: from start until ready and shown", time.monotonic() - began, 5)
    told = appliance.status()
    assert told["status"] == "no camera"
    assert seconds_to_active(appliance) > 3, "a camera has three seconds to appear before it counts as missing"
    assert "no camera" in appliance.shown("StatusText")


def test_without_pins_and_screen_it_goes_on_and_says_so(appliance: Appliance) -> None:
    appliance.configure(DEMO.replace("]", ", {kind: rgb_led, red: 17, green: 27, blue: 22}, {kind: screen}]"))
    appliance.system("restart")
    appliance.until_mood()
    outputs = {output["name"]: output["problem"] for output in appliance.status()["outputs"]}
    assert "there is no /dev/gpiochip" in outputs["rgb_led"]
    assert "no display" in outputs["screen"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("camera: {kind: demo}\noutputs:\n  - kind: rgb_lead\n", "/etc/fer-pi/config.yaml:3:"),
        ("version: 99\n", "/etc/fer-pi/config.yaml:1:"),
        ("camera: [\n", "/etc/fer-pi/config.yaml:"),
    ],
    ids=["mistake", "unknown version", "no YAML"],
)
def test_with_a_broken_configuration_the_last_good_one_is_used(
    machine: Container, appliance: Appliance, bad: str, reason: str
) -> None:
    appliance.until_kept()
    appliance.configure(bad)
    machine.shut_down()
    machine.boot()
    appliance.until_mood()
    assert reason in appliance.journal()
    told = appliance.answer()
    assert told["config"]["path"] == "/var/lib/fer-pi/config.yaml.last-good"
    assert told["config"]["fault"].endswith("the last good configuration is used instead")
    assert "the last good configuration is used instead" in appliance.shown("StatusText")


def test_without_a_last_good_one_it_ends_with_78_and_is_not_started_again(appliance: Appliance) -> None:
    appliance.system("stop")
    appliance.machine.run(f"rm -f {LAST_GOOD}")
    appliance.configure("outputs: [{kind: rgb_lead}]\n")
    with pytest.raises(CommandError):
        appliance.system("start")
    time.sleep(2.5)
    assert (appliance.shown("ExecMainStatus"), appliance.shown("ActiveState")) == ("78", "failed")
    assert "/etc/fer-pi/config.yaml:1:" in appliance.journal()
    appliance.restart(DEMO)


def test_a_card_that_was_edited_in_a_pc_is_used_or_refused_with_the_reasons_beside_it(
    machine: Container, appliance: Appliance
) -> None:
    machine.run("mkdir -p /boot/firmware")
    machine.put(b"camera: {kind: demo, loop: true}\noutputs: [{kind: console, style: lines}]\n", CARD)
    appliance.system("restart")
    appliance.until_mood()
    assert appliance.answer()["config"]["path"] == CARD
    appliance.until(lambda told: told["uptime_s"] > 11)
    machine.put(b"camera: {kind: demo}\ncolour: red\n", CARD)
    machine.shut_down()
    machine.boot()
    appliance.until_mood()
    complaints = machine.run(f"until cat {CARD}.errors.txt 2>/dev/null; do sleep .1; done", 10)
    assert f"{CARD}:2:1: colour" in complaints
    assert "fer-pi.yaml:2:1: colour" in appliance.answer()["config"]["fault"]
    machine.run(f"rm {CARD}; systemctl reload fer-pi")
    appliance.until(lambda told: not told["config"]["fault"])
    machine.run(f"while [ -e {CARD}.errors.txt ]; do sleep .1; done", 10)
