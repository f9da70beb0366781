"""An LED for each emotion: which one is lit, how bright, and what their options refuse."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from pydantic import ValidationError

from fer_pi.errors import OutputError
from fer_pi.outputs.emotion_leds import EmotionLeds, EmotionLedsOptions
from fer_pi.testing.outputs import FakeTime, check_output_contract, reading_of
from fer_pi.testing.pins import MockPins, mock_pins
from fer_pi.types import EMOTIONS, Emotion, Reading, Status

pytest.importorskip("gpiozero", reason="needs gpiozero")
LEDS = {emotion.value: pin for emotion, pin in zip(EMOTIONS, range(4, 12), strict=True)}
STATUS_PIN = 26


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def pins(time: FakeTime) -> Iterator[MockPins]:
    with mock_pins(time.clock) as mock:
        yield mock


def options(leds: dict[str, Any] = LEDS, **settings: Any) -> EmotionLedsOptions:
    """Options as they come from YAML."""
    return EmotionLedsOptions.model_validate_json(json.dumps({"kind": "emotion_leds", "leds": leds, **settings}))


Levels = dict[str, float]


@pytest.fixture
def lit(pins: MockPins, time: FakeTime) -> Callable[..., Levels]:
    """Shows a reading until the fade is over; returns the levels of the pins that are not at 0."""

    def shown(reading: Reading, after_s: float = 0.5, **settings: Any) -> Levels:
        leds = EmotionLeds(options(**settings), clock=time.clock)
        leds.show(reading)
        time.now += after_s
        leds.show(reading)
        levels = {name: round(pins.level(pin), 6) for name, pin in [*LEDS.items(), ("status", STATUS_PIN)]}
        leds.close()
        return {name: level for name, level in levels.items() if level}

    return shown


def test_it_keeps_the_contract_of_outputs(pins: MockPins, time: FakeTime) -> None:
    for settings in ({}, {"common": "anode", "status_pin": STATUS_PIN}, {"mode": "bars", "leds": {"fear": 4}}):
        check_output_contract(partial(EmotionLeds, options(**settings), clock=time.clock), pins.all_released)


@pytest.mark.parametrize("common", ["cathode", "anode"])
def test_dark_is_written_before_the_pins_are_let_go(pins: MockPins, time: FakeTime, common: str) -> None:
    leds = EmotionLeds(options(common=common, fade_s=0), clock=time.clock)
    leds.show(reading_of(status=Status.PAUSED))
    for pin in LEDS.values():
        pins.levels[pin].clear()
    leds.close()
    assert [pins.levels[pin][0][1] for pin in LEDS.values()] == [float(common == "anode")] * 8


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_only_the_led_of_the_mood_is_lit(lit: Callable[..., Levels], emotion: Emotion) -> None:
    assert lit(reading_of(emotion)) == {emotion.value: 1.0}


def test_a_weaker_mood_is_dimmer_down_to_min_strength(lit: Callable[..., Levels]) -> None:
    levels = [lit(reading_of(Emotion.FEAR, strength=s))["fear"] for s in (0.0, 0.3, 0.6, 1.0)]
    assert levels == [0.1, 0.26, 0.52, 1.0]


def test_bars_are_as_bright_as_each_emotion_is_probable(lit: Callable[..., Levels]) -> None:
    scores = [0.5, 0.3, 0.2, 0, 0, 0, 0, 0]
    levels = lit(reading_of(Emotion.NEUTRAL, scores=scores), mode="bars", gamma=1.0)
    assert levels == {"neutral": 0.5, "happiness": 0.3, "surprise": 0.2}
    assert lit(reading_of(None, people=0), mode="bars") == {}


def test_bars_are_those_of_the_mood_whoever_is_nearer(lit: Callable[..., Levels]) -> None:
    near = reading_of(Emotion.ANGER).sightings[0]
    reading = replace(reading_of(Emotion.FEAR), sightings=(near, *reading_of(Emotion.FEAR).sightings))
    assert lit(reading, mode="bars") == {"fear": 1.0}


def test_an_emotion_without_an_led_lights_none(lit: Callable[..., Levels]) -> None:
    assert lit(reading_of(Emotion.FEAR), leds={"happiness": LEDS["happiness"]}) == {}


def test_not_sure_lights_all_dimly(lit: Callable[..., Levels]) -> None:
    levels = lit(reading_of(None))
    assert set(levels) == set(LEDS)
    assert set(levels.values()) == {0.02}


def test_without_a_status_led_all_leds_tell_the_state_together(lit: Callable[..., Levels]) -> None:
    levels = lit(reading_of(status=Status.FAULT), after_s=1.05)
    assert set(levels) == set(LEDS)
    assert set(levels.values()) == {1.0}
    assert lit(reading_of(status=Status.FAULT), after_s=1.3) == {}


def test_a_status_led_is_on_while_watching_and_alone_tells_the_state(lit: Callable[..., Levels]) -> None:
    assert lit(reading_of(Emotion.FEAR), status_pin=STATUS_PIN) == {"fear": 1.0, "status": 1.0}
    assert lit(reading_of(status=Status.FAULT), after_s=1.05, status_pin=STATUS_PIN) == {"status": 1.0}
    assert lit(reading_of(status=Status.FAULT), after_s=1.3, status_pin=STATUS_PIN) == {}


def test_the_old_mood_fades_out_while_the_new_one_fades_in(pins: MockPins, time: FakeTime) -> None:
    leds = EmotionLeds(options(gamma=1.0, fade_s=0.2), clock=time.clock)
    fear, anger = reading_of(Emotion.FEAR), reading_of(Emotion.ANGER)
    leds.show(fear)
    time.now += 1
    leds.show(fear)
    leds.show(anger)
    time.now += 0.1
    leds.show(anger)
    assert (pins.level(LEDS["fear"]), pins.level(LEDS["anger"])) == pytest.approx((0.5, 0.5))
    leds.close()


def test_it_asks_to_be_shown_again_only_while_a_light_moves(pins: MockPins, time: FakeTime) -> None:
    leds = EmotionLeds(options(status_pin=STATUS_PIN), clock=time.clock)
    asked = []
    for reading in (reading_of(Emotion.FEAR), reading_of(status=Status.NOBODY)):
        for _ in range(2):
            leds.show(reading)
            asked.append(leds.refresh_s)
            time.now += 0.5
    leds.close()
    assert asked == [0.02, None, 0.02, 0.02]


@pytest.mark.parametrize(
    ("settings", "where", "what"),
    [
        ({"leds": {}}, ("leds",), "names no LED"),
        ({"leds": {"fear": 4, "anger": "GPIO4"}}, ("leds",), "GPIO4 is used twice, by leds.fear too"),
        ({"status_pin": 4}, ("status_pin",), "GPIO4 is used twice, by leds.neutral too"),
        ({"leds": {"fear": 28}}, ("leds", "fear"), "GPIO28 is not on the header"),
        ({"leds": {"joy": 4}}, ("leds", "joy", "[key]"), "'happiness'"),
        ({"leds": 17}, ("leds",), "object"),
        ({"mode": "dance"}, ("mode",), "'mood' or 'bars'"),
    ],
)
def test_nonsense_is_refused_where_it_stands(settings: dict[str, Any], where: tuple[str, ...], what: str) -> None:
    with pytest.raises(ValidationError) as caught:
        options(**settings)
    (problem,) = caught.value.errors()
    assert problem["loc"] == where
    assert what in problem["msg"]


def test_it_names_its_pins() -> None:
    assert options({"fear": 5, "anger": "BOARD11"}, status_pin=6).pins() == [
        (5, "leds.fear"),
        (17, "leds.anger"),
        (6, "status_pin"),
    ]


def test_one_pin_that_cannot_be_had_leaves_all_others_free(pins: MockPins, time: FakeTime) -> None:
    first = EmotionLeds(options({"fear": 11}), clock=time.clock)
    with pytest.raises(OutputError, match="GPIO11 is already in use"):
        EmotionLeds(options(), clock=time.clock)
    first.close()
    assert pins.all_released()
    EmotionLeds(options(), clock=time.clock).close()


def test_a_device_that_vanishes_while_it_is_shown_is_an_output_error_and_the_rest_is_darkened(
    pins: MockPins, time: FakeTime
) -> None:
    leds = EmotionLeds(options(fade_s=0), clock=time.clock)
    leds.show(reading_of(Emotion.FEAR))
    pins.broken[LEDS["anger"]] = RuntimeError("bad handle")
    with pytest.raises(OutputError, match="no longer answers: bad handle"):
        leds.show(reading_of(Emotion.ANGER))
    with pytest.raises(OutputError):
        leds.close()
    assert pins.level(LEDS["fear"]) == 0
    pins.broken.clear()
    leds.close()
