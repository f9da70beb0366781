"""What the LED on the guest's pins has shone like: its levels, and what they tell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from deploy.bench.machine import Machine
from fer_pi.drawing.palette import EMOTION_COLORS, RGB
from fer_pi.outputs.effects import led_duty
from fer_pi.outputs.looks import light_color
from fer_pi.types import Emotion

LOG = "/run/led.log"
GAMMA = 2.2
"""As the shipped configuration has it."""
LIT = 0.04
"""A level above this is light."""


@dataclass(frozen=True, slots=True)
class Level:
    """The LED for a twentieth of a second, which ended `at` seconds of the guest's monotonic clock."""

    at: float
    red: float
    """For how much of it it was lit, 0 to 1; likewise the others."""
    green: float
    blue: float

    @property
    def lit(self) -> bool:
        """Whether any of the three was."""
        return max(self.red, self.green, self.blue) > LIT


class LedLog:
    """What the guest has written down about its LED since it was switched on."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def levels(self, since: float = 0.0) -> list[Level]:
        """All levels from `since` on, oldest first."""
        return [level for level in parsed(self._machine.get(LOG).decode()) if level.at >= since]

    def last(self, seconds: float) -> list[Level]:
        """Those of the last seconds."""
        return parsed(self._machine.run(f"tail -n {math.ceil(20 * seconds)} {LOG}"))


def parsed(text: str) -> list[Level]:
    """The levels in a log, whose last line may not be whole."""
    rows = [line.split() for line in text.splitlines()]
    return [Level(*map(float, row)) for row in rows if len(row) == 4]


def flashes(levels: Sequence[Level]) -> int:
    """How often it was dark and then lit."""
    return sum(not before.lit and after.lit for before, after in pairwise(levels))


def likeness(levels: Sequence[Level], color: RGB) -> float:
    """How near its colour, when lit, is to `color`, as the cosine between them: 1 is the same hue."""
    wanted = led_duty(light_color(color), 1.0, GAMMA)
    seen = [sum(level[i] for level in map(_channels, levels)) for i in range(3)]
    size = math.hypot(*seen) * math.hypot(*wanted)
    return sum(a * b for a, b in zip(seen, wanted, strict=True)) / size if size else 0.0


def mood_shown(levels: Sequence[Level]) -> Emotion | None:
    """The mood whose colour is nearest; None if it is dark. (States are told by their rhythm: see `flashes`.)"""
    if not any(level.lit for level in levels):
        return None
    return max(EMOTION_COLORS, key=lambda emotion: likeness(levels, EMOTION_COLORS[emotion]))


def _channels(level: Level) -> tuple[float, float, float]:
    return level.red, level.green, level.blue
