"""The RGB LED: its options, what its pins do, and what happens when they fail."""

import gc
import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError

from fer_pi.drawing.palette import EMOTION_COLORS, STATUS_COLORS
from fer_pi.errors import OutputError
from fer_pi.outputs.effects import SHORTEST_PERIOD_S, led_duty
from fer_pi.outputs.looks import DEFAULT_LOOKS, light_color, look_of
from fer_pi.outputs.rgb_led import RgbLed, RgbLedOptions, rgb_of
from fer_pi.testing.outputs import FakeTime, check_output_contract, reading_of
from fer_pi.testing.pins import MockPins, mock_pins
from fer_pi.types import Emotion, Status

pytest.importorskip("gpiozero", reason="needs gpiozero")
PINS = (17, 27, 22)
Show = Callable[..., tuple[float, ...]]


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def pins(time: FakeTime) -> Iterator[MockPins]:
    with mock_pins(time.clock) as mock:
        yield mock


def options(**settings: Any) -> RgbLedOptions:
    """Options as they come from YAML."""
    return RgbLedOptions.model_validate_json(json.dumps({"kind": "rgb_led", **settings}))


def light(pins: MockPins) -> tuple[float, ...]:
    """Levels of the pins now, rounded away from the last digits of floats."""
    return tuple(round(pins.level(pin), 6) for pin in PINS)


@pytest.fixture
def showing(pins: MockPins, time: FakeTime) -> Iterator[Show]:
    """Shows a reading on an LED of its own until the fade is over; returns the levels of the pins."""
    made = []

    def show(reading: Any, after_s: float = 0.5, **settings: Any) -> tuple[float, ...]:
        led = RgbLed(options(**settings), clock=time.clock)
        made.append(led)
        led.show(reading)
        time.now += after_s
        led.show(reading)
        levels = light(pins)
        led.close()
        return levels

    yield show
    for led in made:
        led.close()


def test_it_keeps_the_contract_of_outputs(pins: MockPins, time: FakeTime) -> None:
    for settings in ({}, {"common": "anode"}):
        check_output_contract(partial(RgbLed, options(**settings), clock=time.clock), pins.all_released)


@pytest.mark.parametrize("common", ["cathode", "anode"])
def test_dark_is_written_before_the_pins_are_let_go(pins: MockPins, time: FakeTime, common: str) -> None:
    """A pin that is let go may keep its level (pinctrl-bcm2835's persist_gpio_outputs)."""
    led = RgbLed(options(common=common, fade_s=0), clock=time.clock)
    led.show(reading_of(Emotion.NEUTRAL))
    for pin in PINS:
        pins.levels[pin].clear()
    led.close()
    assert [pins.levels[pin][0][1] for pin in PINS] == [float(common == "anode")] * 3


def test_it_is_dark_until_something_is_shown(pins: MockPins, time: FakeTime) -> None:
    led = RgbLed(options(), clock=time.clock)
    assert light(pins) == (0, 0, 0)
    led.close()


@pytest.mark.parametrize("emotion", [Emotion.NEUTRAL, Emotion.DISGUST, Emotion.CONTEMPT])
def test_a_steady_mood_has_its_colour_of_the_screen_gamma_corrected(showing: Show, emotion: Emotion) -> None:
    assert showing(reading_of(emotion)) == led_duty(light_color(EMOTION_COLORS[emotion]), 1.0, 2.2)


def test_a_common_anode_has_the_same_light_with_the_pins_upside_down(showing: Show) -> None:
    reading = reading_of(Emotion.DISGUST)
    assert showing(reading, common="anode") == pytest.approx(tuple(1 - level for level in showing(reading)))


