"""Made-up pictures with drawn faces and their boxes: for trying out the detector's training."""

import csv
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fer_pi.training.detector.labels.faces_csv import COLUMNS
from fer_pi.types import Image


def drawn_face(side: int, rng: np.random.Generator) -> tuple[Image, list[float], list[float]]:
    """A grey scene of our own making with one drawn face: the picture, its box and its ten landmark numbers."""
    image = np.full((side, side), int(rng.integers(20, 90)), np.uint8)
    w = float(rng.uniform(0.3, 0.5) * side)
    h = 1.3 * w
    x, y = float(rng.uniform(0, side - w)), float(rng.uniform(0, side - h))
    cv2.ellipse(image, (round(x + w / 2), round(y + h / 2)), (round(w / 2), round(h / 2)), 0, 0, 360, [200], -1)
    points = [(x + a * w, y + b * h) for a, b in ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.78), (0.65, 0.78))]
    for px, py in points:
        cv2.circle(image, (round(px), round(py)), max(1, round(0.06 * w)), [30], -1)
    return image, [x, y, w, h], [value for point in points for value in point]


def row_of(
    name: str, kind: str = "face", split: str = "train", box: Any = ("", "", "", ""), points: Any = ("",) * 10
) -> list[Any]:
    """A line of faces.csv: the picture, its split, the kind of box, box and landmarks."""
    return [name, split, kind, *box, *points]


def write_data(folder: Path, rows: list[list[Any]], columns: tuple[str, ...] = COLUMNS) -> Path:
    """The folder, with these lines as its faces.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "faces.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return folder


def write_drawn_faces(folder: Path) -> Path:
    """Twelve drawn faces and four empty scenes, a quarter of them for judging."""
    rng = np.random.default_rng(3)
    (folder / "images").mkdir(parents=True)
    rows = []
    for n in range(16):
        split = "val" if n % 4 == 3 else "train"
        image, box, points = drawn_face(96, rng)
        if n >= 12:
            image = rng.integers(0, 256, (96, 96)).astype(np.uint8)
        cv2.imwrite(str(folder / "images" / f"{n}.png"), image)
        rows.append(row_of(f"{n}.png", "none", split) if n >= 12 else row_of(f"{n}.png", "face", split, box, points))
    return write_data(folder, rows)
