"""Reads detector data (a folder with faces.csv and images/) and packs the grey pictures for fast training."""

import csv
import hashlib
import json
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_pi.errors import InputError
from fer_pi.types import Image

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]

POINT_COLUMNS = tuple(
    f"{point}_{axis}" for point in ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left") for axis in "xy"
)
COLUMNS = ("image", "split", "kind", "x", "y", "w", "h", *POINT_COLUMNS)
KINDS = ("face", "ignore", "none")
SPLITS = ("train", "val")
MOST_OUTSIDE = 0.75
"""A box may reach out of its picture (a face cut by the border), but not by more than this part of its area."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPicture:
    """One picture's labels."""

    path: Path
    name: str
    """As in the csv's `image` column."""
    split: str
    group: str
    """The set it came from, for reports and for choosing negatives; empty if the csv does not say."""
    boxes: Floats
    """(n, 4) left, top, width, height in pixels of this picture."""
    points: Floats
    """(n, 5, 2) in the order of `LANDMARK_NAMES`; NaN for all five where unknown."""
    ignored: NDArray[np.bool_]
    """(n,) True for a box that is neither a face nor background."""

    @property
    def empty(self) -> bool:
        """True if the picture is known to hold no face."""
        return len(self.boxes) == 0


def read_labels(folder: Path) -> list[LabelledPicture]:
    """Every picture of `folder`/faces.csv, in the order of the file.

    Raises InputError for a missing csv, column or picture, and for boxes and landmarks that cannot be meant.
    """
    table = folder / "faces.csv"
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise InputError(f"{table}: no column {', '.join(missing)}; needed are {', '.join(COLUMNS)}")
            rows = list(enumerate(reader, start=2))
    except OSError as error:
        raise InputError(
            f"{table}: cannot be read ({error.strerror}); DATA is a folder with faces.csv and images/"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table}: is not a UTF-8 csv file ({error})") from error
    if not rows:
        raise InputError(f"{table}: holds no rows")
    pictures = [_picture(folder, table, name, block) for name, block in _by_picture(table, rows).items()]
    log.info("%s: %d pictures, %d boxes", table, len(pictures), sum(len(p.boxes) for p in pictures))
    return pictures


def _by_picture(table: Path, rows: list[tuple[int, dict[str, str]]]) -> dict[str, list[tuple[int, dict[str, str]]]]:
    """Rows in blocks of one picture; a picture whose rows stand apart is named twice."""
    blocks: dict[str, list[tuple[int, dict[str, str]]]] = {}
    last = None
    for line, row in rows:
        name = row["image"] or ""
        if not name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(f"{table}:{line}: image {name!r} must be a path inside images/")
        if name in blocks and name != last:
            raise InputError(f"{table}:{line}: {name} is named twice; put all its rows one below the other")
        blocks.setdefault(name, []).append((line, row))
        last = name
    return blocks


def _picture(folder: Path, table: Path, name: str, block: list[tuple[int, dict[str, str]]]) -> LabelledPicture:
    path = folder / "images" / name
    if not path.is_file():
        raise InputError(f"{table}:{block[0][0]}: picture {path} is missing")
    boxes, points, ignored = [], [], []
    for line, row in block:
        where = f"{table}:{line}: {name}"
        if row["kind"] not in KINDS:
            raise InputError(f"{where}: kind {row['kind']!r} is not one of {', '.join(KINDS)}")
        if row["split"] not in SPLITS:
            raise InputError(f"{where}: split {row['split']!r} is not one of {', '.join(SPLITS)}")
        if row["split"] != block[0][1]["split"]:
            raise InputError(f"{where}: the picture stands in two splits")
        if row["kind"] == "none":
            if len(block) > 1:
                raise InputError(f"{where}: kind none beside other rows of the same picture (named twice?)")
            continue
        boxes.append(_box(where, row))
        points.append(_points(where, row))
        ignored.append(row["kind"] == "ignore")
    first = block[0][1]
    return LabelledPicture(
        path,
        name,
        first["split"],
        first.get("set") or "",
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(points, np.float32).reshape(-1, 5, 2),
        np.array(ignored, bool),
    )


def _number(where: str, row: dict[str, str], column: str) -> float:
    try:
        return float(row[column])
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {column} {row[column]!r} is not a number") from error


def _box(where: str, row: dict[str, str]) -> tuple[float, float, float, float]:
    x, y, w, h = (_number(where, row, column) for column in "xywh")
    if not all(map(math.isfinite, (x, y, w, h))):
        raise InputError(f"{where}: box {x} {y} {w} {h} is not finite")
    if w <= 0 or h <= 0:
        raise InputError(f"{where}: box {w:g} x {h:g} has no area")
    if row.get("image_width") and row.get("image_height"):
        width, height = _number(where, row, "image_width"), _number(where, row, "image_height")
        inside = max(0.0, min(x + w, width) - max(x, 0.0)) * max(0.0, min(y + h, height) - max(y, 0.0))
        if inside < (1 - MOST_OUTSIDE) * w * h:
            raise InputError(f"{where}: box {x:g} {y:g} {w:g} {h:g} lies outside of the {width:g} x {height:g} picture")
    return x, y, w, h


def _points(where: str, row: dict[str, str]) -> list[float]:
    """Ten coordinates, all given or all left empty (NaN)."""
    given = [column for column in POINT_COLUMNS if row[column]]
    if not given:
        return [math.nan] * 10
    values = [_number(where, row, column) for column in POINT_COLUMNS] if len(given) == 10 else [math.nan]
    if not all(map(math.isfinite, values)):
        raise InputError(f"{where}: landmarks must be ten finite numbers, or all ten empty")
    return values


def read_gray(path: Path) -> Image:
    """The picture at `path` as (H, W) uint8. Raises InputError if it cannot be decoded."""
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise InputError(f"{path}: cannot be decoded as a picture")
    return np.asarray(image, np.uint8)


class PackedPictures:
    """All pictures of a data set as one memory-mapped file, so that loading does not dominate training."""

    def __init__(self, pictures: Sequence[LabelledPicture], cache: Path) -> None:
        """Pack into the folder `cache`, or open what an earlier run packed there from the same pictures."""
        digest = hashlib.sha256()
        for picture in pictures:
            digest.update(f"{picture.path.resolve()}|{picture.path.stat().st_size}\n".encode())
        key = digest.hexdigest()[:16]
        index, pixels = cache / f"pictures-{key}.json", cache / f"pictures-{key}.bin"
        if not index.is_file():
            _pack(pictures, index, pixels)
        self._where: list[list[int]] = json.loads(index.read_text())
        self._pixels = np.memmap(pixels, np.uint8, "r")

    def __len__(self) -> int:
        return len(self._where)

    def __getitem__(self, number: int) -> Image:
        """Picture `number`, (H, W) uint8, read only."""
        start, height, width = self._where[number]
        return self._pixels[start : start + height * width].reshape(height, width)


def _pack(pictures: Sequence[LabelledPicture], index: Path, pixels: Path) -> None:
    log.info("packing %d pictures into %s", len(pictures), pixels)
    index.parent.mkdir(parents=True, exist_ok=True)
    where = []
    start = 0
    partial = pixels.with_name(pixels.name + ".part")
    with partial.open("wb") as file:
        for picture in pictures:
            image = read_gray(picture.path)
            file.write(image.tobytes())
            where.append([start, *image.shape])
            start += image.size
    partial.replace(pixels)
    index.write_text(json.dumps(where))  # last: its presence says that the pixels are complete
