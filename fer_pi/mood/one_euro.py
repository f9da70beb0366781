"""The One-Euro filter: still points lie still, moving points are not held back."""

import math
from collections.abc import Sequence

CUTOFF_HZ = 0.5
"""Cut-off for a point at rest; lower shivers less."""
CUTOFF_PER_SPEED = 4.0
"""Hz of cut-off added for each scale length a second of speed; higher lags less."""
SPEED_CUTOFF_HZ = 2.0
"""Cut-off of the speed itself."""


class OneEuro:
    """Smooths a list of coordinates, each by itself, at irregular intervals.

    Casiez, Roussel and Vogel, "1 € Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive
    Systems", CHI 2012. Speeds are divided by a scale (here the size of the face), so that the constants suit a face
    near the camera and one across the room alike.
    """

    __slots__ = ("_speeds", "values")

    def __init__(self, values: Sequence[float]) -> None:
        self.values = list(values)
        self._speeds = [0.0] * len(self.values)

    def step(self, values: Sequence[float], interval_s: float, scale: float) -> list[float]:
        """The smoothed coordinates, `interval_s` after the last ones; the caller must not change the list.

        An interval of 0 or less changes nothing: at one moment there is one position.
        """
        if interval_s <= 0:
            return self.values
        turn = 2 * math.pi * interval_s
        speed_share = turn * SPEED_CUTOFF_HZ / (1 + turn * SPEED_CUTOFF_HZ)
        rest = turn * CUTOFF_HZ
        per_speed = turn * CUTOFF_PER_SPEED / scale
        speeds, smoothed = [], []
        for value, last, speed in zip(values, self.values, self._speeds, strict=True):
            change = value - last
            speed += speed_share * (change / interval_s - speed)
            gain = rest + per_speed * abs(speed)
            speeds.append(speed)
            smoothed.append(last + change * gain / (1 + gain))
        self._speeds, self.values = speeds, smoothed
        return smoothed
