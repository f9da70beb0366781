"""The embedded scene: a room that two people enter, made at run time from public-domain photographs."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fer_pi.config import Options
from fer_pi.sources.puppet import Expression, Pose, puppet
from fer_pi.types import Frame, Image

WIDTH, HEIGHT = 640, 480
LENGTH_S = 16.0
"""Seconds of the scene as it was written."""

_NOISE_DEVIATION = 2.5
_NOISE_MARGIN = 64
_SEED = 7


class DemoOptions(Options):
    """The embedded scene instead of a camera."""

    kind: Literal["demo"] = "demo"
    pace: Literal["real", "fast"] = "real"
    """real: as time goes by, late frames skipped; fast: every frame, as soon as the last one is done."""
    loop: bool = False
    """Whether it begins anew at its end, for ever."""
    length_s: float = Field(default=LENGTH_S, ge=4, le=120)
    """Seconds that the scene lasts, 4 to 120; everything in it is slower or faster accordingly."""
    rate_hz: float = Field(default=30.0, ge=1, le=60)
    """Frames a second, 1 to 60."""


class DemoCamera:
    """Shows the scene; `read` raises EOFError after its last frame."""

    Options = DemoOptions

    def __init__(
        self,
        options: DemoOptions,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """`clock` and `wait` are for tests."""
        self.name, self.problem = "demo", ""
        self._options = options
        self._clock = clock
        self._closed = threading.Event()
        self._wait = wait or self._closed.wait
        self._start: float | None = None
        self._next = 0
        self._count = max(1, round(options.length_s * options.rate_hz))

    def read(self, timeout_s: float) -> Frame | None:
        """The newest frame not yet read, or None if none came within `timeout_s`. Raises EOFError at the end."""
        if self._closed.is_set() or (self._next >= self._count and not self._options.loop):
            raise EOFError("the demo has ended")
        if self._options.pace == "fast":
            return self._frame(self._next, self._clock())
        now = self._clock()
        if self._start is None:
            self._start = now
        early_s = self._start + self._next / self._options.rate_hz - now
        if early_s > 0:
            self._wait(min(early_s, timeout_s))
            if early_s > timeout_s:
                return None
        # Half a frame's grace, so that rounding does not skip one.
        due = int((self._clock() - self._start) * self._options.rate_hz + 0.5)
        number = max(self._next, due if self._options.loop else min(due, self._count - 1))
        return self._frame(number, self._start + number / self._options.rate_hz)

    def close(self) -> None:
        """End the scene; twice is fine."""
        self._closed.set()

    def _frame(self, number: int, taken_at: float) -> Frame:
        self._next = number + 1
        position_s = (number % self._count) / self._options.rate_hz
        picture = scene(position_s * LENGTH_S / self._options.length_s)
        gray = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        return Frame(gray, number, taken_at, position_s, "demo", picture.copy)


def scene(t_s: float) -> Image:
    """The scene at `t_s` seconds, 0 to `LENGTH_S` and round again: (480, 640, 3) BGR, the same every time."""
    t = t_s % LENGTH_S
    picture = _room().copy()
    for name, path, moods in _PEOPLE:
        if path[0][0] <= t <= path[-1][0]:
            x, y, eyes_px, roll = _between(path, t)
            sway = math.sin(1.7 * t)
            puppet(name).draw(picture, Pose(x + 4 * sway, y, eyes_px, roll + 1.5 * sway), _expression(moods, t))
    _draw_balloon(picture, t)
    (light,) = _between(_LIGHT, t)
    return _as_a_sensor_sees(picture, light, round(t * 1000))


_Keys = Sequence[tuple[float, ...]]
"""Rows of a time in seconds and the values at that time, in order."""

_GLAD = {"smile": 0.25}
_SURPRISED = {"brows up": 0.8, "eyes wide": 0.8, "jaw": 0.9, "lips narrow": 1.1, "smile": -0.3, "mouth": 1.0}
_CALM: dict[str, float] = {}
_SAD = {
    "brows sad": 1.4,
    "brows up": -0.5,
    "eyes wide": -1.0,
    "frown": 0.9,
    "smile": -0.75,
    "lips thin": -0.4,
    "lips narrow": -0.2,
    "jaw": 0.15,
}

# Time; then between the eyes right and down, the distance between the eyes, all in pixels; clockwise lean in degrees.
_COLLINS_PATH: _Keys = (
    (1.0, -110, 335, 24, 0),
    (2.4, 200, 300, 29, -3),
    (4.0, 320, 225, 56, 0),
    (8.8, 325, 220, 58, 0),
    (10.0, 205, 235, 50, 2),
    (12.3, 205, 235, 50, 0),
    (13.6, -160, 290, 40, -4),
)
_HOPPER_PATH: _Keys = (
    (8.6, 830, 282, 54, 0),
    (10.0, 460, 276, 58, 0),
    (13.0, 455, 276, 58, 0),
    (13.8, 400, 276, 60, 0),
    (14.7, 400, 276, 60, 0),
    (15.6, 870, 282, 54, 0),
)
_COLLINS_MOODS = ((0.0, _GLAD), (5.0, _SURPRISED), (7.6, _GLAD))
_HOPPER_MOODS = ((0.0, _CALM), (11.6, _SAD))
_PEOPLE = (("collins", _COLLINS_PATH, _COLLINS_MOODS), ("hopper", _HOPPER_PATH, _HOPPER_MOODS))
_LIGHT: _Keys = ((5.8, 1.0), (6.4, 0.4), (7.6, 0.4), (8.4, 1.0), (12.2, 1.0), (12.8, 1.3), (13.4, 1.0))
_BALLOON: _Keys = ((10.1, -80), (11.7, 720))
"""Its centre: it passes before the first face, and hides it for less than a second."""
_CHANGE_S = 0.3
"""Seconds in which a face goes from one expression to the next."""


def _between(keys: _Keys, t: float) -> tuple[float, ...]:
    """The values at `t`, eased from one key to the next, held before the first and after the last."""
    if t <= keys[0][0]:
        return keys[0][1:]
    for (start, *before), (end, *after) in pairwise(keys):
        if t <= end:
            share = (t - start) / (end - start)
            eased = share * share * (3 - 2 * share)
            return tuple(one + (other - one) * eased for one, other in zip(before, after, strict=True))
    return keys[-1][1:]


def _expression(moods: Sequence[tuple[float, Expression]], t: float) -> Expression:
    """What the face does at `t`: the latest of `moods`, drawn from the one before within `_CHANGE_S`."""
    latest = max(index for index, (start, _) in enumerate(moods) if start <= t)
    start, after = moods[latest]
    before = moods[max(0, latest - 1)][1]
    share = min(1.0, (t - start) / _CHANGE_S)
    return {name: (1 - share) * before.get(name, 0.0) + share * after.get(name, 0.0) for name in {**before, **after}}


@cache
def _room() -> Image:
    """A wall that is lighter on one side, a window and the edge of a table, out of focus."""
    x, y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
    light = 0.72 + 0.28 * np.exp(-((x - 0.25) ** 2 + (y - 0.2) ** 2) / 0.35)
    wall = light[:, :, None] * np.array([168, 182, 186])
    room = np.asarray(wall, np.uint8)
    cv2.rectangle(room, (455, 40), (590, 215), (214, 206, 190), -1)
    cv2.rectangle(room, (455, 40), (590, 215), (120, 132, 140), 8)
    cv2.line(room, (522, 40), (522, 215), (120, 132, 140), 6)
    cv2.rectangle(room, (0, 440), (WIDTH, HEIGHT), (70, 92, 118), -1)
    return np.asarray(cv2.GaussianBlur(room, (0, 0), 5), np.uint8)


def _draw_balloon(picture: Image, t: float) -> None:
    if not _BALLOON[0][0] < t < _BALLOON[-1][0]:
        return
    (across,) = _between(_BALLOON, t)
    x, y = round(across), round(240 - 25 * math.sin(2 * t))
    cv2.line(picture, (x, y + 75), (x - 12, HEIGHT), (90, 90, 95), 2, cv2.LINE_AA)
    cv2.ellipse(picture, (x, y), (66, 80), 0, 0, 360, (60, 70, 190), -1, cv2.LINE_AA)
    cv2.ellipse(picture, (x - 22, y - 30), (14, 20), 25, 0, 360, (150, 160, 235), -1, cv2.LINE_AA)


def _as_a_sensor_sees(picture: Image, light: float, number: int) -> Image:
    """`picture` in that light, with noise that is another one for each `number`."""
    # A piece of one large noise, as making as much anew costs more than all the rest of the scene.
    left, top = (number * 37) % _NOISE_MARGIN, (number * 53 // 7) % _NOISE_MARGIN
    noise = _noise()[top : top + HEIGHT, left : left + WIDTH]
    lit = cv2.convertScaleAbs(picture, alpha=light)
    return np.asarray(cv2.add(lit, noise, dtype=cv2.CV_8U), np.uint8)


@cache
def _noise() -> NDArray[np.int16]:
    shape = (HEIGHT + _NOISE_MARGIN, WIDTH + _NOISE_MARGIN, 3)
    noise = np.random.default_rng(_SEED).normal(0, _NOISE_DEVIATION, shape)
    return np.asarray(np.rint(noise), np.int16)
