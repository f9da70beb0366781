"""One LED for each emotion: the one of the mood is lit, or all of them show how probable each emotion is."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from fer_pi.config import Options
from fer_pi.errors import OutputError
from fer_pi.outputs.effects import NO_LOOK, WHITE, Glow, Look, led_duty
from fer_pi.outputs.gpio import Pin, PinUse, driven, opened, unclaimed
from fer_pi.outputs.looks import NOT_SURE_LOOK, STATUS_LOOKS, by_strength, shown_status
from fer_pi.types import Emotion, Reading, Status


class EmotionLedsOptions(Options):
    """An LED for each emotion."""

    kind: Literal["emotion_leds"] = "emotion_leds"
    """Single LEDs, each on its own GPIO pin with its resistor."""
    leds: dict[Emotion, Pin]
    """Pin of each emotion's LED: BCM number 0..27, or a name as "GPIO17" or "BOARD11"; leave out what has none."""
    status_pin: Pin | None = None
    """Pin of an LED that is on while the camera is watched, and tells the state by its rhythm otherwise.

    Without it all the LEDs together tell the state."""
    mode: Literal["mood", "bars"] = "mood"
    """mood: the LED of the room's mood; bars: each LED as bright as its emotion is probable."""
    common: Literal["anode", "cathode"] = "cathode"
    """What the LEDs share: the cathode (to ground; a high pin lights it) or the anode (to 3.3 V; a low pin does)."""
    brightness: float = Field(default=1.0, ge=0.0, le=1.0)
    """Brightness of all LEDs, 0..1; 0.5 seems half as bright."""
    fade_s: float = Field(default=0.3, ge=0.0, le=10.0)
    """Seconds in which an LED goes on or off, 0..10."""
    gamma: float = Field(default=2.2, ge=1.0, le=4.0)
    """How the eye's response is matched, 1..4; 1: not at all."""
    min_strength: float = Field(default=0.35, ge=0.0, le=1.0)
    """Brightness 0..1 of a mood that is only just there (mode mood); a sure one has 1."""

    @field_validator("leds")
    @classmethod
    def _own_pins(cls, value: dict[Emotion, int]) -> dict[Emotion, int]:
        if not value:
            raise ValueError("names no LED; give at least one, as in {happiness: 17}")
        uses = _uses(value)
        for index, (pin, _) in enumerate(uses):
            unclaimed(pin, uses[:index])
        return value

    @field_validator("status_pin")
    @classmethod
    def _own_status_pin(cls, value: int | None, info: ValidationInfo) -> int | None:
        return None if value is None else unclaimed(value, _uses(info.data.get("leds", {})))

    def pins(self) -> list[PinUse]:
        """The pins that are used, each with the name of its option."""
        uses = _uses(self.leds)
        return uses if self.status_pin is None else [*uses, (self.status_pin, "status_pin")]

    def first_light(self) -> dict[int, bool]:
        """The LED of the state, or all of them if there is none, as for any state."""
        lit = [pin for pin, _ in self.pins()] if self.status_pin is None else [self.status_pin]
        return dict.fromkeys(lit, self.common == "cathode") if self.brightness else {}


def _uses(leds: Mapping[Emotion, int]) -> list[PinUse]:
    return [(pin, f"leds.{emotion.value}") for emotion, pin in leds.items()]


REFRESH_S = 0.02
"""Seconds between the steps of a light that moves."""

Lamp = Emotion | Literal["status"]
"""Which of the LEDs."""


class EmotionLeds:
    """Drives the LEDs through gpiozero. Making it raises OutputError, naming the remedy, if a pin cannot be had."""

    Options = EmotionLedsOptions
    refresh_s: float | None = None
    """As long as a light moves by itself `REFRESH_S`; else None."""

    def __init__(self, options: EmotionLedsOptions, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._options = options
        self._clock = clock
        pins: dict[Lamp, int] = {emotion: pin for emotion, pin in options.leds.items()}
        if options.status_pin is not None:
            pins["status"] = options.status_pin
        self._glows: dict[Lamp, Glow] = {lamp: Glow(began_at=clock()) for lamp in pins}
        self._written = dict.fromkeys(pins, 0.0)
        self._leds: Mapping[Lamp, Any]
        self._leds, self._opened = opened(lambda gpiozero, factory: self._all(gpiozero, factory, pins), options.pins())

    def _all(self, gpiozero: Any, factory: Any, pins: Mapping[Lamp, int]) -> tuple[dict[Lamp, Any], ExitStack]:
        """The LEDs, and what closes them dark; none is kept if one cannot be had."""
        leds = {}
        with ExitStack() as opening:
            for lamp, pin in pins.items():
                high = self._options.common == "cathode"
                leds[lamp] = led = gpiozero.PWMLED(pin, active_high=high, pin_factory=factory)
                opening.callback(led.close)
                opening.callback(led.off)
            return leds, opening.pop_all()

    def show(self, reading: Reading) -> None:
        """Move the LEDs to what `reading` looks like now; call it again, with the same one, to let them move on."""
        if not self._leds:
            raise OutputError("the emotion LEDs are closed; make new ones")
        now, options = self._clock(), self._options
        self.refresh_s = None
        for lamp, led in self._leds.items():
            look = lamp_look(lamp, reading, options)
            self._glows[lamp] = self._glows[lamp].turned_to(look, now, options.fade_s)
            color = self._glows[lamp].color_at(now, options.fade_s)
            duty, _, _ = led_duty(color, options.brightness, options.gamma)
            if self._glows[lamp].moves_at(now, options.fade_s):
                self.refresh_s = REFRESH_S
            if duty != self._written[lamp]:
                with driven(options.pins()):
                    led.value = duty
                self._written[lamp] = duty

    def close(self) -> None:
        self._leds = {}
        with driven(self._options.pins()):
            self._opened.close()


def lamp_look(lamp: Lamp, reading: Reading, options: EmotionLedsOptions) -> Look:
    """What one of the LEDs is to look like for `reading`; its colour is white, the LED has its own."""
    status = shown_status(reading)
    if status is not Status.WATCHING:
        rhythm = STATUS_LOOKS[status]
        tells = lamp == "status" or options.status_pin is None
        return Look(WHITE, rhythm.effect, rhythm.period_s, rhythm.floor, rhythm.brightness) if tells else NO_LOOK
    if lamp == "status":
        return Look(WHITE)
    if options.mode == "bars":
        share = reading.mood.scores[Emotion(lamp)] if reading.mood.scores else 0.0
        return Look(WHITE, brightness=share)
    if reading.mood.emotion is None:
        return NOT_SURE_LOOK
    if lamp != reading.mood.emotion:
        return NO_LOOK
    return Look(WHITE, brightness=by_strength(reading.mood.strength, options.min_strength))
