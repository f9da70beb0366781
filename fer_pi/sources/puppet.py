"""A photograph of a person that can move its face: what the embedded scene of `fer-pi demo` is made of."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_pi.types import Image, Point

_FACES = Path(__file__).parent / "demo_faces"

_Push = tuple[str, float, float, float, float, float, float]
"""Anchor; its offset right and down; how far it is pushed right and down; how far that reaches across and along.
All in distances between the eyes."""

_MUSCLES: dict[str, tuple[_Push, ...]] = {
    "smile": (
        ("mouth right", 0, 0, -0.09, -0.12, 0.2, 0.2),
        ("mouth left", 0, 0, 0.09, -0.12, 0.2, 0.2),
        ("cheek right", 0, 0, 0, -0.06, 0.25, 0.2),
        ("cheek left", 0, 0, 0, -0.06, 0.25, 0.2),
    ),
    "frown": (
        ("mouth right", 0, 0, 0.02, 0.14, 0.17, 0.2),
        ("mouth left", 0, 0, -0.02, 0.14, 0.17, 0.2),
        ("mouth", 0, 0, 0, -0.07, 0.2, 0.2),
    ),
    "brows up": (
        ("brow right", 0, -0.04, 0, -0.15, 0.3, 0.13),
        ("brow left", 0, -0.04, 0, -0.15, 0.3, 0.13),
    ),
    "brows sad": (
        ("brow right", 0.2, 0, 0, -0.16, 0.16, 0.16),
        ("brow left", -0.2, 0, 0, -0.16, 0.16, 0.16),
        ("brow right", -0.2, 0, 0, 0.08, 0.16, 0.16),
        ("brow left", 0.2, 0, 0, 0.08, 0.16, 0.16),
    ),
    "brows angry": (
        ("brow right", 0.15, 0, 0.06, 0.16, 0.2, 0.16),
        ("brow left", -0.15, 0, -0.06, 0.16, 0.2, 0.16),
        ("brow right", -0.25, 0, 0, -0.08, 0.16, 0.16),
        ("brow left", 0.25, 0, 0, -0.08, 0.16, 0.16),
    ),
    "eyes wide": (
        ("eye right", 0, -0.09, 0, -0.05, 0.17, 0.08),
        ("eye left", 0, -0.09, 0, -0.05, 0.17, 0.08),
        ("eye right", 0, 0.09, 0, 0.04, 0.17, 0.08),
        ("eye left", 0, 0.09, 0, 0.04, 0.17, 0.08),
    ),
    "jaw": (
        ("mouth", 0, 0.2, 0, 0.26, 0.4, 0.2),
        ("mouth", 0, 0.55, 0, 0.16, 0.45, 0.25),
        ("mouth", 0, -0.12, 0, -0.03, 0.3, 0.12),
    ),
    "lips narrow": (
        ("mouth right", 0, 0, 0.18, 0.03, 0.18, 0.2),
        ("mouth left", 0, 0, -0.18, 0.03, 0.18, 0.2),
    ),
    "lips thin": (
        ("mouth", 0, -0.13, 0, 0.07, 0.35, 0.1),
        ("mouth", 0, 0.13, 0, -0.07, 0.35, 0.1),
    ),
}

Expression = Mapping[str, float]
"""How far each muscle is drawn: 0 as photographed, 1 fully; "mouth" is how dark the open mouth is inside, 0..1."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a person stands in the picture."""

    x: float
    """Between the eyes, in pixels."""
    y: float
    eyes_px: float
    """Distance between the eyes in pixels."""
    roll_deg: float = 0.0
    """Clockwise."""


