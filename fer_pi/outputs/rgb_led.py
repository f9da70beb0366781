"""One RGB LED on three GPIO pins shows the mood: a colour and an effect for each emotion and state."""

import re
import time
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_serializer,
    model_validator,
)

from fer_pi.config import Options
from fer_pi.drawing.palette import RGB
from fer_pi.errors import OutputError
from fer_pi.outputs.effects import DARK, SHORTEST_PERIOD_S, Color, Effect, Glow, Look, led_duty
from fer_pi.outputs.gpio import Pin, PinUse, driven, opened, unclaimed
from fer_pi.outputs.looks import DEFAULT_LOOKS, Looks, light_color, look_of
from fer_pi.types import Emotion, Reading, Status

REFRESH_S = 0.02
"""Seconds between the steps of a light that moves: 50 Hz, half the rate of the PWM."""

NAMED_COLORS: Mapping[str, RGB] = {
    "black": (0, 0, 0), "white": (255, 255, 255), "red": (255, 0, 0), "lime": (0, 255, 0), "green": (0, 128, 0),
    "blue": (0, 0, 255), "yellow": (255, 255, 0), "cyan": (0, 255, 255), "magenta": (255, 0, 255),
    "orange": (255, 165, 0), "gold": (255, 215, 0), "pink": (255, 192, 203), "hotpink": (255, 105, 180),
    "purple": (128, 0, 128), "violet": (238, 130, 238), "indigo": (75, 0, 130), "teal": (0, 128, 128),
    "turquoise": (64, 224, 208), "navy": (0, 0, 128), "skyblue": (135, 206, 235), "crimson": (220, 20, 60),
    "coral": (255, 127, 80), "brown": (165, 42, 42), "gray": (128, 128, 128), "grey": (128, 128, 128),
}  # fmt: skip
"""Names of colours as in CSS."""


def rgb_of(value: Any) -> RGB:
    """Red, green and blue 0..255 of "#ff8800", "#f80", [255, 136, 0] or the name of a colour.

    Raises ValueError for anything else.
    """
    if isinstance(value, str):
        word = value.strip().lower()
        if word in NAMED_COLORS:
            return NAMED_COLORS[word]
        if re.fullmatch(r"#([0-9a-f]{3}|[0-9a-f]{6})", word):
            digits = word[1:] if len(word) == 7 else "".join(digit * 2 for digit in word[1:])
            red, green, blue = bytes.fromhex(digits)
            return red, green, blue
        close = get_close_matches(word, NAMED_COLORS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else 'give "#rrggbb", [red, green, blue] 0..255 or a name'
        raise ValueError(f"{value!r} is no colour; {hint}")
    if (
        isinstance(value, list | tuple)
        and len(value) == 3
        and all(isinstance(channel, int) and not isinstance(channel, bool) and 0 <= channel <= 255 for channel in value)
    ):
        red, green, blue = value
        return red, green, blue
    raise ValueError(f'{value!r} is no colour; give "#rrggbb", [red, green, blue] with whole numbers 0..255, or a name')


_CHANNEL = {"type": "integer", "minimum": 0, "maximum": 255}
_COLOR_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "array", "items": _CHANNEL, "minItems": 3, "maxItems": 3}]}

RgbColor = Annotated[
    tuple[int, int, int],
    PlainValidator(rgb_of),
    PlainSerializer(lambda color: "#" + bytes(color).hex(), return_type=str),
    WithJsonSchema(_COLOR_SCHEMA),
]
"""A colour in the configuration."""


class LookOptions(Options):
    """What to change about one look; what is left out stays as it is."""

    color: RgbColor | None = None
    """"#rrggbb", "#rgb", [red, green, blue] 0..255, or a name such as "gold". Default: the colour of the screen."""
    effect: Effect | None = None
    """solid, pulse, breathe, strobe, flicker or off."""
    period_s: float | None = Field(default=None, ge=SHORTEST_PERIOD_S, le=60.0)
    """Seconds in which the effect repeats, 0.34..60 (never faster than 3 Hz)."""
    floor: float | None = Field(default=None, ge=0.0, le=1.0)
    """The level to which the effect sinks, 0..1 of the brightness; 0: it goes dark."""
    brightness: float | None = Field(default=None, ge=0.0, le=1.0)
    """How bright this look is, 0..1 of the LED's brightness."""

    @model_validator(mode="after")
    def _color_in_quotes(self) -> "LookOptions":
        if "color" in self.model_fields_set and self.color is None:
            raise ValueError('color is empty; "#rrggbb" needs quotes, for # begins a comment')
        return self

    @model_serializer(mode="wrap")
    def _only_changes(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}

    def applied_to(self, look: Look) -> Look:
        """`look` with these changes; another effect brings its own period along."""
        changed_effect = self.effect is not None and self.effect is not look.effect
        return Look(
            color=look.color if self.color is None else light_color(self.color),
            effect=look.effect if self.effect is None else self.effect,
            period_s=self.period_s if self.period_s is not None or changed_effect else look.period_s,
            floor=look.floor if self.floor is None else self.floor,
            brightness=look.brightness if self.brightness is None else self.brightness,
        )


