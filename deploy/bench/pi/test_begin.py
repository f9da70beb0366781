"""Power on, and nobody logs in: it starts without a camera, says so, and shows the mood once there is one."""

from pathlib import Path

import pytest

from deploy.bench.conftest import Measure
from deploy.bench.pi.leds import flashes, likeness, mood_shown
from deploy.bench.pi.rig import Rig
from fer_pi.drawing.palette import STATUS_COLORS
from fer_pi.types import Emotion, Status

pytestmark = pytest.mark.short


def test_it_starts_without_a_camera(pi: Rig, artefacts: Path, measured: Measure) -> None:
    """Light and screen say what is missing; systemd is told that it is ready all the same."""
    pi.until_status("no camera", within_s=120)
    started = int(pi.appliance.shown("ExecMainStartTimestampMonotonic")) / 1e6
    ready = int(pi.appliance.shown("ActiveEnterTimestampMonotonic")) / 1e6
    lit = next(level.at for level in pi.leds.levels(since=started) if level.lit)
    measured("first boot: kernel to the start of the service", started, 60)
    measured("first boot: start of the service to first light on the LED", lit - started, 8)
    measured("first boot: start of the service to ready (no camera, shown)", ready - started, 20)
    pi.on_led(lambda last: flashes(last) >= 2 and likeness(last, STATUS_COLORS[Status.NO_CAMERA]) > 0.95, 5, 15)
    last = pi.leds.last(5)
    assert sum(level.lit for level in last) < len(last) / 3, "flashes, and dark in between"
    pi.guest.screenshot(artefacts / "no_camera.png")


def test_a_camera_that_is_plugged_in_is_used(pi: Rig, artefacts: Path, measured: Measure) -> None:
    pi.webcam.plug()
    measured("webcam plugged in: mood shown", pi.appliance.until_mood(), 5)
    assert pi.appliance.status()["mood"] == "happiness"
    pi.on_led(lambda last: mood_shown(last) == Emotion.HAPPINESS and all(level.lit for level in last), 2, 10)
    pi.guest.screenshot(artefacts / "happiness.png")
    told = pi.appliance.status()
    assert all(output["ok"] for output in told["outputs"] if output["name"] in ("rgb_led", "screen")), told["outputs"]


def test_the_mood_follows_the_face(pi: Rig, artefacts: Path, measured: Measure) -> None:
    from deploy.bench.pi import pictures

    pi.webcam.jpegs = pictures.surprise
    changed_s = pi.appliance.until(lambda told: told.get("mood") == "surprise")[1]
    measured("another face in front of the webcam: its mood shown", changed_s, 3)
    pi.on_led(lambda last: mood_shown(last) == Emotion.SURPRISE, 1, 5)
    pi.guest.screenshot(artefacts / "surprise.png")
    pi.webcam.jpegs = pictures.empty_room
    pi.until_status("nobody")
    pi.guest.screenshot(artefacts / "nobody.png")
    pi.webcam.jpegs = pictures.smile
    pi.appliance.until_mood()
