"""A monitor that is pulled out and put back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from deploy.bench.conftest import Measure
from deploy.bench.pi.rig import Rig

SOCKET = "/sys/class/drm/card*-Virtual-1/status"
"""The kernel's own switch: what is written there it takes for the state of the cable."""


def of_output(told: dict[str, Any], name: str) -> dict[str, Any]:
    """How an output is doing."""
    return next((output for output in told.get("outputs", []) if output["name"] == name), {})


def screen_is(well: bool) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What is told of the screen once it is, or is not, well, while the mood goes on."""

    def found(told: dict[str, Any]) -> dict[str, Any]:
        screen = of_output(told, "screen")
        return screen if told.get("mood") and screen.get("ok") is well else {}

    return found


def test_one_that_is_pulled_out_comes_back(pi: Rig, artefacts: Path, measured: Measure) -> None:
    pi.webcam.plug()
    pi.appliance.until(screen_is(True), 180)
    before = pi.appliance.pid
    pi.guest.run(f"echo off > {SOCKET}")
    screen, noticed_s = pi.appliance.until(screen_is(False))
    measured("monitor pulled out: said in the status, mood goes on", noticed_s, 5)
    assert "unplugged" in screen["problem"]
    pi.guest.run(f"echo detect > {SOCKET}")
    measured("monitor put back: shows the mood", pi.appliance.until(screen_is(True), 60)[1], 35)
    assert pi.appliance.pid == before
    pi.guest.screenshot(artefacts / "monitor_back.png")
    assert brightness(artefacts / "monitor_back.png") > 20


def brightness(picture: Path) -> float:
    """Its mean, 0 to 255."""
    read = cv2.imread(str(picture))
    assert read is not None
    return float(read.mean())
