"""A button and a light on GPIO pins; without them, or with broken ones, the rest goes on."""

from collections.abc import Iterator

import pytest

from fer_pi.config import checked_config
from fer_pi.errors import ConfigError
from fer_pi.outputs.privacy_panel import AGAIN_S, PrivacyOptions, PrivacyPanel
from fer_pi.testing.cameras import Clock
from fer_pi.testing.pins import MockPins, mock_pins


@pytest.fixture
def pins() -> Iterator[MockPins]:
    with mock_pins() as pins:
        yield pins


def test_the_light_goes_on_and_off_and_is_dark_in_the_end(pins: MockPins) -> None:
    panel = PrivacyPanel(PrivacyOptions(led=23), lambda: None)
    levels = [pins.level(23)]
    for on in (True, True, False, True):
        panel.light(on)
        levels.append(pins.level(23))
    panel.close()
    panel.close()
    assert levels == [0, 1, 1, 0, 1]
    assert pins.level(23) == 0
    assert pins.all_released()


def test_a_press_is_told_once(pins: MockPins) -> None:
    presses = []
    panel = PrivacyPanel(PrivacyOptions(button=24), lambda: presses.append(1))
    pin = pins.factory.pin(24)
    for _ in range(2):
        pin.drive_low()
        pin.drive_high()
    panel.close()
    assert len(presses) == 2
    assert panel.problem == ""


def test_pins_that_cannot_be_had_are_told_and_nothing_else(pins: MockPins) -> None:
    taken = PrivacyPanel(PrivacyOptions(led=23), lambda: None)
    panel = PrivacyPanel(PrivacyOptions(button=24, led=23), lambda: None)
    assert panel.problem.startswith("no camera light: cannot drive GPIO23")
    panel.light(True)
    panel.close()
    taken.close()


def test_pins_that_are_let_go_of_are_taken_and_the_light_is_as_it_should_be(pins: MockPins) -> None:
    time, presses = Clock(), []
    taken = PrivacyPanel(PrivacyOptions(button=24, led=23), lambda: None)
    panel = PrivacyPanel(PrivacyOptions(button=24, led=23), lambda: presses.append(1), time)
    assert "GPIO24" in panel.problem and "GPIO23" in panel.problem
    panel.light(True)
    taken.close()
    panel.look_again()
    assert panel.problem, "too early"
    time.pass_by(AGAIN_S)
    panel.look_again()
    pins.factory.pin(24).drive_low()
    assert (panel.problem, pins.level(23), presses) == ("", 1, [1])
    panel.close()
    time.pass_by(AGAIN_S)
    panel.look_again()
    assert pins.all_released()


def test_a_light_that_breaks_is_told(pins: MockPins) -> None:
    panel = PrivacyPanel(PrivacyOptions(led=23), lambda: None)
    pins.broken[23] = OSError("gone")
    panel.light(True)
    assert panel.problem.startswith("no camera light: GPIO23 (led) no longer answers")
    pins.broken.clear()
    panel.close()
    assert pins.all_released()


def test_a_light_that_breaks_is_tried_again_and_complained_of_once(
    pins: MockPins, caplog: pytest.LogCaptureFixture
) -> None:
    time = Clock()
    panel = PrivacyPanel(PrivacyOptions(led=23), lambda: None, time)
    pins.broken[23] = OSError("gone")
    panel.light(True)
    for _ in range(3):
        time.pass_by(AGAIN_S)
        panel.look_again()
    assert panel.problem and len(caplog.records) == 1
    pins.broken.clear()
    time.pass_by(AGAIN_S)
    panel.look_again()
    assert (panel.problem, pins.level(23)) == ("", 1)
    panel.close()


def test_button_and_light_want_a_pin_each() -> None:
    with pytest.raises(ConfigError, match="GPIO5 is used twice, by button too"):
        checked_config({"privacy": {"button": 5, "led": 5}})


def test_nothing_is_wired_by_default() -> None:
    panel = PrivacyPanel(PrivacyOptions(), lambda: None)
    panel.light(True)
    assert (panel.problem, PrivacyOptions().pins()) == ("", [])
    panel.close()
