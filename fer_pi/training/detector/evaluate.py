"""Measures a detector on labelled pictures: recall by size, false boxes, landmark error and time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_pi.errors import InputError
from fer_pi.training.detector.data import Floats, LabelledPicture, read_gray
from fer_pi.types import Box, Detector, Face, Image
from fer_pi.vision.detector import open_detector
from fer_pi.vision.detector_input import DetectorOptions, parse_size

MATCH = 0.5
"""IoU from which a box counts as found."""
BINS = (("12-20", 12.0, 20.0), ("20+", 20.0, np.inf))
"""Sizes in pixels of the net's input: the shorter side of the labelled box."""
COVERED = 0.5
"""A found box of which this part lies in an ignored one is neither right nor wrong, as with COCO's crowds."""
SHRUNK_PX = 15.0
"""To how many pixels, likewise, the second pass of `measure` shrinks each picture's largest face."""


def measure(
    pictures: Sequence[LabelledPicture], options: DetectorOptions, progress: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    """`Tally.report` of the detector that the options name, with "detector" and "recall_shrunk" added.

    `progress` is called twice for each picture. Raises InputError if there is no picture.
    """
    if not pictures:
        raise InputError("no picture of this split in the data; nothing to measure")
    detector, size = open_detector(options), parse_size(options.size)
    figures = evaluate(detector, pictures, size, progress=progress).report()
    small = evaluate(detector, pictures, size, shrink_to_px=SHRUNK_PX, progress=progress).report()
    return {"detector": str(detector), **figures, "recall_shrunk": small["recall"]["12-20"]}


@dataclass(frozen=True, slots=True)
class FalseBox:
    """A box where no face is labelled."""

    picture: LabelledPicture
    face: Face


@dataclass(slots=True)
class Tally:
    """What was counted; `report` makes figures of it."""

    faces: list[tuple[float, bool]] = field(default_factory=list)
    """Of each labelled face: its shorter side in pixels of the net's input, and whether it was found."""
    empty_pictures: int = 0
    """Pictures without a face."""
    false_boxes: list[FalseBox] = field(default_factory=list)
    landmark_errors: list[float] = field(default_factory=list)
    """Mean distance of the five points over the distance of the eyes, one for each found face with landmarks."""
    times_s: list[float] = field(default_factory=list)

    def recall(self, low_px: float, high_px: float = np.inf) -> tuple[float | None, int]:
        """Which part of the faces of a size was found, and how many faces that are."""
        found = [seen for side, seen in self.faces if low_px <= side < high_px]
        return _share(sum(found), len(found)), len(found)

    def report(self) -> dict[str, Any]:
        """Plain figures: fractions, boxes a picture, milliseconds; None where nothing could be measured."""
        by_size = {name: self.recall(low, high) for name, low, high in BINS}
        on_empty = sum(box.picture.empty for box in self.false_boxes)
        return {
            "pictures": len(self.times_s),
            "faces": {name: count for name, (_, count) in by_size.items()},
            "recall": {name: share for name, (share, _) in by_size.items()},
            "empty_pictures": self.empty_pictures,
            "false_boxes_per_picture": _share(on_empty, self.empty_pictures),
            "landmark_error": float(np.mean(self.landmark_errors)) if self.landmark_errors else None,
            "landmark_error_median": float(np.median(self.landmark_errors)) if self.landmark_errors else None,
            "ms": float(np.median(self.times_s)) * 1e3 if self.times_s else None,
        }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def evaluate(
    detector: Detector,
    pictures: Sequence[LabelledPicture],
    size: tuple[int, int],
    *,
    shrink_to_px: float | None = None,
    progress: Callable[[], object] = lambda: None,
) -> Tally:
    """Run `detector` over the pictures; `size` is the net's input, by which faces are sorted into `BINS`.

    With `shrink_to_px` each picture with faces is shrunk on a canvas of its own size until its largest face's
    shorter side has that many pixels at the net's input: small faces are few in the data.
    """
    tally = Tally()
    for picture in pictures:
        gray, boxes, points = read_gray(picture.path), picture.boxes, picture.points
        if shrink_to_px is not None:
            if not (~picture.ignored).any():
                progress()
                continue
            gray, boxes, points = shrunk(gray, boxes, points, picture.ignored, size, shrink_to_px)
        began = time.perf_counter()
        faces = detector.detect(gray)
        tally.times_s.append(time.perf_counter() - began)
        tally.empty_pictures += picture.empty
        scale = min(size[0] / gray.shape[1], size[1] / gray.shape[0])
        strays = _count(tally, faces, boxes, points, picture.ignored, scale)
        tally.false_boxes += [FalseBox(picture, face) for face in strays]
        progress()
    return tally


def shrunk(
    gray: Image, boxes: Floats, points: Floats, ignored: NDArray[np.bool_], size: tuple[int, int], wanted_px: float
) -> tuple[Image, Floats, Floats]:
    """The picture made smaller in the middle of a grey canvas of its own size; never made larger."""
    height, width = gray.shape
    scale = min(size[0] / width, size[1] / height)
    factor = min(1.0, wanted_px / (boxes[~ignored, 2:].min(1).max() * scale))
    small = np.asarray(cv2.resize(gray, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    left, top = (width - small.shape[1]) // 2, (height - small.shape[0]) // 2
    canvas = np.full_like(gray, 128)
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    moved = boxes * np.float32(factor) + np.array([left, top, 0, 0], np.float32)
    return canvas, moved, points * np.float32(factor) + np.array([left, top], np.float32)


def _count(
    tally: Tally, faces: Sequence[Face], boxes: Floats, points: Floats, ignored: NDArray[np.bool_], scale: float
) -> list[Face]:
    """Match labelled and found faces, the most confident first, each used once; returns the false ones."""
    labels = [Box(*row) for row in boxes.tolist()]
    free = {n for n in range(len(labels)) if not ignored[n]}
    matched: dict[int, Face] = {}
    for face in sorted(faces, key=lambda found: -found.confidence):
        best = max(free, key=lambda n: labels[n].iou(face.box), default=None)
        if best is not None and labels[best].iou(face.box) >= MATCH:
            free.discard(best)
            matched[best] = face
    for n, label in enumerate(labels):
        if not ignored[n]:
            tally.faces.append((min(label.width, label.height) * scale, n in matched))
    for n, face in matched.items():
        if face.landmarks and np.isfinite(points[n]).all() and min(labels[n].width, labels[n].height) * scale >= 20:
            away = np.linalg.norm(np.asarray(face.landmarks) - points[n], axis=1).mean()
            eyes = max(float(np.linalg.norm(points[n][0] - points[n][1])), 1e-6)
            tally.landmark_errors.append(float(away) / eyes)
    hidden = [label for label, hide in zip(labels, ignored, strict=True) if hide]
    right = {id(face) for face in matched.values()}
    return [face for face in faces if id(face) not in right and not any(_covers(box, face.box) for box in hidden)]


def _covers(ignored: Box, found: Box) -> bool:
    width = min(ignored.right, found.right) - max(ignored.left, found.left)
    height = min(ignored.bottom, found.bottom) - max(ignored.top, found.top)
    return width > 0 and height > 0 and width * height >= COVERED * found.area
