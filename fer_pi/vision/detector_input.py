"""What a detector is given: its options, and a grey picture checked and scaled to fit its input."""

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from fer_pi.config import Options
from fer_pi.errors import InputError
from fer_pi.types import Image

Floats = NDArray[np.float32]

STEP_PX = 8
"""Width and height of `detector.size` are multiples of it."""
SMALLEST_PX, LARGEST_PX = 64, 1920


class DetectorOptions(Options):
    """How faces are found."""

    model: Path | None = None
    """Model file: an .onnx of ours (with manifest.json beside it) or of YuNet, a .caffemodel (Res10 SSD, with its
    .prototxt beside it) or a Haar cascade .xml; null takes the one that comes with fer-pi."""
    size: str = "320x240"
    """Width x height in pixels to which the picture is scaled down (or up) to fit inside, keeping its shape;
    multiples of 8, 64 to 1920. Half the size costs a quarter, and sees faces half as far away."""
    threshold: float | None = Field(default=None, gt=0, lt=1)
    """Least confidence of a face, between 0 and 1; null takes the model's own."""
    max_faces: int = Field(default=30, ge=1, le=300)
    """Most faces in one picture, the largest first; 1 to 300."""
    threads: int = Field(default=1, ge=1, le=16)
    """Threads of OpenCV, 1 to 16."""
    every: int = Field(default=5, ge=1, le=30)
    """The whole picture is looked at in one of so many frames, and at once when a face is lost or none is known; in
    between only near the known ones. 1 to 30; a newcomer among others may be found as many frames later."""
    idle_after_s: float = Field(default=10.0, ge=0, le=86_400)
    """Seconds without anybody after which `fer-pi run` looks less often, 0 (never) to 86400."""
    idle_rate_hz: float = Field(default=4.0, ge=1, le=60)
    """Looks a second while nobody is there, 1 to 60; from 3 on the first face is seen within half a second."""

    @field_validator("size", mode="before")
    @classmethod
    def _check_size(cls, value: Any) -> str:
        """Before pydantic's own check, so that a bare number is told what form it should have."""
        parse_size(str(value))
        return str(value)


def parse_size(text: str) -> tuple[int, int]:
    """Width and height from "320x240". Raises ValueError naming what is wrong."""
    match = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text)
    if not match:
        raise ValueError(f"must be WIDTHxHEIGHT in pixels such as '320x240', got {text!r}")
    width, height = int(match[1]), int(match[2])
    for name, value in (("width", width), ("height", height)):
        if not SMALLEST_PX <= value <= LARGEST_PX:
            raise ValueError(f"{name} {value} is not within {SMALLEST_PX} to {LARGEST_PX} pixels")
        if value % STEP_PX:
            near = max(SMALLEST_PX, round(value / STEP_PX) * STEP_PX)
            raise ValueError(f"{name} {value} is not a multiple of {STEP_PX}; take {near}")
    return width, height


def check_gray(gray: Image) -> None:
    """Raises InputError unless `gray` is a (H, W) uint8 array with at least one pixel."""
    if not isinstance(gray, np.ndarray) or gray.dtype != np.uint8 or gray.ndim != 2 or not gray.size:
        kind = f"{gray.dtype} {gray.shape}" if isinstance(gray, np.ndarray) else type(gray).__name__
        raise InputError(f"the detector needs a grey picture, uint8 (height, width), got {kind}")


def fit(gray: Image, width: int, height: int, grain: int, fill: int) -> tuple[Image, Floats]:
    """The picture scaled to fit into width x height, padded at right and bottom to multiples of `grain`.

    Also the two factors (x, y) that turn its pixels back into those of the given picture.
    """
    rows, columns = gray.shape
    factor = min(width / columns, height / rows)
    size = max(1, round(columns * factor)), max(1, round(rows * factor))
    gray = resized(gray, size)
    right, bottom = -size[0] % grain, -size[1] % grain
    if right or bottom:
        gray = np.asarray(cv2.copyMakeBorder(gray, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=[fill]), np.uint8)
    return gray, np.array([columns / size[0], rows / size[1]], np.float32)


def resized(gray: Image, size: tuple[int, int]) -> Image:
    """The picture at `size` (width, height).

    Halved as often as that goes, which is fast in OpenCV, and averages: 1280 x 720 takes 0.03 ms to 320 x 180 so, and
    0.2 ms by area. What is left is less than a factor of two, for which two points a side are enough.
    """
    while min(gray.shape[1] // size[0], gray.shape[0] // size[1]) >= 2 and not (gray.shape[0] | gray.shape[1]) & 1:
        half = (gray.shape[1] // 2, gray.shape[0] // 2)
        gray = np.asarray(cv2.resize(gray, half, interpolation=cv2.INTER_AREA), np.uint8)
    if gray.shape == size[::-1]:
        return gray
    way = cv2.INTER_AREA if gray.shape[1] >= 2 * size[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(gray, size, interpolation=way), np.uint8)
