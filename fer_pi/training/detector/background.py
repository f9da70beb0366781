"""Pictures that show no face, for the detector to learn what is none; and a way to cut them out of larger ones.

    python -m fer_pi.training.detector.background YUNET.onnx OUT PICTURES...

PICTURES are folders of photographs, textures and cut-out objects (with transparency); another detector, YuNet say,
leaves out what it takes for a face. OUT is a folder for `fer-pi train detector DATA --background OUT`.
"""

from collections import deque
from collections.abc import Iterator, MutableSequence, Sequence
from pathlib import Path

import click
import cv2
import numpy as np

from fer_pi.errors import FerPiError
from fer_pi.training.detector.data import LabelledPicture
from fer_pi.training.picture_files import picture_files
from fer_pi.types import Detector, Image
from fer_pi.vision.detector import open_detector
from fer_pi.vision.detector_input import DetectorOptions

SURE = 0.5
"""A piece in which the judge is so confident of a face is left out."""
JUDGED_PX = 640
"""The longer side of a piece as the judge sees it: small faces too are faces."""
WHOLE_PX, PIECE_PX, SMALLEST_PX, LEAST_PX = 384, 320, 200, 100
"""Longer side of a picture taken whole, side of a piece, of the smallest piece before scaling, and of what is too
small to be taken."""
PIECES = 9
"""Pieces of a picture larger than `SMALLEST_PX`, beside the whole."""
PLAIN = 12.0
"""Standard deviation in grey levels under which a piece teaches nothing."""
GROUNDS = 500
"""How many pieces are kept as grounds to choose from."""
OBJECT_PX = (40.0, 280.0)
"""Longer side of a cut-out object on its ground."""


def pictures_of_nobody(folder: Path) -> list[LabelledPicture]:
    """The pictures anywhere below `folder`, as labelled ones of split train without a face.

    The folder's name is that of the set; those in one folder below it are of one kin. Raises InputError if there
    are none.
    """
    none = np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, np.bool_)
    return [
        LabelledPicture(file, str(file.relative_to(folder)), "train", folder.name, *none, kin=_kin(file.parent, folder))
        for file in picture_files(folder)
    ]


def _kin(parent: Path, folder: Path) -> str:
    return "" if parent == folder else f"{folder.name}:{parent.relative_to(folder)}"


def pieces(
    files: Sequence[Path], grounds: MutableSequence[Image], rng: np.random.Generator
) -> Iterator[tuple[Path, Image]]:
    """Each file with the pieces made of it, (H, W) uint8: the whole and parts of it, or an object on some ground.

    The pieces join the `grounds`, photographs first, so that there is one for each object.
    """
    for file in sorted(files, key=lambda file: file.suffix.lower() == ".png"):
        read = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        if read is None or read.dtype != np.uint8 or min(read.shape[:2]) < LEAST_PX:
            continue
        picture = np.asarray(read, np.uint8)
        if picture.ndim == 3 and picture.shape[2] == 4 and picture[..., 3].min() < 255:
            yield file, _placed(picture, grounds[rng.integers(len(grounds))], rng)
            continue
        gray = picture if picture.ndim == 2 else cv2.cvtColor(picture[..., :3], cv2.COLOR_BGR2GRAY)
        for piece in _cut(np.asarray(gray, np.uint8), rng):
            if piece.std() >= PLAIN:
                grounds.append(piece)
                yield file, piece


def _cut(gray: Image, rng: np.random.Generator) -> Iterator[Image]:
    height, width = gray.shape
    yield _scaled(gray, min(WHOLE_PX / max(height, width), 1.5))
    smaller = min(height, width)
    for _ in range(PIECES if smaller > SMALLEST_PX else 0):
        side = int(np.exp(rng.uniform(np.log(SMALLEST_PX), np.log(smaller))))
        left, top = rng.integers(width - side + 1), rng.integers(height - side + 1)
        yield _scaled(gray[top : top + side, left : left + side], PIECE_PX / side)


def _placed(cut_out: Image, ground: Image, rng: np.random.Generator) -> Image:
    """One to three of the object, (h, w, 4), on the ground."""
    scene = np.asarray(cv2.resize(ground, (PIECE_PX, PIECE_PX)), np.float32)
    for _ in range(rng.integers(1, 4)):
        small = _scaled(cut_out, rng.uniform(*OBJECT_PX) / max(cut_out.shape[:2]))
        height, width = small.shape[:2]
        top, left = rng.integers(PIECE_PX - height + 1), rng.integers(PIECE_PX - width + 1)
        below = scene[top : top + height, left : left + width]
        opaque = small[..., 3] / np.float32(255)
        below += opaque * (np.asarray(cv2.cvtColor(small[..., :3], cv2.COLOR_BGR2GRAY), np.float32) - below)
    return np.asarray(scene.round().astype(np.uint8))


def _scaled(image: Image, factor: float) -> Image:
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=way), np.uint8)


def write_background(judge: Detector, folders: Sequence[Path], out: Path, seed: int = 0) -> tuple[int, int]:
    """Write the pieces without a face into `out`, those of one picture into one folder; counts them and the others.

    Raises InputError for a folder without pictures.
    """
    written, faces = 0, 0
    grounds = deque([np.full((PIECE_PX, PIECE_PX), 128, np.uint8)], maxlen=GROUNDS)
    rng = np.random.default_rng(seed)
    for folder in folders:
        for number, (file, piece) in enumerate(pieces(picture_files(folder), grounds, rng)):
            if judge.detect(_scaled(piece, JUDGED_PX / max(piece.shape))):
                faces += 1
                continue
            place = out / folder.name / file.relative_to(folder).with_suffix("")
            place.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(place / f"{number:06d}.jpg"), piece, [cv2.IMWRITE_JPEG_QUALITY, 88])
            written += 1
    return written, faces


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.argument("folders", metavar="PICTURES...", type=click.Path(path_type=Path), nargs=-1, required=True)
def main(model: Path, out: Path, folders: tuple[Path, ...]) -> None:
    """Cut the pictures below PICTURES into pieces; write those to OUT in which the detector MODEL sees no face."""
    try:
        judge = open_detector(DetectorOptions(model=model, size=f"{JUDGED_PX}x{JUDGED_PX}", threshold=SURE))
        written, faces = write_background(judge, folders, out)
    except FerPiError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{written} pieces written to {out}; {faces} left out, for they may show a face. Look through them.")


if __name__ == "__main__":
    main()
