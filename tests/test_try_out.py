"""A test of the lights shows every mood and state, in an order that a person can follow, and ends dark."""

from collections.abc import Iterator
from typing import Any

import pytest

from fer_pi.config import Config, checked_config
from fer_pi.errors import ConfigError, OutputError
from fer_pi.testing.pins import MockPins, mock_pins
from fer_pi.testing.readings import frame_of
from fer_pi.try_out import scenes, try_out
from fer_pi.types import Emotion, Status

LED = {"kind": "rgb_led", "red": 17, "green": 27, "blue": 22, "fade_s": 0}


@pytest.fixture
def pins() -> Iterator[MockPins]:
    with mock_pins() as pins:
        yield pins


def settings(*outputs: dict[str, Any]) -> Config:
    return checked_config({"outputs": list(outputs)})


def test_every_mood_and_every_state_has_its_turn() -> None:
    import numpy as np

    frame = frame_of(np.zeros((48, 64, 3), np.uint8))
    readings = [(name, reading(100.0)) for name, reading in scenes(frame)]
    moods = {reading.mood.emotion for _, reading in readings if reading.status is Status.WATCHING}
    assert moods == {*Emotion, None}
    assert {reading.status for _, reading in readings} == set(Status)
    assert len({name for name, _ in readings}) == len(readings) == len(Emotion) + len(Status) + 1
    assert readings[-1][1].message
    assert all(reading.age_s == 0 for _, reading in readings)


def test_the_led_shows_them_and_is_dark_at_the_end(pins: MockPins) -> None:
    said: list[str] = []
    try_out(settings(LED, {"kind": "console"}), ("rgb_led",), 0.2, said.append)
    assert said[:2] == ["neutral", "happiness"]
    colors = {tuple(level for _, level in pins.levels[pin]) for pin in (17, 27, 22)}
    assert len(colors) == 3
    assert all(len(set(levels)) > 5 for levels in colors)
    assert [pins.level(pin) for pin in (17, 27, 22)] == [0, 0, 0]
    assert pins.all_released()


def test_an_output_that_does_not_work_ends_it_with_the_reason(pins: MockPins) -> None:
    pins.broken[27] = OSError("gone")
    with pytest.raises(OutputError, match=r"rgb_led: .*GPIO27"):
        try_out(settings(LED), ("rgb_led",), 2.0, lambda name: None)
    pins.broken.clear()


def test_without_such_an_output_there_is_nothing_to_try() -> None:
    with pytest.raises(ConfigError, match="no output of kind screen"):
        try_out(settings(LED), ("screen",), 2.0, lambda name: None)
