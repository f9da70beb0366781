"""Reads labelled pictures in whatever of the known formats they come."""

import logging
from collections.abc import Sequence
from pathlib import Path

from fer_pi.errors import InputError
from fer_pi.training.detector.data import LabelledPicture
from fer_pi.training.detector.labels import coco, faces_csv, voc, yolo

log = logging.getLogger(__name__)

KNOWN = "faces.csv with images/, YOLO (.txt beside the pictures or in labels/), Pascal VOC (.xml), COCO (.json)"


def read_labels(path: Path, face_class: Sequence[str] = ()) -> list[LabelledPicture]:
    """Every picture of the data at `path`, a folder or a COCO file; `face_class` names the classes that are faces.

    The split is empty where the data tells none. Raises InputError for what is missing, unknown or cannot be meant.
    """
    name, pictures = _read(path, face_class)
    if not pictures:
        raise InputError(f"{path}: {name} without a picture")
    log.info("%s: %s, %d pictures, %d boxes", path, name, len(pictures), sum(len(p.boxes) for p in pictures))
    return pictures


def _read(path: Path, face_class: Sequence[str]) -> tuple[str, list[LabelledPicture]]:
    if path.suffix.lower() == ".json" and path.is_file():
        return "COCO", coco.read(path, face_class)
    if not path.is_dir():
        what = "is no format of labels" if path.exists() else "cannot be read (no such file or folder)"
        raise InputError(f"{path}: {what}; DATA is a folder of {KNOWN}")
    if (path / faces_csv.FILE).is_file():
        return faces_csv.FILE, faces_csv.read(path)
    # The labels that describe all pictures in one file come first: the other formats are told by mere suffixes.
    for name, format_ in (("COCO", coco), ("Pascal VOC", voc), ("YOLO", yolo)):
        if format_.label_files(path):
            return name, format_.read(path, face_class)
    raise InputError(f"{path}: no labels of a known format in it; known are {KNOWN}")
