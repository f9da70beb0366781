"""Other people's face detectors behind the same protocol: YuNet, the Res10 SSD and Haar cascades."""

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fer_pi.errors import ModelError
from fer_pi.paths import is_file
from fer_pi.types import Box, Detector, Face, Image
from fer_pi.vision.detector_input import DetectorOptions, check_gray, fit, parse_size

YUNET_THRESHOLD = 0.6
SSD_THRESHOLD = 0.5
SSD_SIDE_PX = 300
SSD_MEAN = (104.0, 177.0, 123.0)
"""Of blue, green and red; from the example beside the published model."""
OVERLAP = 0.3


def open_other(path: Path, options: DetectorOptions) -> Detector:
    """The detector whose model is at `path`, told by its extension. Raises ModelError if it cannot be used."""
    if not is_file(path):
        raise ModelError(
            f"{path}: no such model file to be seen; give a path, or null for the detector that comes with fer-pi"
        )
    match path.suffix.lower():
        case ".onnx":
            return YuNet(path, options)
        case ".caffemodel":
            return Res10(path, options)
        case ".xml":
            return Haar(path, options)
    raise ModelError(f"{path}: not a detector that fer-pi knows; known are .onnx, .caffemodel and .xml (Haar)")


class YuNet:
    """YuNet (Wu et al. 2023) through `cv2.FaceDetectorYN`: boxes with five landmarks."""

    def __init__(self, path: Path, options: DetectorOptions) -> None:
        self._path = path
        self._size = parse_size(options.size)
        self._max_faces = options.max_faces
        threshold = YUNET_THRESHOLD if options.threshold is None else options.threshold
        try:
            names = cv2.dnn.readNetFromONNX(str(path)).getUnconnectedOutLayersNames()
            if not {"cls_8", "obj_8", "bbox_8", "kps_8"} <= set(names):
                raise ModelError(
                    f"{path}: neither YuNet (its outputs are {', '.join(names)})"
                    " nor a model of fer-pi (no manifest.json beside it)"
                )
            self._net = cv2.FaceDetectorYN.create(str(path), "", self._size, threshold, OVERLAP, 5000)
        except cv2.error as error:
            raise ModelError(f"{path}: OpenCV {cv2.__version__} cannot read it: {error.err}") from error

    def __str__(self) -> str:
        return f"YuNet {self._path} at {self._size[0]}x{self._size[1]}"

    def detect(self, gray: Image) -> list[Face]:
        """The faces in a (H, W) uint8 picture, largest first."""
        check_gray(gray)
        fitted, scale = fit(gray, *self._size, 1, 0)
        self._net.setInputSize((fitted.shape[1], fitted.shape[0]))
        _, rows = self._net.detect(cv2.cvtColor(fitted, cv2.COLOR_GRAY2BGR))
        faces = []
        for row in [] if rows is None else rows:
            left, top, width, height, *points = (row[:14] * np.tile(scale, 7)).tolist()
            landmarks = tuple(zip(points[::2], points[1::2], strict=True))
            faces.append(Face(Box(left, top, width, height), landmarks, float(row[14])))
        return _largest(faces, self._max_faces)


class Res10:
    """The SSD on a ResNet-10 that OpenCV's samples use, with its .prototxt beside it: boxes without landmarks."""

    def __init__(self, path: Path, options: DetectorOptions) -> None:
        self._path = path
        self._max_faces = options.max_faces
        self._threshold = SSD_THRESHOLD if options.threshold is None else options.threshold
        read: Any = getattr(cv2.dnn, "readNetFromCaffe", None)
        if read is None:
            raise ModelError(
                f"{path}: OpenCV {cv2.__version__} reads no Caffe models; use OpenCV 4 or leave detector.model out"
            )
        layout = next(iter(sorted({*path.parent.glob("*.prototxt"), *path.parent.glob("*.prototxt.txt")})), None)
        own = path.with_suffix(".prototxt")
        layout = own if is_file(own) else layout
        if layout is None:
            raise ModelError(f"{path}: no .prototxt beside it; a Caffe model needs both files")
        try:
            self._net = read(str(layout), str(path))
            self._detect_rows(np.zeros((8, 8), np.uint8))
        except (cv2.error, IndexError, ValueError) as error:
            raise ModelError(f"{path} with {layout}: not the Res10 face SSD: {error}") from error

    def __str__(self) -> str:
        return f"Res10 SSD {self._path} at {SSD_SIDE_PX}x{SSD_SIDE_PX}"

    def detect(self, gray: Image) -> list[Face]:
        """The faces in a (H, W) uint8 picture, largest first, without landmarks."""
        check_gray(gray)
        height, width = gray.shape
        faces = []
        for confidence, left, top, right, bottom in self._detect_rows(gray):
            if confidence >= self._threshold and right > left and bottom > top:
                box = Box(left * width, top * height, (right - left) * width, (bottom - top) * height)
                faces.append(Face(box, (), confidence))
        return _largest(faces, self._max_faces)

    def _detect_rows(self, gray: Image) -> list[list[float]]:
        """Confidence, left, top, right, bottom as parts of the picture."""
        side = (SSD_SIDE_PX, SSD_SIDE_PX)
        small = cv2.cvtColor(np.asarray(cv2.resize(gray, side), np.uint8), cv2.COLOR_GRAY2BGR)
        self._net.setInput(cv2.dnn.blobFromImage(small, 1.0, side, SSD_MEAN))
        rows: list[list[float]] = self._net.forward().reshape(-1, 7)[:, 2:].tolist()
        return rows


class Haar:
    """A Haar cascade (Viola and Jones 2001): boxes without landmarks."""

    def __init__(self, path: Path, options: DetectorOptions) -> None:
        self._path = path
        self._size = parse_size(options.size)
        self._max_faces = options.max_faces
        self._threshold = 0.0 if options.threshold is None else options.threshold
        if not hasattr(cv2, "CascadeClassifier"):
            raise ModelError(
                f"{path}: OpenCV {cv2.__version__} no longer has Haar cascades; use OpenCV 4 or drop detector.model"
            )
        try:
            self._cascade = cv2.CascadeClassifier(str(path))
        except (cv2.error, SystemError) as error:  # its constructor raises SystemError for broken XML
            raise ModelError(f"{path}: not a Haar cascade") from error
        if self._cascade.empty():
            raise ModelError(f"{path}: not a Haar cascade")

    def __str__(self) -> str:
        return f"Haar cascade {self._path} at {self._size[0]}x{self._size[1]}"

    def detect(self, gray: Image) -> list[Face]:
        """The faces in a (H, W) uint8 picture, largest first, without landmarks."""
        check_gray(gray)
        fitted, (across, down) = fit(gray, *self._size, 1, 0)
        boxes, _, weights = self._cascade.detectMultiScale3(
            cv2.equalizeHist(fitted), 1.1, 4, minSize=(20, 20), outputRejectLevels=True
        )
        faces = []
        rows, margins = np.reshape(boxes, (-1, 4)).tolist(), np.ravel(weights).tolist()
        for (left, top, width, height), margin in zip(rows, margins, strict=True):
            confidence = 1 / (1 + math.exp(-margin))  # the last stage's margin, of no fixed scale
            if confidence >= self._threshold:
                box = Box(left * float(across), top * float(down), width * float(across), height * float(down))
                faces.append(Face(box, (), confidence))
        return _largest(faces, self._max_faces)


def _largest(faces: list[Face], count: int) -> list[Face]:
    return sorted(faces, key=lambda face: -face.box.area)[:count]
