"""Reads YOLO labels: a text file for each picture, one line a box, numbers as parts of the picture's width and height.

    class x y w h                           x, y: the middle of the box
    class x y w h x1 y1 .. x5 y5            with landmarks, the eye on the left of the picture first
    class x y w h x1 y1 v1 .. x5 y5 v5      likewise; v 0: not known

The text files stand beside the pictures, or in `labels` where the path of the pictures says `images`. A picture without
a text file, or with an empty one, holds no face.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from fer_pi.errors import InputError
from fer_pi.training.detector.data import LabelledPicture
from fer_pi.training.detector.labels.checks import (
    NO_POINTS,
    Numbers,
    checked_box,
    checked_points,
    face_classes,
    labelled,
    picture_size,
    pictures_below,
    split_of,
)

COUNTS = {5: 0, 15: 2, 20: 3}
"""Numbers in a line, and how many of them tell a landmark."""
NAMES = ("data.yaml", "dataset.yaml", "data.yml", "classes.txt", "obj.names")
"""Files that may hold the names of the classes; as labels they are passed over."""
NOT_LABELS = {"classes.txt", "train.txt", "val.txt", "valid.txt", "test.txt", "readme.txt"}


def label_files(folder: Path) -> list[Path]:
    """The text files below `folder` that YOLO labels could stand in."""
    return sorted(
        path
        for path in folder.rglob("*.txt")
        if path.name.lower() not in NOT_LABELS and not path.name.lower().startswith(("readme", "license"))
    )


def read(folder: Path, wanted: Sequence[str] = ()) -> list[LabelledPicture]:
    """Every picture below `folder`; `wanted` names the classes that are faces.

    Raises InputError for a text file without its picture, two pictures of one, and lines that cannot be meant.
    """
    by_label: dict[Path, Path] = {}
    for path in pictures_below(folder):
        label = _label_of(path, folder)
        if label in by_label:
            raise InputError(f"{path} and {by_label[label]} share the labels {label}: a picture named twice")
        by_label[label] = path
    for label in label_files(folder):
        if label not in by_label:
            raise InputError(f"{label}: its picture is missing, or not beside it nor in images/")
    lines = {label: _lines(label) for label in by_label if label.is_file()}
    faces = _faces(folder, {line[1][0] for found in lines.values() for line in found}, wanted)
    return [
        _picture(path, folder, label, [one for one in lines.get(label, ()) if one[1][0] in faces])
        for label, path in by_label.items()
    ]


def _label_of(path: Path, folder: Path) -> Path:
    parts = list(path.relative_to(folder).parts[:-1])
    for place in range(len(parts) - 1, -1, -1):  # the innermost, as the trainers do
        if parts[place] == "images":
            parts[place] = "labels"
            break
    return folder.joinpath(*parts, f"{path.stem}.txt")


def _lines(label: Path) -> list[tuple[str, list[str]]]:
    """Where and what each line is, in words."""
    try:
        text = label.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{label}: cannot be read as text ({error})") from error
    return [(f"{label}:{n}", line.split()) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _faces(folder: Path, used: set[str], wanted: Sequence[str]) -> set[str]:
    """The class numbers, as written, that are faces."""
    names = _names(folder)
    if names is None:
        return face_classes(folder, used, wanted)
    meant = face_classes(folder, names.values(), wanted)
    return {number for number in used if names.get(number, number) in meant}


def _names(folder: Path) -> dict[str, str] | None:
    """Class number to name, if a file tells; None if none does."""
    for name in NAMES:
        path = folder / name
        if not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8-sig")
            given: Any = yaml.safe_load(text) if path.suffix != ".txt" and path.suffix != ".names" else None
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(f"{path}: cannot be read ({error})") from error
        found = given.get("names") if isinstance(given, dict) else text.split("\n") if given is None else None
        if isinstance(found, list):
            return {str(n): str(value).strip() for n, value in enumerate(found) if str(value).strip()}
        if isinstance(found, dict):
            return {str(n): str(value) for n, value in found.items()}
    return None


def _picture(path: Path, folder: Path, label: Path, lines: list[tuple[str, list[str]]]) -> LabelledPicture:
    boxes, points = [], []
    width, height = picture_size(path) if lines else (0, 0)
    for where, words in lines:
        if len(words) not in COUNTS:
            raise InputError(f"{where}: {len(words)} numbers; a YOLO line has 5, or 15 or 20 with five landmarks")
        try:
            x, y, w, h, *rest = (float(word) for word in words[1:])
        except ValueError as error:
            raise InputError(f"{where}: {error}") from error
        box = ((x - w / 2) * width, (y - h / 2) * height, w * width, h * height)
        if max(abs(value) for value in (x, y, w, h)) > 2:
            raise InputError(f"{where}: {x:g} {y:g} {w:g} {h:g} are no parts of a picture; YOLO has 0 to 1, not pixels")
        boxes.append(checked_box(where, box, (width, height)))
        points.append(_points(where, rest, COUNTS[len(words)], width, height))
    name = path.relative_to(folder)
    return labelled(path, str(name), split_of(name.parts[:-1]), "", boxes, points, [False] * len(boxes))


def _points(where: str, rest: list[float], step: int, width: int, height: int) -> Numbers:
    """Five landmarks in pixels; unknown ones are written as negative numbers or with v = 0."""
    if not rest:
        return NO_POINTS
    across, down = rest[0::step], rest[1::step]
    if (min(across) < 0 and min(down) < 0) or (step == 3 and 0 in rest[2::step]):
        return NO_POINTS
    return checked_points(where, [v for x, y in zip(across, down, strict=True) for v in (x * width, y * height)])
