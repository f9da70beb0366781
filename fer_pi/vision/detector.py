"""Finds faces: our own net, run by OpenCV DNN on one grey channel."""

import logging
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_pi.errors import ModelError
from fer_pi.paths import is_file, is_folder
from fer_pi.shipped import shipped
from fer_pi.types import Box, Detector, Face, Image
from fer_pi.vision.detector_input import DetectorOptions, check_gray, fit, parse_size
from fer_pi.vision.model_file import ModelFile, open_model
from fer_pi.vision.other_detectors import open_other

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]

FIRST_PX = 256
"""Side of the first picture that a net is shown, by which OpenCV chooses how to run the convolutions of all others.
After one of 64 pixels it forgoes Winograd's method in the last layers, and 320 x 240 take 1.6 ms instead of 1.2."""
GRAIN_PX = 16
"""The net's own input is padded to a multiple of it: stride 16 is laid over stride 8."""
CHANNELS = 15
OVERLAP = 0.4
"""Of two boxes whose IoU is larger, the less confident one goes."""
NESTED = 0.75
"""Likewise of two boxes that share more than this part of the smaller: a face and a part of it, not two people."""
AGREEMENT = 0.65
"""Cells whose boxes overlap the best one by at least this IoU are averaged into it: steadier landmarks."""


def open_detector(options: DetectorOptions) -> Detector:
    """The detector that the options name. Raises ModelError if its model cannot be used.

    Sets the number of OpenCV's threads, which OpenCV keeps for the whole process.
    """
    cv2.setNumThreads(options.threads)
    path = options.model
    if path is None:
        path = shipped("models/detector")
    elif not (is_folder(path) or is_file(path.with_name("manifest.json"))):
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
        self._net.setInput(cv2.dnn.blobFromImage(fitted, self._scale, mean=[self._mean]))
        return [np.asarray(found)[0] for found in self._net.forward(self._outputs)]

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
        try:
            maps = self._run(np.full((side, side), 128, np.uint8))
        except cv2.error as error:
            raise ModelError(f"{self._path}: OpenCV {cv2.__version__} cannot run it: {error.err}") from error
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


def blended(rows: Floats) -> Floats:
    """Non-maximum suppression of (n, 15) rows; each kept row becomes the mean of those that agree with it."""
    boxes = rows[:, 1:5]
    kept = np.asarray(cv2.dnn.NMSBoxes(boxes.tolist(), rows[:, 0].tolist(), 0.0, OVERLAP), np.int64).ravel()
    kept = kept[_outermost(boxes[kept])]
    best = boxes[kept]
    shared = _shared(best, boxes)
    iou = shared / (best[:, None, 2:].prod(-1) + boxes[None, :, 2:].prod(-1) - shared)
    weight = np.where(iou >= AGREEMENT, rows[None, :, 0], np.float32(0))
    weight[np.arange(len(kept)), kept] = rows[kept, 0]
    mean: Floats = weight @ rows / weight.sum(1, keepdims=True)
    mean[:, 0] = rows[kept, 0]
    return mean


def _outermost(boxes: Floats) -> list[int]:
    """Which of the (n, 4) boxes, the most confident first, lie within none before them, nor around it."""
    area = boxes[:, 2:].prod(-1)
    nested = _shared(boxes, boxes) > NESTED * np.minimum(area[:, None], area[None, :])
    kept: list[int] = []
    for n in range(len(boxes)):
        if not nested[n, kept].any():
            kept.append(n)
    return kept


def _shared(some: Floats, others: Floats) -> Floats:
    """(m, n) areas that m boxes have in common with n others."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, :2] + some[:, None, 2:], others[None, :, :2] + others[None, :, 2:])
    area: Floats = (high - low).clip(0).prod(-1)
    return area


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
