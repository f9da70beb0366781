"""What every reader of labels asks of a box, of landmarks, of a picture and of names, whatever the format."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from fer_pi.errors import InputError
from fer_pi.training.detector.data import LabelledPicture

Numbers = Sequence[float]

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
SPLIT_NAMES = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""Names of folders and files, as the formats have them, and the split that each means."""
MOST_OUTSIDE = 0.75
"""A box may reach out of its picture (a face cut by the border), but not by more than this part of its area."""
NO_POINTS = (math.nan,) * 10
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)
"""The EXIF tag, and its values with width and height swapped, which OpenCV heeds when it reads the picture."""


def checked_box(where: str, box: Numbers, size: tuple[float, float] | None) -> tuple[float, ...]:
    """Left, top, width, height as they came; `size` is the picture's width and height.

    Raises InputError for a box that is not finite, without area, or outside of its picture.
    """
    x, y, w, h = box
    if not all(map(math.isfinite, box)):
        raise InputError(f"{where}: box {x:g} {y:g} {w:g} {h:g} is not finite")
    if w <= 0 or h <= 0:
        raise InputError(f"{where}: box {w:g} x {h:g} has no area")
    if size is not None:
        width, height = size
        inside = max(0.0, min(x + w, width) - max(x, 0.0)) * max(0.0, min(y + h, height) - max(y, 0.0))
        if inside < (1 - MOST_OUTSIDE) * w * h:
            raise InputError(f"{where}: box {x:g} {y:g} {w:g} {h:g} lies outside of the {width:g} x {height:g} picture")
    return x, y, w, h


def checked_points(where: str, values: Numbers) -> Numbers:
    """Ten coordinates. Raises InputError unless all are finite; unknown landmarks are `NO_POINTS`."""
    if len(values) != 10 or not all(map(math.isfinite, values)):
        raise InputError(f"{where}: landmarks must be ten finite numbers, or all ten empty")
    return values


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height as OpenCV reads the picture. Raises InputError if it is none."""
    try:
        with Pillow.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(ORIENTATION) in TURNED
    except (OSError, UnidentifiedImageError, Pillow.DecompressionBombError) as error:
        raise InputError(f"{path}: cannot be decoded as a picture") from error
    return (height, width) if turned else (width, height)


def same_size(where: str, told: tuple[float, float], path: Path) -> tuple[int, int]:
    """The picture's size. Raises InputError if the labels were made for another."""
    size = picture_size(path)
    if tuple(map(float, told)) != tuple(map(float, size)):
        raise InputError(f"{where}: says {told[0]:g} x {told[1]:g}, but {path} is {size[0]} x {size[1]}; label it anew")
    return size


def labelled(
    path: Path,
    name: str,
    split: str,
    group: str,
    boxes: Sequence[Numbers],
    points: Sequence[Numbers],
    ignored: Sequence[bool],
    kin: str = "",
) -> LabelledPicture:
    """The record of one picture."""
    return LabelledPicture(
        path,
        name,
        split,
        group,
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(points, np.float32).reshape(-1, 5, 2),
        np.array(ignored, bool),
        kin,
    )


def split_of(words: Iterable[str]) -> str:
    """The split that the first telling word means, "train2017" say; empty where none does."""
    splits = (SPLIT_NAMES.get(word.lower().rstrip("0123456789")) for word in words)
    return next(filter(None, splits), "")


def pictures_below(folder: Path) -> list[Path]:
    """Every picture file in `folder` and its folders, in order."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def face_classes(where: Path, names: Iterable[str], wanted: Sequence[str]) -> set[str]:
    """Which of the data's class names mean a face: those `wanted`, else "face", else the only one.

    Raises InputError where that cannot be told; then the user must say.
    """
    known = sorted(set(names))
    if wanted:
        strange = sorted(set(wanted) - set(known))
        if strange and known:
            raise InputError(f"{where}: no class {', '.join(strange)}; there are {', '.join(known)}")
        return set(wanted)
    faces = {name for name in known if is_face(name)}
    if not faces and len(known) > 1:
        raise InputError(f"{where}: classes {', '.join(known)}, and none is 'face'; name those with --face-class")
    return faces or set(known)


def is_face(name: str) -> bool:
    """True for a class that says of itself that it is the face."""
    return name.lower() in ("face", "faces")
