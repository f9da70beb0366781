"""How a light moves: effects, cross-fades, brightness and gamma, as pure functions of time.

Nothing here flashes faster than three times a second, the limit of WCAG 2.3.1 for people with photosensitive epilepsy.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from zlib import crc32

Color = tuple[float, float, float]
"""Red, green and blue as they look (sRGB, not linear), each 0..1."""

DARK: Color = (0.0, 0.0, 0.0)
WHITE: Color = (1.0, 1.0, 1.0)

SHORTEST_PERIOD_S = 0.34
"""No effect repeats faster than this: just below 3 Hz."""

DUTY_STEPS = 100
"""Steps of brightness that reach the LED: gpiozero hands lgpio the duty cycle in whole per cent."""


class Effect(StrEnum):
    """How a light moves."""

    SOLID = "solid"
    PULSE = "pulse"
    BREATHE = "breathe"
    STROBE = "strobe"
    FLICKER = "flicker"
    OFF = "off"


PERIOD_S: Mapping[Effect, float] = MappingProxyType(
    {
        Effect.SOLID: math.inf,
        Effect.PULSE: 1.0,
        Effect.BREATHE: 4.0,
        Effect.STROBE: 0.5,
        Effect.FLICKER: 0.5,
        Effect.OFF: math.inf,
    }
)
"""Seconds in which each effect repeats, unless a look says otherwise."""

_RISE = 0.15  # of a pulse's period; the rest of it fades
_FLASH_S = 0.15  # long enough for several steps of the output's 50 Hz


def level_at(effect: Effect, t: float, period_s: float | None = None) -> float:
    """How bright `effect` is at `t` seconds after it began, 0..1; the same for the same arguments, always."""
    period = PERIOD_S[effect] if period_s is None else max(period_s, SHORTEST_PERIOD_S)
    match effect:
        case Effect.SOLID:
            return 1.0
        case Effect.OFF:
            return 0.0
        case Effect.PULSE:
            phase = t / period % 1.0
            return eased(phase / _RISE) if phase < _RISE else (1 - (phase - _RISE) / (1 - _RISE)) ** 2
        case Effect.BREATHE:
            return 0.5 - 0.5 * math.cos(2 * math.pi * t / period)
        case Effect.STROBE:
            return 1.0 if t % period < min(_FLASH_S, period / 2) else 0.0
        case Effect.FLICKER:
            # Two random levels a period, so that it cannot rise and fall more than once in one.
            step, between = divmod(2 * t / period, 1.0)
            return _noise(int(step)) + (_noise(int(step) + 1) - _noise(int(step))) * eased(between)


@dataclass(frozen=True, slots=True)
class Look:
    """What a light is to look like."""

    color: Color
    effect: Effect = Effect.SOLID
    period_s: float | None = None
    """Seconds in which the effect repeats; None: as `PERIOD_S` has it."""
    floor: float = 0.0
    """The level to which the effect sinks, 0..1."""
    brightness: float = 1.0
    """0..1, as it looks: 0.5 seems half as bright."""

    def color_at(self, t: float) -> Color:
        """The colour at `t` seconds after the look began."""
        level = level_at(self.effect, t, self.period_s)
        if self.effect is not Effect.OFF:
            level = self.floor + (1 - self.floor) * level
        return scaled(self.color, level * self.brightness)


NO_LOOK = Look(DARK, Effect.OFF)


@dataclass(frozen=True, slots=True)
class Glow:
    """A look that took over from another: the whole state of a light that cross-fades."""

    look: Look = NO_LOOK
    began_at: float = 0.0
    """Seconds at which `look` took over."""
    came_from: Color = DARK
    """What the light was at that moment."""

    def color_at(self, t: float, fade_s: float) -> Color:
        """The colour at `t`; within `fade_s` of the change it moves over from what was before."""
        target = self.look.color_at(t - self.began_at)
        if t - self.began_at >= fade_s:
            return target
        return mixed(self.came_from, target, eased((t - self.began_at) / fade_s))

    def moves_at(self, t: float, fade_s: float) -> bool:
        """Whether the colour changes by itself from `t` on."""
        return t - self.began_at < fade_s or self.look.effect not in (Effect.SOLID, Effect.OFF)

    def turned_to(self, look: Look, t: float, fade_s: float) -> "Glow":
        """The state once `look` is wanted at `t`; mere brightness follows at once and leaves the rhythm alone."""
        if replace(look, brightness=self.look.brightness) == self.look:
            return replace(self, look=look)
        return Glow(look, t, self.color_at(t, fade_s))


def eased(x: float) -> float:
    """0..1 for x in 0..1, with a soft start and a soft end (smoothstep); outside of it the nearer end."""
    x = min(max(x, 0.0), 1.0)
    return x * x * (3 - 2 * x)


def mixed(first: Color, second: Color, share: float) -> Color:
    """`first` for a share of 0, `second` for a share of 1."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def scaled(color: Color, level: float) -> Color:
    """The colour at `level` 0..1 of its brightness."""
    return mixed(DARK, color, level)


def led_duty(color: Color, brightness: float, gamma: float) -> Color:
    """The duty cycles 0..1, in steps of 1 / `DUTY_STEPS`, at which an LED looks like `color` at `brightness` 0..1.

    An LED's light is linear in its duty cycle, the eye is not: duty = seen ** gamma. What is visibly meant
    to shine gets at least one step, so that a slow fade does not drop into the dark before its end.
    """
    red, green, blue = (_step(channel * brightness, gamma) for channel in color)
    return red, green, blue


def _step(seen: float, gamma: float) -> float:
    seen = min(max(seen, 0.0), 1.0)
    steps = round(seen**gamma * DUTY_STEPS)
    return (steps or int(seen >= 0.05)) / DUTY_STEPS


def _noise(step: int) -> float:
    """A level 0..1 that is random in `step`, yet always the same for it."""
    return crc32(step.to_bytes(8, "little", signed=True)) / 0xFFFFFFFF
