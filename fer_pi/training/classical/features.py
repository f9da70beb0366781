"""Turns faces into rows of features for classical classifiers: shape from landmarks, and histograms of gradients."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_pi.errors import DeviceError, InputError
from fer_pi.training.classical.geometry import POINTS_68, of_5_points, of_68_points, of_dark_spots
from fer_pi.training.emotion.frame import middle_face, padded
from fer_pi.types import CROP_SIZE, Box, Face, Image
from fer_pi.vision.align import TEMPLATE, normalized, raw_crop

log = logging.getLogger(__name__)

Matrix = NDArray[np.float32]
Points = NDArray[np.float64]
Predictor = Callable[[Image, Face], Points]
"""(68, 2) points of a face in a grey picture, in its pixels."""

SHAPE, HOG, BOTH = KINDS = ("shape", "HOG", "shape + HOG")

DLIB_DOWN, DLIB_SIDE = 0.045, 0.957
"""Where the boxes of dlib's own detector lie against ours, in heights and in roots of the area: medians over 311 faces.

Shape predictors are trained on its boxes; it takes 21 ms for a face that ours finds in 3.
"""


@dataclass(frozen=True, slots=True, eq=False)
class FoundShape:
    """What can be measured of one face's shape."""

    points: Points | None
    """(5, 2) or (68, 2) in pixels of some picture; None if no face was found."""
    aligned: Image
    """(48, 48) uint8, normalised; the picture as it stands if no face was found."""


def found_shape(image: Image, detect: Callable[[Image], list[Face]], predictor: Predictor | None = None) -> FoundShape:
    """The shape of the face in a (48, 48) picture: the detector's five points, or the 68 of a `predictor`."""
    picture = padded(image)
    face = middle_face(detect(picture))
    if face is None or len(face.landmarks) != len(TEMPLATE):
        return FoundShape(None, normalized(image))
    points = np.array(face.landmarks) if predictor is None else predictor(picture, face)
    return FoundShape(points, normalized(raw_crop(picture, face)))


def shape_row(shape: FoundShape, of_68: bool) -> dict[str, float]:
    """The measures of one face by name; those that need points are NaN without them."""
    measure = of_68_points if of_68 else of_5_points
    if shape.points is None:
        anything = np.random.default_rng(0).random((POINTS_68 if of_68 else len(TEMPLATE), 2))
        measures = dict.fromkeys(measure(anything), float("nan"))
    else:
        measures = measure(shape.points)
    return measures if of_68 else measures | of_dark_spots(shape.aligned)


def shape_rows(shapes: Sequence[FoundShape], of_68: bool) -> Matrix:
    """(N, F) measures of each face, in the order that `shape_row` names them."""
    return np.array([list(shape_row(shape, of_68).values()) for shape in shapes], np.float32)


def hog_rows(images: NDArray[np.uint8]) -> Matrix:
    """(N, 900) histograms of oriented gradients (Dalal and Triggs 2005) of (N, 48, 48) pictures as they stand.

    9 directions in cells of 8 x 8 pixels, normalised in blocks of 2 x 2 cells, one cell apart.
    """
    side, cell = CROP_SIZE, 8
    hog: Any = cv2.HOGDescriptor((side, side), (2 * cell, 2 * cell), (cell, cell), (cell, cell), 9)
    return np.stack([np.asarray(hog.compute(image), np.float32).ravel() for image in images])


def feature_rows(kind: str, images: NDArray[np.uint8], shapes: Sequence[FoundShape], of_68: bool) -> Matrix:
    """(N, F) features of one of the `KINDS`."""
    parts = []
    if kind != HOG:
        parts.append(shape_rows(shapes, of_68))
    if kind != SHAPE:
        parts.append(hog_rows(images))
    return np.concatenate(parts, axis=1)


def dlib_predictor(model: Path) -> Predictor:
    """dlib's shape predictor in the file `model`. Raises DeviceError without dlib, InputError if the file is none."""
    try:
        dlib: Any = import_module("dlib")
    except ModuleNotFoundError as error:
        raise DeviceError(
            "68 points need the Python package 'dlib': pip install dlib, or leave the file out"
        ) from error
    if not model.is_file():
        raise InputError(f"{model}: no such file; give a shape predictor of 68 points as dlib reads it (.dat)")
    try:
        predictor = dlib.shape_predictor(str(model))
    except RuntimeError as error:
        raise InputError(f"{model}: not a shape predictor of dlib ({error})") from error

    def predict(picture: Image, face: Face) -> Points:
        left, top, right, bottom = dlib_box(face.box)
        found = predictor(np.ascontiguousarray(picture), dlib.rectangle(left, top, right, bottom))
        if found.num_parts != POINTS_68:
            raise InputError(f"{model}: finds {found.num_parts} points; it must be one for the 68 of iBUG 300-W")
        return np.array([(part.x, part.y) for part in found.parts()], np.float64)

    return predict


def dlib_box(box: Box) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the square that dlib's detector would draw around the face in `box`."""
    half = DLIB_SIDE * box.area**0.5 / 2
    x, y = box.center
    y += DLIB_DOWN * box.height
    return round(x - half), round(y - half), round(x + half), round(y + half)
