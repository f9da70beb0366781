"""Picture files -> frames: one, or a folder of them in their natural order."""

import logging
import re
from collections.abc import Set
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fer_pi.errors import InputError
from fer_pi.paths import is_file
from fer_pi.sources.quiet import quiet_opencv
from fer_pi.types import Frame, Image

log = logging.getLogger(__name__)

PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".tif", ".tiff", ".pgm", ".ppm", ".pbm", ".pnm", ".jp2", ".avif"}
)
"""File names that end so are pictures, whatever is in them."""

_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


def is_picture(path: Path) -> bool:
    """Whether the file at `path` is a picture, by its name or else by its first bytes; a GIF is a video."""
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return True
    if not is_file(path):
        return False
    try:
        with path.open("rb") as file:
            is_gif = file.read(4) == b"GIF8"
    except OSError:
        return False
    return not is_gif and cv2.haveImageReader(str(path))


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in `folder` itself, in natural order: 2.jpg before 10.jpg. Raises InputError if there are none."""
    return files_in(folder, PICTURE_SUFFIXES, "pictures (such as .jpg or .png)")


def files_in(folder: Path, suffixes: Set[str], what: str) -> list[Path]:
    """The files in `folder` itself whose names end so, in natural order. Raises InputError if there are none."""
    try:
        found = [path for path in folder.iterdir() if path.suffix.lower() in suffixes and path.name[0] != "."]
    except OSError as error:
        raise InputError(f"{folder}: cannot be read as a folder: {error.strerror}") from error
    if not found:
        raise InputError(f"{folder}: holds no {what}; name a folder that does, or a file")
    return sorted(found, key=lambda path: _natural(path.name))


def read_picture(path: Path) -> Frame:
    """The picture at `path`, upright as its EXIF data says, 8 bits; its colour is decoded when it is asked for.

    A JPEG that ends too early is used as far as it goes, with a warning. Raises InputError for what cannot be decoded.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; check its name and permissions") from error
    if not data:
        raise InputError(f"{path}: the file is empty; copy it anew")
    gray = _decoded(path, data, cv2.IMREAD_GRAYSCALE)
    if gray is None and data.startswith(_JPEG_START) and not data.rstrip(b"\0").endswith(_JPEG_END):
        data += _JPEG_END
        gray = _decoded(path, data, cv2.IMREAD_GRAYSCALE)
        if gray is not None:
            log.warning("%s: the picture is truncated; what is missing is grey", path)
    if gray is None:
        raise InputError(f"{path}: cannot be decoded: truncated, damaged, or not a picture that OpenCV knows")
    kept = gray

    def color() -> Image:
        bgr = _decoded(path, data, cv2.IMREAD_COLOR)
        return np.repeat(kept[:, :, None], 3, axis=2) if bgr is None else bgr

    return Frame(gray, 0, 0.0, 0.0, str(path), color)


def _decoded(path: Path, data: bytes, mode: int) -> Image | None:
    try:
        with quiet_opencv:
            image: Any = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error as error:
        raise InputError(f"{path}: is larger than OpenCV decodes (2^30 pixels), or damaged; make it smaller") from error
    return None if image is None else np.asarray(image, np.uint8)


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name.casefold())]
