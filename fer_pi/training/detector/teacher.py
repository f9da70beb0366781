"""Makes detector data of tight face crops: another detector, YuNet say, finds the face and its landmarks in each.

    python -m fer_pi.training.detector.teacher YUNET.onnx OUT CROPS...

CROPS are folders of pictures, or .npz files with an array `images` (N, H, W) as FER+ comes; OUT is a folder for
`fer-pi train detector DATA --extra OUT`.
"""

import csv
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import cv2
import numpy as np

from fer_pi.errors import FerPiError, InputError
from fer_pi.training.detector.data import read_gray
from fer_pi.training.detector.labels.faces_csv import COLUMNS
from fer_pi.training.picture_files import picture_files
from fer_pi.types import Box, Detector, Face, Image
from fer_pi.vision.detector import open_detector
from fer_pi.vision.detector_input import DetectorOptions

log = logging.getLogger(__name__)

SURE, UNSURE = 0.6, 0.5
"""From the first confidence on a face teaches; between the two it is masked out of the loss; below, it is dropped."""
SIDE_PX = 192
"""The longer side of a crop as the teacher sees it, rim included."""
RIM = 1 / 6
"""Rim around the crop in sides of the crop, its edges repeated: a detector wants room."""


def crops_of(path: Path) -> Iterator[tuple[str, Image]]:
    """Name and grey picture of every crop in a folder or an .npz file. Raises InputError for what is neither."""
    if path.is_dir():
        yield from ((f"{path.name}_{file.stem}", read_gray(file)) for file in picture_files(path))
        return
    try:
        images = np.load(path)["images"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: neither a folder nor an .npz with an array 'images' ({error})") from error
    if images.ndim != 3 or images.dtype != np.uint8:
        raise InputError(f"{path}: images are {images.dtype} {images.shape}, needed are uint8 (N, height, width)")
    yield from ((f"{path.stem}_{n:06d}", image) for n, image in enumerate(images))


def taught(teacher: Detector, crop: Image) -> Face | None:
    """The largest face that the teacher finds in `crop`, in its pixels."""
    factor = SIDE_PX / (max(crop.shape) * (1 + 2 * RIM))
    larger = np.asarray(cv2.resize(crop, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), np.uint8)
    rim = round(RIM * max(larger.shape))
    shown = np.asarray(cv2.copyMakeBorder(larger, rim, rim, rim, rim, cv2.BORDER_REPLICATE), np.uint8)
    faces = teacher.detect(shown)
    if not faces:
        return None
    box = faces[0].box
    moved = Box((box.left - rim) / factor, (box.top - rim) / factor, box.width / factor, box.height / factor)
    points = tuple(((x - rim) / factor, (y - rim) / factor) for x, y in faces[0].landmarks)
    return Face(moved, points, faces[0].confidence)


def write_data(teacher: Detector, crops: Sequence[Path], out: Path) -> int:
    """Write the crops with a face as detector data into `out`; returns how many."""
    (out / "images").mkdir(parents=True, exist_ok=True)
    count = 0
    with (out / "faces.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, "set"])
        for path in crops:
            for name, crop in crops_of(path):
                face = taught(teacher, crop)
                if face is None or len(face.landmarks) != 5:
                    continue
                cv2.imwrite(str(out / "images" / f"{name}.png"), crop)
                kind = "face" if face.confidence >= SURE else "ignore"
                box = (face.box.left, face.box.top, face.box.width, face.box.height)
                numbers = [f"{value:.2f}" for value in (*box, *(v for point in face.landmarks for v in point))]
                writer.writerow([f"{name}.png", "train", kind, *numbers, path.stem])
                count += 1
    return count


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.argument("crops", type=click.Path(path_type=Path), nargs=-1, required=True)
def main(model: Path, out: Path, crops: tuple[Path, ...]) -> None:
    """Let the detector MODEL label the faces in CROPS; write them to OUT as detector data."""
    try:
        teacher = open_detector(DetectorOptions(model=model, size=f"{SIDE_PX}x{SIDE_PX}", threshold=UNSURE))
        click.echo(f"{write_data(teacher, crops, out)} faces written to {out}")
    except FerPiError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
