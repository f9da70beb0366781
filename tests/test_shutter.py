"""While privacy is on the camera's device is closed, and nothing of it is seen any more."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_pi.device.privacy import PrivacySwitch
from fer_pi.errors import InputError
from fer_pi.outputs.privacy_panel import PrivacyOptions, PrivacyPanel
from fer_pi.shutter import SHUT, Shutter
from fer_pi.sources.auto import AutoCamera, AutoOptions
from fer_pi.sources.capture import Picture
from fer_pi.testing.cameras import FakeGrabber, noise
from fer_pi.testing.pins import MockPins, mock_pins
from fer_pi.types import Frame

LED = 23


@pytest.fixture
def pins() -> Iterator[MockPins]:
    with mock_pins() as pins:
        yield pins


class Watched:
    """A camera that writes down what is done with it, and how the light was."""

    def __init__(self, log: list[str], pins: MockPins, during_read: PrivacySwitch | None = None) -> None:
        self.name, self.problem = "watched", ""
        self._log, self._pins, self._during_read = log, pins, during_read
        self._note("opened")

    def _note(self, what: str) -> None:
        self._log.append(f"{what}, light {'on' if self._pins.level(LED) else 'off'}")

    def read(self, timeout_s: float) -> Frame | None:
        if self._during_read:
            self._during_read.set(True)
        return Frame(noise(1), 0, 1.0)

    def close(self) -> None:
        self._note("closed")


def shutter(log: list[str], pins: MockPins, switch: PrivacySwitch, during_read: PrivacySwitch | None = None) -> Shutter:
    panel = PrivacyPanel(PrivacyOptions(led=LED), switch.toggle)
    return Shutter(lambda: Watched(log, pins, during_read), switch, panel)


def test_it_closes_the_device_and_opens_it_anew_and_the_light_is_on_whenever_it_is_open(pins: MockPins) -> None:
    log: list[str] = []
    switch = PrivacySwitch(None)
    camera = shutter(log, pins, switch)
    assert camera.read(0.1) is not None
    switch.set(True)
    assert camera.read(0.1) is None
    assert (camera.shut, camera.problem, pins.level(LED)) == (True, SHUT, 0)
    assert camera.read(0.1) is None
    switch.set(False)
    assert camera.read(0.1) is not None
    assert (camera.shut, camera.problem) == (False, "")
    camera.close()
    camera.close()
    assert log == ["opened, light on", "closed, light on"] * 2
    assert pins.all_released()


def test_a_camera_that_is_shut_at_the_start_is_never_opened(pins: MockPins, tmp_path: Path) -> None:
    log: list[str] = []
    PrivacySwitch(tmp_path).set(True)
    camera = shutter(log, pins, PrivacySwitch(tmp_path))
    assert camera.read(0.01) is None
    camera.close()
    assert log == []


def test_a_picture_that_was_on_its_way_when_it_was_shut_is_seen_by_nobody(pins: MockPins) -> None:
    log: list[str] = []
    switch = PrivacySwitch(None)
    camera = shutter(log, pins, switch, during_read=switch)
    assert camera.read(0.1) is None
    assert log == ["opened, light on", "closed, light on"]
    camera.close()


def test_the_very_device_is_released(pins: MockPins) -> None:
    """With the thread that every live camera has: what it holds open is closed when `read` returns."""
    grabber = FakeGrabber([Picture(noise(seed)) for seed in range(200)])
    switch = PrivacySwitch(None)
    panel = PrivacyPanel(PrivacyOptions(), switch.toggle)
    camera = Shutter(lambda: AutoCamera(AutoOptions(), lambda _: grabber), switch, panel)
    assert camera.read(5.0) is not None
    grabber.let_go()
    switch.set(True)
    assert camera.read(5.0) is None
    assert grabber.closed == 1
    camera.close()


def test_the_light_is_on_until_a_driver_that_takes_its_time_has_let_go(pins: MockPins) -> None:
    let_go = threading.Event()

    def opener(_: AutoOptions) -> FakeGrabber:
        let_go.wait(10)
        return FakeGrabber([Picture(noise(1))], "webcam")

    switch = PrivacySwitch(None)
    panel = PrivacyPanel(PrivacyOptions(led=LED), switch.toggle)
    camera = Shutter(lambda: AutoCamera(AutoOptions(), opener), switch, panel)
    for on in (True, False, True):
        switch.set(on)
        assert camera.read(0.1) is None
        assert (camera.shut, pins.level(LED)) == (on, 1)
    let_go.set()
    for _ in range(100):
        camera.read(0.1)
        if not pins.level(LED):
            break
    assert (camera.shut, pins.level(LED)) == (True, 0)
    camera.close()


def test_a_camera_that_cannot_be_made_leaves_no_pin_taken(pins: MockPins) -> None:
    def missing() -> Watched:
        raise InputError("no such file")

    with pytest.raises(InputError):
        Shutter(missing, PrivacySwitch(None), PrivacyPanel(PrivacyOptions(led=LED), lambda: None))
    assert pins.all_released()


def test_a_file_that_has_gone_meanwhile_is_a_problem_and_tried_again(
    pins: MockPins, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []
    there = [True, False, True]

    def found() -> Watched:
        if not there.pop(0):
            raise InputError("no such file")
        return Watched(log, pins)

    monkeypatch.setattr("fer_pi.shutter.AGAIN_S", 0.0)
    switch = PrivacySwitch(None)
    camera = Shutter(found, switch, PrivacyPanel(PrivacyOptions(led=LED), lambda: None))
    switch.set(True)
    camera.read(0.1)
    switch.set(False)
    assert camera.read(0.01) is None
    assert (camera.problem, camera.shut, pins.level(LED)) == ("no such file", False, 0)
    assert camera.read(0.1) is not None
    camera.close()


def test_a_light_that_cannot_be_had_is_told(pins: MockPins) -> None:
    with_light = PrivacyPanel(PrivacyOptions(led=LED), lambda: None)
    camera = shutter([], pins, PrivacySwitch(None))
    assert camera.note.startswith("no camera light")
    camera.close()
    with_light.close()
