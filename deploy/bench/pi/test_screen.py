"""A monitor that is pulled out, that was never there, or that has another size."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from deploy.bench.conftest import Measure
from deploy.bench.pi.image import Image
from deploy.bench.pi.rig import Rig, rig

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


@pytest.fixture
def other(image: Image, tmp_path: Path) -> Iterator[Callable[[tuple[int, int] | None], Rig]]:
    made: list[Rig] = []

    def with_screen(size: tuple[int, int] | None) -> Rig:
        made.append(rig(image, tmp_path / "w", screen=size))
        made[0].webcam.plug()
        made[0].guest.boot()
        return made[0]

    yield with_screen
    for one in made:
        one.close()


def test_one_of_another_size_is_filled(other: Callable[..., Rig], artefacts: Path) -> None:
    pi = other((1280, 720))
    pi.appliance.until(screen_is(True), 180)
    pi.guest.screenshot(artefacts / "monitor_1280x720.png")
    picture = cv2.imread(str(artefacts / "monitor_1280x720.png"))
    assert picture is not None
    assert picture.shape[:2] == (720, 1280)
    assert brightness(artefacts / "monitor_1280x720.png") > 20


def test_without_one_the_light_shows_the_mood(other: Callable[..., Rig], measured: Measure) -> None:
    pi = other(None)
    pi.appliance.until(screen_is(False), 180)
    told = pi.appliance.status()
    assert of_output(told, "rgb_led")["ok"]
    assert of_output(told, "screen")["problem"]


def brightness(picture: Path) -> float:
    """Its mean, 0 to 255."""
    read = cv2.imread(str(picture))
    assert read is not None
    return float(read.mean())