def test_the_weaker_the_mood_the_dimmer_the_light_down_to_min_strength(showing: Show) -> None:
    def red(strength: float, **settings: Any) -> float:
        return showing(reading_of(Emotion.NEUTRAL, strength=strength), **settings)[0]

    levels = [red(strength) for strength in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert all(weaker < stronger for weaker, stronger in pairwise(levels))
    assert levels[0] == pytest.approx(0.35**2.2, abs=0.005)
    assert red(0.0, min_strength=1.0) == 1.0
    assert red(0.0, min_strength=0.0) == 0.0


def test_not_sure_is_a_dim_white(showing: Show) -> None:
    red, green, blue = showing(reading_of(None))
    assert red == green == blue
    assert 0 < red < 0.05


def rhythm(showing_status: Status) -> list[float]:
    """How bright the light of a state is over 12 s, by its brightest colour, relative to its colour."""
    look = look_of(reading_of(status=showing_status))
    return [max(look.color_at(n / 50)) / max(look.color) for n in range(600)]


def test_every_state_is_told_by_its_rhythm_alone() -> None:
    """Any two differ clearly for a fifth of the time or more, at whatever moment the other begins."""
    states = [status for status in Status if status is not Status.WATCHING]
    rhythms = {status: rhythm(status) for status in states}
    for first in states:
        for second in states:
            if first is not second:
                turned = [rhythms[second][shift:] + rhythms[second][:shift] for shift in range(0, 600, 10)]
                apart = [sum(abs(a - b) > 0.15 for a, b in zip(rhythms[first], t, strict=True)) / 600 for t in turned]
                assert min(apart) > 0.2, (first, second, min(apart))


def test_the_rhythms_are_those_of_the_documentation() -> None:
    """How often each state lights up in 12 s."""
    ups = {s: sum(a < 0.5 <= b for a, b in pairwise(rhythm(s))) for s in set(Status) - {Status.WATCHING, Status.PAUSED}}
    assert ups == {Status.STARTING: 12, Status.NO_CAMERA: 5, Status.NOBODY: 2, Status.FAULT: 23}
    assert len(set(rhythm(Status.PAUSED))) == 1


def test_no_mood_goes_dark_and_every_state_but_paused_does() -> None:
    for emotion in Emotion:
        look = look_of(reading_of(emotion))
        assert min(max(look.color_at(n / 50)) for n in range(600)) > 0.25, emotion
    for status in set(Status) - {Status.WATCHING, Status.PAUSED}:
        assert min(rhythm(status)) < 0.05, status


def test_every_state_has_the_colour_of_the_screen() -> None:
    for status, look in DEFAULT_LOOKS.statuses.items():
        assert look.color == light_color(STATUS_COLORS[status])


def test_a_change_of_mood_fades_and_is_complete_after_fade_s(pins: MockPins, time: FakeTime) -> None:
    led = RgbLed(options(fade_s=0.4, gamma=1.0), clock=time.clock)
    neutral, disgust = reading_of(Emotion.NEUTRAL), reading_of(Emotion.DISGUST)
    led.show(neutral)
    time.now += 1
    led.show(neutral)
    seen = []
    for _ in range(21):
        led.show(disgust)
        seen.append(light(pins)[0])
        time.now += 0.02
    led.close()
    assert seen[0] == pytest.approx(1.0)
    assert seen == sorted(seen, reverse=True)
    assert max(a - b for a, b in pairwise(seen)) < 0.1
    assert seen[-1] == pytest.approx(35 / 255, abs=0.005)


def test_it_asks_to_be_shown_again_only_while_the_light_moves(pins: MockPins, time: FakeTime) -> None:
    led = RgbLed(options(fade_s=0.4), clock=time.clock)
    asked = []
    for reading in (reading_of(Emotion.NEUTRAL), reading_of(Emotion.HAPPINESS), reading_of(status=Status.PAUSED)):
        for _ in range(2):
            led.show(reading)
            asked.append(led.refresh_s)
            time.now += 0.5
    led.close()
    assert asked == [0.02, None, 0.02, 0.02, 0.02, None]


def test_it_writes_only_what_can_be_seen(pins: MockPins, time: FakeTime) -> None:
    led = RgbLed(options(), clock=time.clock)
    for n in range(500):
        led.show(reading_of(Emotion.NEUTRAL, strength=0.9 + 0.0001 * (n % 2)))
        time.now += 0.02
    written = len(pins.levels[17])
    led.close()
    assert written < 60, "the fade in, and no more for 10 s"


def test_a_colour_and_an_effect_can_be_changed_and_the_rest_stays(showing: Show) -> None:
    changes = {"anger": {"color": "#f0f", "effect": "solid"}, "neutral": {"brightness": 0.5}}
    assert showing(reading_of(Emotion.ANGER), emotions=changes) == (1, 0, 1)
    assert showing(reading_of(Emotion.NEUTRAL), emotions=changes)[0] == 0.22
    assert showing(reading_of(Emotion.DISGUST), emotions=changes) == showing(reading_of(Emotion.DISGUST))
    assert showing(reading_of(status=Status.NO_CAMERA), statuses={"no camera": {"effect": "off"}}) == (0, 0, 0)
    assert showing(reading_of(None), not_sure={"color": [0, 0, 255], "brightness": 1.0}) == (0, 0, 1)


def test_another_effect_brings_its_own_period_along() -> None:
    looks = options(emotions={"anger": {"effect": "breathe"}, "sadness": {"brightness": 0.5}}).looks()
    assert looks.emotions[Emotion.ANGER].period_s is None
    assert looks.emotions[Emotion.SADNESS].period_s == DEFAULT_LOOKS.emotions[Emotion.SADNESS].period_s


def test_options_survive_being_written_and_read_again() -> None:
    first = options(red="BOARD11", emotions={"fear": {"color": "gold"}, "anger": {"effect": "pulse"}})
    assert RgbLedOptions.model_validate_json(first.model_dump_json()) == first


@pytest.mark.parametrize(
    ("settings", "where", "what"),
    [
        ({"green": 17}, ("green",), "GPIO17 is used twice, by red too"),
        ({"red": 5, "green": 6, "blue": "GPIO6"}, ("blue",), "GPIO6 is used twice, by green too"),
        ({"red": 28}, ("red",), "GPIO28 is not on the header"),
        ({"red": "BOARD1"}, ("red",), "is no GPIO"),
        ({"red": True}, ("red",), "is no pin"),
        ({"common": "both"}, ("common",), "'anode' or 'cathode'"),
        ({"brightness": 1.01}, ("brightness",), "less than or equal to 1"),
        ({"gamma": 0.0}, ("gamma",), "greater than or equal to 1"),
        ({"fade_s": -1.0}, ("fade_s",), "greater than or equal to 0"),
        ({"emotions": {"joy": {}}}, ("emotions", "joy", "[key]"), "'happiness'"),
        ({"emotions": {"fear": {"color": "golden"}}}, ("emotions", "fear", "color"), "did you mean 'gold'"),
        ({"emotions": {"fear": {"color": None}}}, ("emotions", "fear"), "needs quotes"),
        ({"emotions": {"fear": {"effect": "blink"}}}, ("emotions", "fear", "effect"), "'strobe'"),
        ({"emotions": {"fear": {"period_s": 0.1}}}, ("emotions", "fear", "period_s"), "greater than or equal"),
        ({"statuses": {"watching": {}}}, ("statuses",), "shows the mood"),
        ({"purple": 3}, ("purple",), "Extra inputs"),
    ],
)
def test_nonsense_is_refused_where_it_stands(settings: dict[str, Any], where: tuple[str, ...], what: str) -> None:
    with pytest.raises(ValidationError) as caught:
        options(**settings)
    (problem,) = caught.value.errors()
    assert problem["loc"] == where
    assert what in problem["msg"]


def test_the_shortest_period_keeps_below_three_flashes_a_second() -> None:
    assert 1 / SHORTEST_PERIOD_S < 3
    assert options(statuses={"fault": {"period_s": SHORTEST_PERIOD_S}}).looks().statuses[Status.FAULT].period_s == 0.34


@pytest.mark.parametrize(
    ("value", "rgb"),
    [
        ("#ff8800", (255, 136, 0)),
        ("#F80", (255, 136, 0)),
        (" Gold ", (255, 215, 0)),
        ([0, 128, 255], (0, 128, 255)),
    ],
)
def test_colours_are_understood(value: Any, rgb: tuple[int, int, int]) -> None:
    assert rgb_of(value) == rgb


@pytest.mark.parametrize(
    "value", ["", "#ff", "#gggggg", "ff8800", [1, 2], [0, 0, 256], [0.5, 0, 0], [True, 0, 0], 7, None, {}]
)
def test_what_is_no_colour_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="is no colour"):
        rgb_of(value)


def test_it_names_its_pins() -> None:
    assert options(green=5).pins() == [(17, "red"), (5, "green"), (22, "blue")]


def test_pins_that_another_output_has_are_an_error_and_all_others_stay_free(pins: MockPins, time: FakeTime) -> None:
    """Blue is taken, so red and green must be given back at once, not when the garbage is collected."""
    first = RgbLed(options(red=5, green=6), clock=time.clock)
    gc.disable()
    try:
        with pytest.raises(OutputError, match="GPIO22 is already in use"):
            RgbLed(options(), clock=time.clock)
        first.close()
        RgbLed(options(), clock=time.clock).close()
    finally:
        gc.enable()


def test_a_device_that_vanishes_while_it_is_shown_is_an_output_error(pins: MockPins, time: FakeTime) -> None:
    led = RgbLed(options(fade_s=0), clock=time.clock)
    led.show(reading_of(Emotion.NEUTRAL))
    pins.broken[27] = RuntimeError("bad handle")
    with pytest.raises(OutputError, match="no longer answers: bad handle"):
        led.show(reading_of(Emotion.DISGUST))
    with pytest.raises(OutputError):
        led.close()
    pins.broken.clear()
    led.close()