@dataclass(frozen=True, slots=True, eq=False)
class Puppet:
    """A photograph cut out, with its muscles."""

    photo: Image
    """(H, W, 3) BGR."""
    outline: NDArray[np.float32]
    """(H, W), 0..1: how much of each pixel is the person."""
    middle: Point
    """Between the eyes."""
    mouth: Point
    unit: float
    """Distance between the eyes in pixels of the photograph."""
    corner: tuple[int, int]
    """Left and top of the part that the muscles move."""
    at_rest: NDArray[np.float32]
    """(2, h, w): x and y of each pixel of that part, within the photograph."""
    muscles: dict[str, NDArray[np.float32]]
    """For each: (2, h, w) right and down, in pixels, how far it draws each pixel of the part."""

    def draw(self, picture: Image, pose: Pose, expression: Expression) -> None:
        """Put the person into `picture`, (H, W, 3) BGR, in place."""
        scale = pose.eyes_px / self.unit
        turn = np.asarray(cv2.getRotationMatrix2D(self.middle, -pose.roll_deg, scale), np.float64)
        turn[:, 2] += np.array([pose.x - self.middle[0], pose.y - self.middle[1]])
        height, width = self.outline.shape
        corners = turn @ np.array([(0, width, 0, width), (0, 0, height, height), (1, 1, 1, 1)], np.float64)
        left, top = np.maximum(np.floor(corners.min(1)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(corners.max(1)).astype(int), picture.shape[1::-1])
        if right <= left or bottom <= top:
            return
        turn[:, 2] -= left, top
        size = (int(right - left), int(bottom - top))
        person = cv2.warpAffine(self._with(expression), turn, size, borderMode=cv2.BORDER_REPLICATE)
        share = cv2.warpAffine(self.outline, turn, size)
        part = picture[top:bottom, left:right]
        part[:] = cv2.blendLinear(person, np.ascontiguousarray(part), share, 1 - share)

    def _with(self, expression: Expression) -> Image:
        """The photograph with its face moved."""
        drawn = [(self.muscles[name], amount) for name, amount in expression.items() if amount and name != "mouth"]
        if not drawn:
            return self.photo
        places = self.at_rest.copy()
        for muscle, amount in drawn:
            places -= np.float32(amount) * muscle
        photo = self.photo.copy()
        left, top = self.corner
        height, width = places.shape[1:]
        moved = cv2.remap(self.photo, places[0], places[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        photo[top : top + height, left : left + width] = moved
        if opened := expression.get("mouth", 0.0):
            self._open_mouth(photo, opened, expression.get("jaw", 0.0))
        return photo

    def _open_mouth(self, photo: Image, opened: float, jaw: float) -> None:
        """Darken the inside of the mouth; warping alone would smear the lips over it."""
        unit = self.unit
        x, y = self.mouth[0], self.mouth[1] + 0.17 * unit * jaw
        reach = int(0.6 * unit)
        left, top = int(x) - reach, int(y) - reach
        part = photo[top : top + 2 * reach, left : left + 2 * reach]
        inside: Any = np.zeros(part.shape[:2], np.float32)
        axes = (int(0.23 * unit * 16), int((0.02 + 0.21 * jaw) * unit * 16))
        center = (int((x - left) * 16), int((y - top) * 16))
        cv2.ellipse(inside, center, axes, 0, 0, 360, (opened,), -1, cv2.LINE_AA, 4)
        inside = cv2.GaussianBlur(inside, (0, 0), 0.025 * unit)
        dark = np.full_like(part, (26, 20, 52))
        part[:] = cv2.blendLinear(dark, np.ascontiguousarray(part), inside, 1 - inside)


@cache
def puppet(name: str) -> Puppet:
    """The person whose photograph is `name`: "collins" or "hopper"; made once."""
    eyes, mouth_corners = _PLACES[name]
    photo = np.asarray(cv2.imread(str(_FACES / f"{name}.jpg"), cv2.IMREAD_COLOR), np.uint8)
    outline = np.asarray(cv2.imread(str(_FACES / f"{name}_outline.png"), cv2.IMREAD_GRAYSCALE), np.uint8)
    unit = math.dist(*eyes)
    middle, mouth = _midpoint(*eyes), _midpoint(*mouth_corners)
    left, right = (int(middle[0] + side * 1.4 * unit) for side in (-1, 1))
    top, bottom = int(middle[1] - unit), min(int(middle[1] + 2.2 * unit), photo.shape[0])
    x, y = np.meshgrid(np.arange(left, right, dtype=np.float32), np.arange(top, bottom, dtype=np.float32))
    anchors = {
        "eye right": eyes[0],
        "eye left": eyes[1],
        "brow right": (eyes[0][0], eyes[0][1] - 0.33 * unit),
        "brow left": (eyes[1][0], eyes[1][1] - 0.33 * unit),
        "cheek right": (eyes[0][0], eyes[0][1] + 0.5 * unit),
        "cheek left": (eyes[1][0], eyes[1][1] + 0.5 * unit),
        "mouth right": mouth_corners[0],
        "mouth left": mouth_corners[1],
        "mouth": mouth,
    }
    muscles = {muscle: _field(pushes, anchors, unit, x, y) for muscle, pushes in _MUSCLES.items()}
    share = (outline / 255).astype(np.float32)
    return Puppet(photo, share, middle, mouth, unit, (left, top), np.stack([x, y]), muscles)


_PLACES: dict[str, tuple[tuple[Point, Point], tuple[Point, Point]]] = {
    "collins": (((184.1, 102.9), (228.3, 104.9)), ((182.8, 142.5), (222.2, 144.2))),
    "hopper": (((168.7, 144.8), (237.0, 146.5)), ((172.4, 213.6), (230.6, 214.8))),
}
"""Right and left eye, right and left mouth corner in each photograph, in pixels."""


def _field(
    pushes: Iterable[_Push],
    anchors: Mapping[str, Point],
    unit: float,
    x: NDArray[np.float32],
    y: NDArray[np.float32],
) -> NDArray[np.float32]:
    field = np.zeros((2, *x.shape), np.float32)
    for anchor, right, down, push_right, push_down, across, along in pushes:
        at_x, at_y = anchors[anchor][0] + right * unit, anchors[anchor][1] + down * unit
        near = np.exp(-(((x - at_x) / (across * unit)) ** 2 + ((y - at_y) / (along * unit)) ** 2) / 2)
        field += near * np.array([push_right * unit, push_down * unit], np.float32)[:, None, None]
    return field


def _midpoint(one: Point, other: Point) -> Point:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2
