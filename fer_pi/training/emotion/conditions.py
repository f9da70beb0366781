"""What a cheap camera in a real room does to a face: pure changes of raw crops, for measuring robustness.

A condition is applied to the raw crop, before `vision.align.normalized`, because that is where it happens: the camera
spoils the picture, the Pi then crops and normalises what is left. Every function takes (N, 48, 48) uint8 crops and a
seed, and returns new ones; the first crops come out alike however many follow them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Crops = NDArray[np.uint8]
"""(N, 48, 48) grey, not normalised."""

SMALL_PX = 24
BLUR_PX = 5
NOISE_SIGMA = 12.0
JPEG_QUALITY = 20
TURN_DEG = 20.0


@dataclass(frozen=True, slots=True)
class Condition:
    """One way in which pictures are bad."""

    name: str
    """As in report.json."""
    title: str
    change: Callable[[Crops, int], Crops]
    most_lost: float
    """Points of accuracy (of 100) that a sound model may lose under it."""


def small_faces(crops: Crops, seed: int = 0) -> Crops:
    """As if the face had been 24 px wide and high on the camera: averaged down, enlarged as alignment does it."""
    del seed  # nothing is left to chance here, as in several below
    return _each(crops, _shrunk)


def brightened(crops: Crops, seed: int = 0) -> Crops:
    """Gamma 0.4: shadows lifted, as by a camera's backlight compensation."""
    del seed
    return _with_gamma(crops, 0.4)


def darkened(crops: Crops, seed: int = 0) -> Crops:
    """Gamma 2.5: a dim room."""
    del seed
    return _with_gamma(crops, 2.5)


def motion_blurred(crops: Crops, seed: int = 0) -> Crops:
    """Smeared over 5 px of the crop, horizontally: somebody walks past."""
    del seed
    kernel = np.full((1, BLUR_PX), 1 / BLUR_PX, np.float32)
    return _each(crops, lambda crop: cv2.filter2D(crop, -1, kernel, borderType=cv2.BORDER_REPLICATE))


def noisy(crops: Crops, seed: int = 0) -> Crops:
    """Gaussian noise of standard deviation 12 grey levels, clipped to 0..255."""
    rng = np.random.default_rng(seed)
    return _each(crops, lambda crop: np.clip(np.rint(crop + NOISE_SIGMA * rng.standard_normal(crop.shape)), 0, 255))


def compressed(crops: Crops, seed: int = 0) -> Crops:
    """Through JPEG at quality 20, the crop alone: its blocks are 8 of its own pixels wide."""
    del seed
    return _each(crops, _through_jpeg)


def rotated(crops: Crops, seed: int = 0) -> Crops:
    """Turned by 20 degrees in the plane, one way or the other; the edge is repeated. Alignment would have undone it."""
    rng = np.random.default_rng(seed)

    def turned(crop: Crops) -> Any:
        middle = ((crop.shape[1] - 1) / 2, (crop.shape[0] - 1) / 2)
        matrix = cv2.getRotationMatrix2D(middle, TURN_DEG if rng.random() < 0.5 else -TURN_DEG, 1.0)
        return cv2.warpAffine(crop, matrix, crop.shape[::-1], borderMode=cv2.BORDER_REPLICATE)

    return _each(crops, turned)


def covered(crops: Crops, seed: int = 0) -> Crops:
    """The lower third behind something flat, of any grey (a scarf, a mask, a hand)."""
    rng = np.random.default_rng(seed)
    hidden = crops.copy()
    for crop in hidden:
        crop[2 * len(crop) // 3 :] = rng.integers(0, 256)
    return hidden


CONDITIONS: tuple[Condition, ...] = (
    Condition("small_24px", "24 px face, enlarged", small_faces, 15),
    Condition("gamma_0.4", "gamma 0.4 (pale)", brightened, 8),
    Condition("gamma_2.5", "gamma 2.5 (dark)", darkened, 8),
    Condition("motion_blur_5px", "motion blur 5 px", motion_blurred, 8),
    Condition("noise_12", "noise, sigma 12", noisy, 8),
    Condition("jpeg_20", "JPEG quality 20", compressed, 8),
    Condition("rotation_20deg", "turned by 20 degrees", rotated, 8),
    Condition("lower_third_covered", "lower third covered", covered, 15),
)


def _each(crops: Crops, change: Callable[[Crops], Any]) -> Crops:
    changed = np.empty_like(crops)
    for after, before in zip(changed, crops, strict=True):
        after[:] = change(before)
    return changed


def _shrunk(crop: Crops) -> Any:
    small = cv2.resize(crop, (SMALL_PX, SMALL_PX), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, crop.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _with_gamma(crops: Crops, gamma: float) -> Crops:
    levels = np.arange(256) / 255
    return np.asarray(np.rint(255 * levels**gamma), np.uint8)[crops]


def _through_jpeg(crop: Crops) -> Any:
    _, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