class RgbLedOptions(Options):
    """An RGB LED."""

    kind: Literal["rgb_led"] = "rgb_led"
    """A red, green and blue LED in one, on three GPIO pins, each with its resistor."""
    red: Pin = 17
    """Pin of red: BCM number 0..27, or a name such as "GPIO17" or "BOARD11"."""
    green: Pin = 27
    """Pin of green."""
    blue: Pin = 22
    """Pin of blue."""
    common: Literal["anode", "cathode"] = "cathode"
    """What the three share: the cathode (to ground; a high pin lights it) or the anode (to 3.3 V; a low pin does)."""
    brightness: float = Field(default=1.0, ge=0.0, le=1.0)
    """Brightness of the whole LED, 0..1; 0.5 seems half as bright."""
    fade_s: float = Field(default=0.4, ge=0.0, le=10.0)
    """Seconds to move from one look to the next, 0..10."""
    gamma: float = Field(default=2.2, ge=1.0, le=4.0)
    """How the eye's response is matched, 1..4; 1: not at all. Raise it if the colours look washed out."""
    min_strength: float = Field(default=0.35, ge=0.0, le=1.0)
    """Brightness 0..1 of a mood that is only just there; a sure one has 1."""
    emotions: dict[Emotion, LookOptions] = Field(default_factory=dict)
    """What to change about the look of an emotion."""
    statuses: dict[Status, LookOptions] = Field(default_factory=dict)
    """What to change about the look of a state: starting, no camera, nobody, paused, fault."""
    not_sure: LookOptions = LookOptions()
    """What to change about the look while somebody is there and no emotion is clear."""

    @field_validator("statuses")
    @classmethod
    def _not_watching(cls, value: dict[Status, LookOptions]) -> dict[Status, LookOptions]:
        if Status.WATCHING in value:
            raise ValueError("'watching' has no look of its own: it shows the mood; see 'emotions' and 'not_sure'")
        return value

    @field_validator("green", "blue")
    @classmethod
    def _own_pin(cls, value: int, info: ValidationInfo) -> int:
        return unclaimed(value, [(info.data[name], name) for name in ("red", "green") if name in info.data])

    def pins(self) -> list[PinUse]:
        """The pins that are used, each with the name of its option."""
        return [(self.red, "red"), (self.green, "green"), (self.blue, "blue")]

    def first_light(self) -> dict[int, bool]:
        """The colours of "starting" that are at least half as bright as its brightest."""
        look = self.looks().statuses[Status.STARTING]
        duty = led_duty(look.color, self.brightness * look.brightness, self.gamma)
        if look.effect is Effect.OFF or not max(duty):
            return {}
        low_lights = self.common == "anode"
        return {pin: (2 * level >= max(duty)) != low_lights for (pin, _), level in zip(self.pins(), duty, strict=True)}

    def looks(self) -> Looks:
        """The default looks with the changes of these options."""
        unchanged = LookOptions()
        return Looks(
            emotions={e: self.emotions.get(e, unchanged).applied_to(x) for e, x in DEFAULT_LOOKS.emotions.items()},
            statuses={s: self.statuses.get(s, unchanged).applied_to(x) for s, x in DEFAULT_LOOKS.statuses.items()},
            not_sure=self.not_sure.applied_to(DEFAULT_LOOKS.not_sure),
            min_strength=self.min_strength,
        )


class RgbLed:
    """Drives the LED through gpiozero. Making it raises OutputError, naming the remedy, if the pins cannot be had."""

    Options = RgbLedOptions
    refresh_s: float | None = None
    """As long as the light moves by itself `REFRESH_S`; else None, for a still light needs no processor."""

    def __init__(self, options: RgbLedOptions, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._options = options
        self._looks = options.looks()
        self._clock = clock
        self._glow = Glow(began_at=clock())
        self._written: Color = DARK
        self._led: Any = opened(
            lambda gpiozero, factory: gpiozero.RGBLED(
                options.red, options.green, options.blue, active_high=options.common == "cathode", pin_factory=factory
            ),
            options.pins(),
        )

    def show(self, reading: Reading) -> None:
        """Move the LED to what `reading` looks like now; call it again, with the same one, to let it move on."""
        if self._led is None:
            raise OutputError("the RGB LED is closed; make a new one")
        now, options = self._clock(), self._options
        self._glow = self._glow.turned_to(look_of(reading, self._looks), now, options.fade_s)
        self.refresh_s = REFRESH_S if self._glow.moves_at(now, options.fade_s) else None
        duty = led_duty(self._glow.color_at(now, options.fade_s), options.brightness, options.gamma)
        if duty != self._written:
            with driven(options.pins()):
                self._led.value = duty
            self._written = duty

    def close(self) -> None:
        led, self._led = self._led, None
        if led is not None:
            with driven(self._options.pins()):
                try:
                    led.off()
                finally:
                    led.close()
