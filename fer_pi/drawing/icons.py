"""Signs for the states in which there is no mood to show, drawn as shapes."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from fer_pi.drawing.blend import Points, disc, polygon, rounded_rect, stroke
from fer_pi.drawing.palette import RGB
from fer_pi.types import Image, Status

Icon = Callable[[Image, float, float, float, RGB, RGB], None]
"""Draws at (x, y) with a radius, in a colour on a ground (both BGR)."""


def draw_icon(image: Image, status: Status, x: float, y: float, radius: float, color: RGB, ground: RGB) -> None:
    """The sign of `status` in a disc of `color` (BGR) around (x, y), cut out in `ground` (BGR); all in pixels."""
    disc(image, x, y, radius, color)
    _ICONS[status](image, x, y, radius, color, ground)


def _dots(image: Image, x: float, y: float, radius: float, color: RGB, ground: RGB) -> None:
    for step in (-1, 0, 1):
        disc(image, x + 0.38 * step * radius, y, 0.13 * radius, ground)


def _camera(image: Image, x: float, y: float, radius: float, color: RGB, ground: RGB) -> None:
    left, top = round(x - 0.52 * radius), round(y - 0.32 * radius)
    rounded_rect(image, left, top, round(0.70 * radius), round(0.64 * radius), 0.10 * radius, ground)
    lens = np.array([[0.24, -0.08], [0.54, -0.27], [0.54, 0.27], [0.24, 0.08]])
    polygon(image, lens * radius + (x, y), ground)
    _slash(image, x, y, radius, color, ground)


def _slash(image: Image, x: float, y: float, radius: float, color: RGB, ground: RGB) -> None:
    reach = 0.52 * radius
    line = np.array([[x - reach, y + reach], [x + reach, y - reach]])
    stroke(image, line, 0.26 * radius, color)
    stroke(image, line, 0.10 * radius, ground)


def _person(image: Image, x: float, y: float, radius: float, color: RGB, ground: RGB) -> None:
    disc(image, x, y - 0.22 * radius, 0.24 * radius, ground)
    turn = np.linspace(np.pi, 2 * np.pi, 40)
    shoulders = np.stack([0.46 * np.cos(turn), 0.52 + 0.42 * np.sin(turn)], axis=1)
    polygon(image, shoulders * radius + (x, y), ground)


def _eye(image: Image, x: float, y: float, radius: float, color: RGB, ground: RGB) -> None:
    across = np.linspace(-1, 1, 40)
    lid = 0.34 * (1 - across**2)
    outline: Points = np.concatenate([np.stack([0.6 * across, -lid], 1), np.stack([0.6 * across, lid], 1)[::-1]])
    polygon(image, outline * radius + (x, y), ground)
    disc(image, x, y, 0.17 * radius, color)


def _bars(image: Image, x: float, y: float, radius: float, color: RGB, ground: RGB) -> None:
    for side in (-1, 1):
        left = round(x + 0.20 * side * radius - 0.11 * radius)
        rounded_rect(
            image, left, round(y - 0.40 * radius), round(0.22 * radius), round(0.80 * radius), 0.08 * radius, ground
        )


def _exclamation(image: Image, x: float, y: float, radius: float, color: RGB, ground: RGB) -> None:
    mark = np.array([[-0.11, -0.50], [0.11, -0.50], [0.065, 0.16], [-0.065, 0.16]])
    polygon(image, mark * radius + (x, y), ground)
    disc(image, x, y + 0.40 * radius, 0.115 * radius, ground)


_ICONS: Mapping[Status, Icon] = MappingProxyType(
    {
        Status.STARTING: _dots,
        Status.NO_CAMERA: _camera,
        Status.NOBODY: _person,
        Status.WATCHING: _eye,
        Status.PAUSED: _bars,
        Status.FAULT: _exclamation,
    }
)
