"""Brings all figures about several detectors together, for one table, one HTML page and report.json."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fer_pi.errors import InputError
from fer_pi.shipped import shipped
from fer_pi.training.detector.data import LabelledPicture, read_gray
from fer_pi.training.detector.evaluate import MATCH, SHRUNK_PX, FalseBox, Tally, evaluate
from fer_pi.training.detector.precision import LEAST, average_precision
from fer_pi.types import Detector, Image
from fer_pi.vision.detector import open_detector
from fer_pi.vision.detector_input import DetectorOptions, parse_size

TITLES = {"FaceDetector": "fer_pi", "Res10": "Res10 SSD", "Haar": "Haar cascade"}
SIZES_PX = (0.0, 12.0, 16.0, 20.0, 28.0, 40.0, 64.0, 96.0, 140.0)
"""Edges of the sizes by which recall is told: shorter side of the box, pixels of the net's input."""
MOST_FACES = 300
SHEET = 24
"""False boxes of each model that the page shows."""
SHEET_PX = 112
CONTEXT = 2.0
"""Side of a picture on the sheet, in longer sides of the box."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of one model."""

    figures: dict[str, Any]
    false_boxes: list[FalseBox]
    """The most confident first."""


def judged(
    model: Path | None,
    pictures: Sequence[LabelledPicture],
    size: str,
    threshold: float | None = None,
    progress: Callable[[], object] = lambda: None,
) -> Judged:
    """The figures of one model (None: the shipped one) on the pictures, and its false boxes.

    Looks at each picture three times, and calls `progress` as often: as it is, with its faces shrunk, and as it is
    for the boxes below the threshold too. Raises InputError if there is no picture.
    """
    if not pictures:
        raise InputError("no picture of this split in the data; nothing to measure")
    options = DetectorOptions(model=model, size=size, threshold=threshold)
    detector, pixels = open_detector(options), parse_size(size)
    tally = evaluate(detector, pictures, pixels, progress=progress)
    small = evaluate(detector, pictures, pixels, shrink_to_px=SHRUNK_PX, progress=progress).report()
    lower = {"threshold": min(LEAST, threshold or 1.0), "max_faces": MOST_FACES}
    ranked = average_precision(open_detector(options.model_copy(update=lower)), pictures, pixels, progress)
    found = sum(seen for _, seen in tally.faces)
    figures = {
        **_described(detector, model),
        **tally.report(),
        "recall_shrunk": small["recall"]["12-20"],
        "recall_all": found / len(tally.faces) if tally.faces else None,
        "precision": found / (found + len(tally.false_boxes)) if found or tally.false_boxes else None,
        "false_boxes": len(tally.false_boxes),
        "recall_by_size": _by_size(tally),
        **ranked,
    }
    return Judged(figures, sorted(tally.false_boxes, key=lambda box: -box.face.confidence))


def full_figures(models: Sequence[Judged], data: str, split: str, size: str) -> dict[str, Any]:
    """All of report.json as plain values."""
    titles = _told_apart([one.figures for one in models])
    return {
        "created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "data": {"name": data, "split": split},
        "size": size,
        "match_iou": MATCH,
        "shrunk_px": SHRUNK_PX,
        "models": [{**one.figures, "title": title} for one, title in zip(models, titles, strict=True)],
    }


def write_page(folder: Path, figures: dict[str, Any], models: Sequence[Judged]) -> Path:
    """Write report.html and report.json; the pictures are those of the data, nowhere else. The page's path."""
    from fer_pi.training.detector import plots
    from fer_pi.training.page import picture, write_report

    sheets = [
        {
            "title": one["title"],
            "count": len(model.false_boxes),
            "boxes": [
                {
                    "picture": picture(cut_out(box)),
                    "name": box.picture.name,
                    "confidence": box.face.confidence,
                    "empty": box.picture.empty,
                }
                for box in model.false_boxes[:SHEET]
            ],
        }
        for one, model in zip(figures["models"], models, strict=True)
    ]
    drawn = {"curve": plots.curve(figures["models"]), "sizes": plots.sizes(figures["models"])}
    return write_report(folder, "detector.html", figures, plots=drawn, sheets=sheets)


def cut_out(box: FalseBox) -> Image:
    """(SHEET_PX, SHEET_PX) grey: the box, drawn white, amid its surroundings, their edge repeated."""
    gray, found = read_gray(box.picture.path), box.face.box
    factor = SHEET_PX / (CONTEXT * max(found.width, found.height, 1.0))
    x, y = found.center
    matrix = np.array([[factor, 0, SHEET_PX / 2 - factor * x], [0, factor, SHEET_PX / 2 - factor * y]])
    if factor < 1:  # averaged down first, or it would alias
        gray = np.asarray(cv2.blur(gray, (round(1 / factor),) * 2), np.uint8)
    side = (SHEET_PX, SHEET_PX)
    shown = np.asarray(cv2.warpAffine(gray, matrix, side, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    reach = np.array([found.width, found.height]) * factor / 2
    low, high = np.rint(SHEET_PX / 2 - reach).astype(int).tolist(), np.rint(SHEET_PX / 2 + reach).astype(int).tolist()
    cv2.rectangle(shown, low, high, [0], 3)
    cv2.rectangle(shown, low, high, [255], 1)
    return shown


def _described(detector: Detector, model: Path | None) -> dict[str, Any]:
    """What the model is, without a path of this machine."""
    file = model or shipped("models/detector")
    if file.is_dir():
        file = next(iter(sorted(file.glob("*.onnx"))), file)
    kind = type(detector).__name__
    return {
        "title": TITLES.get(kind, kind),
        "file": file.name,
        "bytes": file.stat().st_size,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }


def _told_apart(models: Sequence[dict[str, Any]]) -> list[str]:
    """A title for each; two of a kind get their number."""
    titles = [str(one["title"]) for one in models]
    return [
        title if titles.count(title) == 1 else f"{title} {titles[: n + 1].count(title)}"
        for n, title in enumerate(titles)
    ]


def _by_size(tally: Tally) -> list[dict[str, Any]]:
    rows = []
    for low, high in zip(SIZES_PX, (*SIZES_PX[1:], np.inf), strict=True):
        recall, count = tally.recall(low, high)
        rows.append({"from_px": low, "to_px": None if high == np.inf else high, "faces": count, "recall": recall})
    return rows
