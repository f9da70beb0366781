"""A labelled picture as training and evaluation know it, and many of them packed for fast training."""

import hashlib
import json
import logging
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


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPicture:
    """One picture's labels."""

    path: Path
    name: str
    """As in the labels; a path within the data."""
    split: str
    """train, val or test; empty if the labels do not say."""
    group: str
    """The set it came from, for reports and for choosing negatives; empty if the labels do not say."""
    boxes: Floats
    """(n, 4) left, top, width, height in pixels of this picture."""
    points: Floats
    """(n, 5, 2) in the order of `LANDMARK_NAMES`; NaN for all five where unknown."""
    ignored: NDArray[np.bool_]
    """(n,) True for a box that is neither a face nor background."""
    kin: str = ""
    """Pictures of one kin resemble each other (frames of a film, say); empty if the labels do not say."""

    @property
    def empty(self) -> bool:
        """True if the picture is known to hold no face."""
        return len(self.boxes) == 0


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
