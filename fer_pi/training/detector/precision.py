"""Average precision of a detector by the COCO method, computed by pycocotools."""

import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from fer_pi.training.detector.data import LabelledPicture, read_gray
from fer_pi.types import Detector, Face

LEAST = 0.02
"""Confidence from which boxes are ranked: the curve must reach far beyond any threshold in use."""
MOST_FACES = 100
"""Boxes of one picture that count, the most confident first, as in COCO."""
AREAS = (("all", 0.0, 1e5), ("to 12 px", 0.0, 12.0), ("12 to 20 px", 12.0, 20.0), ("20 to 48 px", 20.0, 48.0),
         ("48 to 96 px", 48.0, 96.0), ("96 px and more", 96.0, 1e5))  # fmt: skip
"""Sizes in pixels of the net's input: the root of the box's area. COCO's own (32 and 96 px) are for larger pictures."""


def average_precision(
    detector: Detector,
    pictures: Sequence[LabelledPicture],
    size: tuple[int, int],
    progress: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """AP, AP50, AP75 and AR100 of the detector; AP by size; precision against recall at IoU 0.5.

    `size` is the net's input. The detector should report boxes from `LEAST` on. Ignored boxes are COCO's crowds.
    """
    labels: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for number, picture in enumerate(pictures, start=1):
        gray = read_gray(picture.path)
        scale = min(size[0] / gray.shape[1], size[1] / gray.shape[0])
        for box, ignored in zip(picture.boxes.tolist(), picture.ignored.tolist(), strict=True):
            labels.append(_entry(number, len(labels) + 1, [scale * value for value in box], iscrowd=int(ignored)))
        for face in detector.detect(gray):
            found.append(_entry(number, len(found) + 1, _scaled(face, scale), score=face.confidence, iscrowd=0))
        progress()
    return _figures(_judged(len(pictures), labels, found))


def _scaled(face: Face, scale: float) -> list[float]:
    return [scale * value for value in (face.box.left, face.box.top, face.box.width, face.box.height)]


def _entry(picture: int, number: int, box: list[float], **more: float) -> dict[str, Any]:
    return {"id": number, "image_id": picture, "category_id": 1, "bbox": box, "area": box[2] * box[3], **more}


def _judged(pictures: int, labels: list[dict[str, Any]], found: list[dict[str, Any]]) -> dict[str, Any]:
    """What COCOeval makes of it: precision (10 IoUs, 101 recalls, 1, sizes, 1), recall, scores; -1 where no face is."""
    sets = []
    with redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        for entries in (labels, found):
            one = COCO()
            images = [{"id": number} for number in range(1, pictures + 1)]
            one.dataset = {"images": images, "categories": [{"id": 1, "name": "face"}], "annotations": entries}
            one.createIndex()
            sets.append(one)
        judge = COCOeval(*sets, "bbox")
        judge.params.maxDets = [MOST_FACES]
        judge.params.areaRng = [[low**2, high**2] for _, low, high in AREAS]
        judge.params.areaRngLbl = [name for name, *_ in AREAS]
        judge.evaluate()
        judge.accumulate()
    judged: dict[str, Any] = judge.eval
    return judged


def _figures(judged: dict[str, Any]) -> dict[str, Any]:
    precision, recall = judged["precision"][:, :, 0, :, 0], judged["recall"][:, 0, :, 0]

    def mean(values: Any) -> float | None:
        return None if (values < 0).any() else float(np.mean(values))

    known = precision[0, :, 0] >= 0
    return {
        "ap": mean(precision[:, :, 0]),
        "ap50": mean(precision[0, :, 0]),
        "ap75": mean(precision[5, :, 0]),
        "ar100": mean(recall[:, 0]),
        "ap_by_size": {name: mean(precision[:, :, n]) for n, (name, *_) in enumerate(AREAS) if n},
        "curve": {
            "recall": [round(float(value), 2) for value in np.linspace(0, 1, 101)[known]],
            "precision": [round(float(value), 5) for value in precision[0, known, 0]],
        },
    }
