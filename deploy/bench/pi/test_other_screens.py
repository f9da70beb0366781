"""A monitor that has another size, or was never there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest

from deploy.bench.pi.image import Image
from deploy.bench.pi.rig import Rig, rig
from deploy.bench.pi.test_screen import brightness, of_output, screen_is


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


def test_without_one_the_light_shows_the_mood(other: Callable[..., Rig]) -> None:
    pi = other(None)
    pi.appliance.until(screen_is(False), 180)
    told = pi.appliance.status()
    assert of_output(told, "rgb_led")["ok"]
    assert of_output(told, "screen")["problem"]
