"""Finds faces: our own net, run by OpenCV DNN on one grey channel."""

import logging
import math
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from fer_pi.config import Options
from fer_pi.errors import InputError, ModelError
from fer_pi.shipped import shipped
from fer_pi.types import Box, Detector, Face, Image
from fer_pi.vision.model_file import ModelFile, open_model

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]

STEP_PX = 8
"""Width and height of `detector.size` are multiples of it."""
SMALLEST_PX, LARGEST_PX = 64, 1920
FIRST_PX = 256
"""Side of the first picture that a net is shown, by which OpenCV chooses how to run the convolutions of all others.
After one of 64 pixels it forgoes Winograd's method in the last layers, and 320 x 240 take 1.6 ms instead of 1.2."""
GRAIN_PX = 16
"""The net's own input is padded to a multiple of it: stride 16 is laid over stride 8."""
CHANNELS = 15
OVERLAP = 0.4
"""Of two boxes whose IoU is larger, the less confident one goes."""
AGREEMENT = 0.65
"""Cells whose boxes overlap the best one by at least this IoU are averaged into it: steadier landmarks."""


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

    @field_validator("size")
    @classmethod
    def _check_size(cls, value: str) -> str:
        parse_size(value)
        return value


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


def open_detector(options: DetectorOptions) -> Detector:
    """The detector that the options name. Raises ModelError if its model cannot be used.

    Sets the number of OpenCV's threads, which OpenCV keeps for the whole process.
    """
    cv2.setNumThreads(options.threads)
    path = options.model
    if path is None:
        path = shipped("models/detector")
    elif not (path.is_dir() or path.with_name("manifest.json").is_file()):
        from fer_pi.vision.other_detectors import open_other

        return open_other(path, options)
    return FaceDetector(open_model(path, "detector"), options)


class FaceDetector:
    """Our net; one of these belongs to one thread at a time."""

    def __init__(self, model: ModelFile, options: DetectorOptions) -> None:
        """Load the net. Raises ModelError if it is not a net of ours."""
        self._path = model.path
        self._width, self._height = parse_size(options.size)
        self._max_faces = options.max_faces
        try:
            threshold = float(options.threshold if options.threshold is not None else model.manifest["threshold"])
            entry = model.manifest["input"]
            mean, scale = float(entry["normalisation"]["mean"]), float(entry["normalisation"]["scale"])
            self._strides = tuple(int(stride) for stride in entry["strides"])
            self._outputs = [str(name) for name in model.manifest["outputs"]["names"]]
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{model.path}: its manifest lacks or garbles {error}; export the model again") from error
        self.threshold = threshold
        self._logit = math.log(threshold / (1 - threshold))
        self._mean, self._scale = mean, scale
        self._net = read_onnx(model.path, model.bytes())
        self._check_shape()

    def __str__(self) -> str:
        return f"{self._path} at {self._width}x{self._height}, threshold {self.threshold:g}"

    def detect(self, gray: Image) -> list[Face]:
        """The faces in a (H, W) uint8 picture, largest first, in its pixels; boxes may reach out of it."""
        check_gray(gray)
        fitted, scale = fit(gray, self._width, self._height, GRAIN_PX, round(self._mean))
        rows = self._survivors(self._run(fitted))
        if not len(rows):
            return []
        rows = blended(rows)
        rows = rows[np.argsort(-rows[:, 3] * rows[:, 4], kind="stable")][: self._max_faces]
        rows[:, 1:] *= np.tile(scale, 7)
        return [
            Face(Box(left, top, width, height), tuple(zip(points[::2], points[1::2], strict=True)), confidence)
            for confidence, left, top, width, height, *points in rows.tolist()
        ]

    def _run(self, fitted: Image) -> list[Floats]:
        """The output maps (15, rows, columns), one a stride."""
        try:
            self._net.setInput(cv2.dnn.blobFromImage(fitted, self._scale, mean=[self._mean]))
            return [np.asarray(found)[0] for found in self._net.forward(self._outputs)]
        except cv2.error as error:
            raise ModelError(f"{self._path}: OpenCV {cv2.__version__} cannot run it: {error.err}") from error

    def _survivors(self, maps: list[Floats]) -> Floats:
        """(n, 15) confidence, left, top, width, height and five points, of the cells above the threshold."""
        found = []
        for stride, values in zip(self._strides, maps, strict=True):
            logits = values[0]
            cells = np.flatnonzero(logits > self._logit)
            if len(cells):
                y, x = np.divmod(cells, logits.shape[1])
                found.append(_decoded(values.reshape(CHANNELS, -1)[:, cells].T, x, y, stride))
        return np.concatenate(found) if found else np.empty((0, CHANNELS), np.float32)

    def _check_shape(self) -> None:
        side = FIRST_PX
        maps = self._run(np.full((side, side), 128, np.uint8))
        wanted = [(CHANNELS, side // stride, side // stride) for stride in self._strides]
        if [found.shape for found in maps] != wanted:
            shapes = [found.shape for found in maps]
            raise ModelError(f"{self._path}: outputs of shapes {shapes}, expected {wanted}; this is no net of ours")


def read_onnx(path: Path, content: bytes) -> Any:
    """The net for OpenCV DNN. Raises ModelError if OpenCV cannot read it.

    OpenCV 5 has a new engine, which takes nearly twice as long for plain convolutions (no Winograd). The old one can
    be asked for there, but 5.0.0 heeds that only for a file, not for bytes in memory.
    """
    read: Any = cv2.dnn.readNetFromONNX
    try:
        if hasattr(cv2.dnn, "ENGINE_CLASSIC"):
            return read(str(path), engine=cv2.dnn.ENGINE_CLASSIC)
        return read(np.frombuffer(content, np.uint8))
    except cv2.error as error:
        raise ModelError(f"{path}: OpenCV {cv2.__version__} cannot read it: {error.err}") from error


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


def blended(rows: Floats) -> Floats:
    """Non-maximum suppression of (n, 15) rows; each kept row becomes the mean of those that agree with it."""
    boxes = rows[:, 1:5]
    kept = np.asarray(cv2.dnn.NMSBoxes(boxes.tolist(), rows[:, 0].tolist(), 0.0, OVERLAP), np.int64).ravel()
    best = boxes[kept]
    low = np.maximum(best[:, None, :2], boxes[None, :, :2])
    high = np.minimum(best[:, None, :2] + best[:, None, 2:], boxes[None, :, :2] + boxes[None, :, 2:])
    shared = (high - low).clip(0).prod(-1)
    iou = shared / (best[:, None, 2:].prod(-1) + boxes[None, :, 2:].prod(-1) - shared)
    weight = np.where(iou >= AGREEMENT, rows[None, :, 0], np.float32(0))
    weight[np.arange(len(kept)), kept] = rows[kept, 0]
    mean: Floats = weight @ rows / weight.sum(1, keepdims=True)
    mean[:, 0] = rows[kept, 0]
    return mean


def _decoded(values: Floats, x: NDArray[np.int64], y: NDArray[np.int64], stride: int) -> Floats:
    """(n, 15) rows in pixels of the net's input, from the raw output of n cells."""
    rows = np.empty_like(values)
    cell = np.stack([x, y], 1) + 0.5
    size = np.exp(values[:, 3:5].clip(-4, 5)) * stride
    rows[:, 0] = 1 / (1 + np.exp(-values[:, 0]))
    rows[:, 1:3] = (cell + values[:, 1:3]) * stride - size / 2
    rows[:, 3:5] = size
    rows[:, 5:] = (np.tile(cell, 5) + values[:, 5:]) * stride
    return rows
