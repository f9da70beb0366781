"""Cuts pictures that show no face out of larger ones, for the detector to learn what is none.

    python -m fer_pi.training.detector.background YUNET.onnx OUT PICTURES...

PICTURES are folders of photographs, textures and cut-out objects (with transparency); another detector, YuNet say,
leaves out what it takes for a face. OUT is a folder for `fer-pi train detector DATA --background OUT`.
"""

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from fer_pi.errors import FerPiError, InputError
from fer_pi.training.picture_files import picture_files
from fer_pi.types import Detector, Image
from fer_pi.vision.detector import open_detector
from fer_pi.vision.detector_input import DetectorOptions

log = logging.getLogger(__name__)

SUSPECT = 0.25
"""A piece in which the judge is so confident of a face is left out."""
JUDGED_PX = 640
"""The longer side of a piece as the judge sees it: small faces too are faces."""
LEAST_PX = 100
"""Pictures whose shorter side is smaller are not taken."""
WHOLE_PX = 384
"""Longer side of a picture that is taken as a whole, which is at most enlarged by half."""
SMALLEST_PX, PIECE_PX, PIECES = 200, 320, 9
"""Pictures whose shorter side is larger than the first are also cut into so many squares, from that side to the whole
of the shorter one, each scaled to the second."""
PLAIN = 12.0
"""Standard deviation in grey levels under which a piece teaches nothing."""
OBJECT_PX = (40.0, 280.0)
"""Longer side of a cut-out object on its ground."""
GROUNDS = 500
"""How many pieces are kept as grounds to choose from."""


def write_background(judge: Detector, folders: Sequence[Path], out: Path, seed: int = 0) -> tuple[int, int]:
    """Write the pieces without a face into `out`, those of one picture into one folder; counts them and the others.

    Cut-out objects come last, each on a piece of the other pictures. Raises InputError for a folder without pictures,
    for two of one name, and for an `out` that holds something already or lies in one of them.
    """
    folders = [folder.resolve() for folder in folders]
    _check(folders, out)
    files = [(folder, file) for folder in folders for file in picture_files(folder)]
    rng = np.random.default_rng(seed)
    grounds = deque([np.full((PIECE_PX, PIECE_PX), 128, np.uint8)], maxlen=GROUNDS)
    written, faces, objects = 0, 0, []

    def kept(folder: Path, file: Path, piece: Image) -> bool:
        nonlocal written, faces
        if judge.detect(_scaled(piece, JUDGED_PX / max(piece.shape))):
            faces += 1
            return False
        _write(out / folder.name / file.relative_to(folder), written, piece)
        written += 1
        return True

    for folder, file in files:
        gray = _read(file)
        if gray is None:
            log.warning("%s: too small, or cannot be read; left out", file)
        elif _has_holes(file):
            objects.append((folder, file))
        else:
            grounds += (piece for piece in cut(gray, rng) if kept(folder, file, piece))
    for folder, file in objects:
        cut_out = np.asarray(cv2.imread(str(file), cv2.IMREAD_UNCHANGED), np.uint8)
        kept(folder, file, placed(cut_out, grounds[rng.integers(len(grounds))], rng))
    return written, faces


def _check(folders: Sequence[Path], out: Path) -> None:
    names = [folder.name for folder in folders]
    if double := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"two folders are called {double}: their pieces would mix; rename one")
    if inside := next((folder for folder in folders if out.resolve().is_relative_to(folder)), None):
        raise InputError(f"{out}: lies in {inside}, whose pictures are cut; name a folder elsewhere")
    if out.is_dir() and any(out.iterdir()):
        raise InputError(f"{out}: holds something already; name a new folder")


def _read(file: Path) -> Image | None:
    """The picture in grey, upright, or None."""
    try:
        gray = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
    except cv2.error:  # more pixels than OpenCV takes
        return None
    return None if gray is None or min(gray.shape) < LEAST_PX else np.asarray(gray, np.uint8)


def _has_holes(file: Path) -> bool:
    """Whether something in the picture is transparent."""
    picture = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 4:
        return False
    return bool(picture[..., 3].min() < 255)


def cut(gray: Image, rng: np.random.Generator) -> Iterator[Image]:
    """The picture and pieces of it, (h, w) uint8, but for plain ones."""
    height, width = gray.shape
    found = [_scaled(gray, min(WHOLE_PX / max(height, width), 1.5))]
    shorter = min(height, width)
    for _ in range(PIECES if shorter > SMALLEST_PX else 0):
        side = int(np.exp(rng.uniform(np.log(SMALLEST_PX), np.log(shorter))))
        left, top = rng.integers(width - side + 1), rng.integers(height - side + 1)
        found.append(_scaled(gray[top : top + side, left : left + side], PIECE_PX / side))
    yield from (piece for piece in found if piece.std() >= PLAIN)


def placed(cut_out: Image, ground: Image, rng: np.random.Generator) -> Image:
    """(320, 320) uint8: one to three of the object, (h, w, 4) blue, green, red and opacity, on the ground."""
    scene = np.asarray(cv2.resize(ground, (PIECE_PX, PIECE_PX)), np.float32)
    opaque = cut_out[..., 3] / np.float32(255)
    # Scaled together, so that no colour comes out of the holes.
    thing = np.dstack([cv2.cvtColor(cut_out[..., :3], cv2.COLOR_BGR2GRAY) * opaque, opaque])
    for _ in range(rng.integers(1, 4)):
        small = cv2.resize(
            thing, _size(thing, rng.uniform(*OBJECT_PX) / max(thing.shape)), interpolation=cv2.INTER_AREA
        )
        height, width = small.shape[:2]
        top, left = rng.integers(PIECE_PX - height + 1), rng.integers(PIECE_PX - width + 1)
        below = scene[top : top + height, left : left + width]
        below += small[..., 0] - small[..., 1] * below
    return np.asarray(scene.round().astype(np.uint8))


def _scaled(image: Image, factor: float) -> Image:
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, _size(image, factor), interpolation=way), np.uint8)


def _size(image: NDArray[Any], factor: float) -> tuple[int, int]:
    """Width and height of the scaled image, at least a pixel each."""
    height, width = image.shape[:2]
    return max(1, round(factor * width)), max(1, round(factor * height))


def _write(place: Path, number: int, piece: Image) -> None:
    place.mkdir(parents=True, exist_ok=True)
    target = place / f"{number:06d}.jpg"
    if not cv2.imwrite(str(target), piece, [cv2.IMWRITE_JPEG_QUALITY, 88]):
        raise InputError(f"{target}: cannot be written; is the disk full?")


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.argument("folders", metavar="PICTURES...", type=click.Path(path_type=Path), nargs=-1, required=True)
def main(model: Path, out: Path, folders: tuple[Path, ...]) -> None:
    """Cut the pictures below PICTURES into pieces; write those to OUT in which the detector MODEL sees no face."""
    try:
        judge = open_detector(DetectorOptions(model=model, size=f"{JUDGED_PX}x{JUDGED_PX}", threshold=SUSPECT))
        written, faces = write_background(judge, folders, out)
    except FerPiError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{written} pieces written to {out}; {faces} left out, for they may show a face. Look through them.")


if __name__ == "__main__":
    main()
