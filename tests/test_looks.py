"""Which look a reading asks for, and that a fault is seen while the mood goes on."""

from itertools import groupby

import pytest

from fer_pi.outputs.effects import NO_LOOK
from fer_pi.outputs.emotion_leds import EmotionLedsOptions, lamp_look
from fer_pi.outputs.looks import EMOTION_LOOKS, INTERRUPTED_EVERY_S, INTERRUPTED_FOR_S, STATUS_LOOKS, look_of
from fer_pi.outputs.rgb_led import RgbLed, RgbLedOptions
from fer_pi.testing.cameras import Clock
from fer_pi.testing.outputs import reading_of
from fer_pi.testing.pins import mock_pins
from fer_pi.types import Emotion, Status


def test_a_fault_interrupts_the_mood_for_a_moment_again_and_again() -> None:
    """Most of the time it is the mood that is seen, and nobody has to wait long to see that something is wrong."""
    seen = []
    for tenth in range(round(30 * INTERRUPTED_EVERY_S)):
        look = look_of(reading_of(Emotion.SADNESS, at=tenth / 10, message="config.yaml:3:5: unknown option"))
        seen.append(look == STATUS_LOOKS[Status.FAULT])
        assert seen[-1] or look.color == EMOTION_LOOKS[Emotion.SADNESS].color
    assert sum(seen) == 3 * len([tenth for tenth in range(100) if tenth / 10 < INTERRUPTED_FOR_S])
    assert [index for index in range(1, len(seen)) if seen[index] and not seen[index - 1]] == [100, 200]
    assert INTERRUPTED_FOR_S / INTERRUPTED_EVERY_S <= 0.2


def test_a_mood_without_a_fault_is_never_interrupted() -> None:
    looks = {look_of(reading_of(Emotion.SADNESS, at=tenth / 10)) for tenth in range(200)}
    assert len(looks) == 1


@pytest.mark.parametrize("status", [Status.STARTING, Status.NO_CAMERA, Status.PAUSED, Status.FAULT])
def test_a_state_that_has_a_rhythm_of_its_own_keeps_it_whatever_the_message_says(status: Status) -> None:
    looks = {look_of(reading_of(status=status, at=tenth / 10, message="unplugged")) for tenth in range(200)}
    assert looks == {STATUS_LOOKS[status]}


def test_nobody_is_interrupted_too_and_so_are_separate_leds() -> None:
    assert look_of(reading_of(status=Status.NOBODY, at=10.0, message="hot")) == STATUS_LOOKS[Status.FAULT]
    options = EmotionLedsOptions(leds={Emotion.FEAR: 5, Emotion.ANGER: 6}, status_pin=None)
    at_fault = [lamp_look(lamp, reading_of(Emotion.FEAR, at=10.0, message="hot"), options) for lamp in options.leds]
    between = [lamp_look(lamp, reading_of(Emotion.FEAR, at=15.0, message="hot"), options) for lamp in options.leds]
    assert {look.effect for look in at_fault} == {STATUS_LOOKS[Status.FAULT].effect}
    assert between[0] != NO_LOOK
    assert between[1] == NO_LOOK


def test_three_flashes_are_seen_on_the_light_itself() -> None:
    """After the mood has faded out; a fade that swallows the flashes would tell nothing."""
    clock = Clock(0.0)
    with mock_pins(clock) as pins:
        led = RgbLed(RgbLedOptions(), clock=clock)
        while clock.now < 13.0:
            led.show(reading_of(Emotion.SADNESS, at=clock.now, message="config.yaml:3:5: unknown option"))
            clock.pass_by(0.02)
        led.close()
        reds = [level > 0.5 for at, level in pins.levels[RgbLedOptions().red] if 10.0 <= at < 13.0]
    assert [lit for lit, _ in groupby(reds)].count(True) == 3
