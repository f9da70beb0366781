"""Soft-edged shapes on a picture: alpha masks, blended where they are and nowhere else.

A mask is (h, w) uint8, 0 for nothing and 255 for solid. Masks are cached and shared, so they are read-only.
Everything here changes the picture it is given, in place; what lies outside of the picture is left out.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_pi.drawing.palette import RGB
from fer_pi.types import Image

Points = NDArray[np.float64]
"""(n, 2) x and y in pixels."""

_OVERSAMPLING = 4
"""Polygons are drawn this much larger and averaged down."""
_SHIFT = 4
"""Bits behind the point in OpenCV's coordinates: edges are placed to 1/16 px, so that slow movement is smooth."""


def filled(size: tuple[int, int], color: RGB) -> Image:
    """(H, W, 3) uint8 of one colour (BGR); `size` is (width, height)."""
    image = np.empty((size[1], size[0], 3), np.uint8)
    # NumPy's own assignment of three values to every pixel takes ten times as long.
    cv2.rectangle(image, (0, 0), size, color, -1)
    return image


def blend(image: Image, mask: Image, color: RGB, left: int, top: int) -> None:
    """Paint `color` (BGR) through `mask`, whose upper left corner lies at (left, top)."""
    height, width = image.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + mask.shape[1], width), min(top + mask.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return
    alpha = np.ascontiguousarray(mask[y0 - top : y1 - top, x0 - left : x1 - left])
    region = image[y0:y1, x0:x1]
    kept = cv2.multiply(region, cv2.cvtColor(cv2.bitwise_not(alpha), cv2.COLOR_GRAY2BGR), scale=1 / 255)
    cv2.add(kept, cv2.applyColorMap(alpha, _ramp((0, 0, 0), color)), dst=region)


def gradient(levels: Image, dark: RGB, bright: RGB) -> Image:
    """(H, W, 3) uint8: `levels` (H, W) uint8 with 0 shown as `dark` and 255 as `bright` (BGR)."""
    return np.asarray(cv2.applyColorMap(levels, _ramp(dark, bright)), np.uint8)


@lru_cache(maxsize=64)
def _ramp(dark: RGB, bright: RGB) -> Image:
    """(256, 1, 3) uint8 from `dark` to `bright`."""
    return np.linspace(dark, bright, 256).round().astype(np.uint8)[:, None]


@lru_cache(maxsize=128)
def rounded_mask(width: int, height: int, radius: float) -> Image:
    """The mask of a filled rectangle with round corners."""
    radius = max(radius, 0.5)  # else the straight edges would be half transparent
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    outside_x = np.maximum(np.maximum(radius - x, x - (width - radius)), 0)
    outside_y = np.maximum(np.maximum(radius - y, y - (height - radius)), 0)
    cover = np.clip(radius + 0.5 - np.hypot(outside_x[None], outside_y[:, None]), 0, 1)
    return _frozen((cover * 255).round().astype(np.uint8))


@lru_cache(maxsize=8)
def corner_masks(radius: int) -> tuple[Image, Image, Image, Image]:
    """What lies outside of a round corner: upper left, upper right, lower left, lower right; each (radius, radius)."""
    corner = cv2.bitwise_not(rounded_mask(2 * radius, 2 * radius, float(radius)))
    return (
        _frozen(corner[:radius, :radius]),
        _frozen(corner[:radius, radius:]),
        _frozen(corner[radius:, :radius]),
        _frozen(corner[radius:, radius:]),
    )


def rounded_rect(image: Image, left: int, top: int, width: int, height: int, radius: float, color: RGB) -> None:
    """A filled rectangle with round corners in `color` (BGR)."""
    if width > 0 and height > 0:
        blend(image, rounded_mask(width, height, min(radius, width / 2, height / 2)), color, left, top)


def polygon(image: Image, points: Points, color: RGB) -> None:
    """A filled polygon with smooth edges.

    It is drawn larger and averaged down: OpenCV's own antialiasing puts a bump at every corner of a curve.
    """
    height, width = image.shape[:2]
    left, top = np.maximum(np.floor(points.min(axis=0)).astype(int), 0).tolist()
    right, bottom = np.minimum(np.ceil(points.max(axis=0)).astype(int) + 1, (width, height)).tolist()
    if left >= right or top >= bottom:
        return
    large = np.zeros(((bottom - top) * _OVERSAMPLING, (right - left) * _OVERSAMPLING), np.uint8)
    # A pixel's index is its middle, so the picture's edge lies half a pixel before it.
    corners = (points - (left, top)) * _OVERSAMPLING - 0.5
    cv2.fillPoly(large, [np.rint(corners * 2**_SHIFT).astype(np.int32)], (255,), cv2.LINE_8, _SHIFT)
    mask = cv2.resize(large, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    blend(image, np.asarray(mask, np.uint8), color, left, top)


def disc(image: Image, x: float, y: float, radius: float, color: RGB) -> None:
    """A filled circle, antialiased."""
    center = (round((x - 0.5) * 2**_SHIFT), round((y - 0.5) * 2**_SHIFT))
    cv2.circle(image, center, max(round((radius - 0.5) * 2**_SHIFT), 1), color, -1, cv2.LINE_AA, _SHIFT)


def stroke(image: Image, points: Points, width: float | Points, color: RGB) -> None:
    """A line through `points` with round ends; `width` in pixels, one or one for each point.

    OpenCV's own thick lines know whole pixels only: a line that swells slowly would jump.
    """
    half = np.broadcast_to(np.asarray(width, float) / 2, len(points))
    along = np.gradient(points, axis=0)
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)
    aside = np.stack([-along[:, 1], along[:, 0]], axis=1) / length[:, None] * half[:, None]
    turn = np.linspace(0, np.pi, 9)[1:-1, None]
    caps = []
    for end, sign in ((-1, -1.0), (0, 1.0)):
        out = np.array([-aside[end, 1], aside[end, 0]]) * sign
        caps.append(points[end] - sign * aside[end] * np.cos(turn) + out * np.sin(turn))
    polygon(image, np.concatenate([points + aside, caps[0], (points - aside)[::-1], caps[1]]), color)


def _frozen(mask: ArrayLike) -> Image:
    kept = np.array(mask, np.uint8)
    kept.flags.writeable = False
    return kept
