"""Cuts a face out of a picture the way the emotion model was trained to see it; the only code that makes crops."""

import cmath
import math
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_pi.types import CROP_SIZE, Box, Face, Image, Point

TEMPLATE: tuple[Point, ...] = ((14.73, 18.27), (32.27, 18.27), (23.5, 28.28), (15.95, 35.75), (31.05, 35.75))
"""Where the five landmarks lie in a crop, in its pixels: found in FER+ pictures (docs/training.md)."""
TEMPLATE_BOX = Box(5.47, 0.04, 37.05, 49.25)
"""Where the box of a face lies in a crop; stands in for the landmarks of a detector that gives none."""
MEAN, DEVIATION = 128.0, 52.0
"""Grey mean and standard deviation of every normalised crop: what lies beyond 2.4 deviations saturates."""
LEAST_DEVIATION = 4.0
"""Crops flatter than this hold no face; stretching them further would only show the camera's noise."""
LEAST_SPREAD_PX = 2.0
"""Landmarks closer together than this (root mean square, from their middle) say nothing; the box is used instead."""


def face_crop(gray: Image, face: Face) -> Image:
    """The face as the emotion model sees it, (48, 48) uint8: upright, centred, at a fixed brightness and contrast.

    `gray` is the whole (H, W) uint8 picture; where the crop reaches beyond it, the picture's edge is repeated.
    """
    return normalized(raw_crop(gray, face))


def face_crops(gray: Image, faces: Iterable[Face]) -> list[Image]:
    """`face_crop` of each face, in their order."""
    return [face_crop(gray, face) for face in faces]


def raw_crop(gray: Image, face: Face) -> Image:
    """`face_crop` with the picture's own brightness: what training starts from, and what quality is judged on."""
    scale, turn, x, y = _similarity(face)
    # The crop's corners in the picture tell which part of it is needed at all.
    inverse = np.asarray(cv2.invertAffineTransform(np.array([[scale, -turn, x], [turn, scale, y]])), np.float64)
    rim = CROP_SIZE - 0.5
    corners = np.array([[-0.5, -0.5, 1], [rim, -0.5, 1], [-0.5, rim, 1], [rim, rim, 1]]) @ inverse.T  # (4, 2)
    height, width = gray.shape
    left, right = _span(corners[:, 0], width)
    top, bottom = _span(corners[:, 1], height)
    part = gray[top:bottom, left:right]
    # A face much larger than the crop is first averaged down by a whole number: bilinear alone would alias.
    step = max(1, min(round(1 / math.hypot(scale, turn)), part.shape[0], part.shape[1]))
    if step > 1:
        wide, high = part.shape[1] // step, part.shape[0] // step
        even = part[: high * step, : wide * step]
        part = np.asarray(cv2.resize(even, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)
    # A pixel (u, v) of the part lies at (u * step + left + (step - 1) / 2, ...) of the picture.
    from_x, from_y = left + (step - 1) / 2, top + (step - 1) / 2
    matrix = np.array(
        [
            [scale * step, -turn * step, scale * from_x - turn * from_y + x],
            [turn * step, scale * step, turn * from_x + scale * from_y + y],
        ]
    )
    size = (CROP_SIZE, CROP_SIZE)
    crop = cv2.warpAffine(part, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def normalized(crops: Image) -> Image:
    """The crops at `MEAN` brightness and `DEVIATION` contrast, uint8: one (H, W) crop, or many (N, H, W).

    The result is new; one crop alone and the same crop among many come out alike to the last bit.
    """
    count = crops.shape[-1] * crops.shape[-2]
    wide = crops.astype(np.int32)
    mean = wide.sum(axis=(-2, -1), keepdims=True) / count
    square = (wide * wide).sum(axis=(-2, -1), keepdims=True) / count
    deviation = np.sqrt(np.maximum(square - mean * mean, LEAST_DEVIATION**2))
    scale = (DEVIATION / deviation).astype(np.float32)
    offset = (MEAN - mean * DEVIATION / deviation).astype(np.float32)
    stretched = crops.astype(np.float32) * scale + offset
    return np.asarray(np.clip(np.rint(stretched), 0, 255), np.uint8)


def _span(places: NDArray[np.floating[Any]], size: int) -> tuple[int, int]:
    """First and last + 1 of the pixels needed along one side, at least one, two to spare for the interpolation."""
    first = min(max(math.floor(places.min()) - 2, 0), size - 1)
    last = max(min(math.ceil(places.max()) + 3, size), first + 1)
    return first, last


def _similarity(face: Face) -> tuple[float, float, float, float]:
    """Scale * cos, scale * sin, x and y of the turn, scaling and shift that take the picture to the crop.

    Least squares from the landmarks to the template (Umeyama 1991). In the plane, with points as complex numbers
    about their means, it is one division: sum(conj(p) q) / sum(|p|^2), which is never a reflection.
    """
    found = [complex(*point) for point in face.landmarks]
    if len(found) != len(TEMPLATE) or not all(map(cmath.isfinite, found)):
        return _from_box(face.box)
    wanted = [complex(*point) for point in TEMPLATE]
    middle, target = sum(found) / len(found), sum(wanted) / len(wanted)
    spread = sum(abs(point - middle) ** 2 for point in found)
    factor = sum((p - middle).conjugate() * (q - target) for p, q in zip(found, wanted, strict=True)) / max(
        spread, 1e-9
    )
    if spread < len(found) * LEAST_SPREAD_PX**2 or abs(factor) < 1e-4:
        return _from_box(face.box)
    shift = target - factor * middle
    return factor.real, factor.imag, shift.real, shift.imag


def _from_box(box: Box) -> tuple[float, float, float, float]:
    """The same, upright, so that the box falls on the template's: as high and wide on the (geometric) average."""
    size = math.sqrt(max(box.width, 1.0) * max(box.height, 1.0))
    scale = math.sqrt(TEMPLATE_BOX.area) / size
    (x, y), (to_x, to_y) = box.center, TEMPLATE_BOX.center
    # Boxes count from the pixels' edges, landmarks and transforms from their middles.
    return scale, 0.0, to_x - 0.5 - scale * (x - 0.5), to_y - 0.5 - scale * (y - 0.5)
