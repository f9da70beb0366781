"""Reads pictures sorted into a folder for each emotion, whatever the folders' order, names and capitals."""

import difflib
import logging
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_pi.errors import InputError
from fer_pi.training.picture_files import PICTURES, picture_files
from fer_pi.types import CROP_SIZE, EMOTIONS, Emotion, Image

log = logging.getLogger(__name__)

SPLITS = {"train": ("train", "training"), "valid": ("valid", "validation", "val", "test", "publictest")}
"""The folders that may hold a split, the first one found counts."""

NAMES = {
    **{emotion.value: emotion for emotion in EMOTIONS},
    "happy": Emotion.HAPPINESS,
    "sad": Emotion.SADNESS,
    "angry": Emotion.ANGER,
    "surprised": Emotion.SURPRISE,
    "disgusted": Emotion.DISGUST,
    "fearful": Emotion.FEAR,
    "afraid": Emotion.FEAR,
}
"""What a folder may be called: the names of FER+, of FER2013, and their adjectives."""


def read_folder(data: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.str_]]:
    """(N, 48, 48) grey pictures, (N,) indices into `EMOTIONS` and (N,) paths below `data`, in the order of the names.

    A picture that cannot be read is named in the log and left out. Raises InputError for an unknown folder, for an
    emotion without a picture, and if no picture can be read.
    """
    root = _split_folder(data, split)
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    names: list[str] = []
    broken: list[Path] = []
    for folder, emotion in _emotion_folders(root):
        files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in PICTURES)
        if not files:
            raise InputError(
                f"{folder}: holds no pictures; put some in ({', '.join(sorted(PICTURES))}) or remove the folder"
            )
        for file in files:
            image = _picture(file)
            if image is None:
                broken.append(file)
            else:
                images.append(image)
                labels.append(EMOTIONS.index(emotion))
                names.append(str(file.relative_to(data)))
    for file in broken[:20]:
        log.warning("%s: cannot be read as a picture; left out", file)
    if broken:
        log.warning("%s: %d of %d pictures left out", root, len(broken), len(broken) + len(images))
    if not images:
        raise InputError(f"{root}: none of its {len(broken)} pictures can be read")
    return np.stack(images), np.array(labels, np.int64), np.array(names, np.str_)


def has_part(data: Path, split: str) -> bool:
    """Whether the folder `data` holds a part of its own for the split."""
    return data.is_dir() and any(folder.is_dir() and folder.name.lower() in SPLITS[split] for folder in data.iterdir())


def pictures_below(folder: Path) -> NDArray[np.uint8]:
    """(N, 48, 48) all pictures anywhere below the folder, grey, in the order of their names; unlabelled.

    Raises InputError if there are none that can be read.
    """
    files = picture_files(folder)
    images = [image for file in files if (image := _picture(file)) is not None]
    if len(images) < len(files):
        log.warning("%s: %d of %d pictures cannot be read; left out", folder, len(files) - len(images), len(files))
    if not images:
        raise InputError(f"{folder}: none of its {len(files)} pictures can be read")
    return np.stack(images)


def _split_folder(data: Path, split: str) -> Path:
    """Where the split's pictures lie: below data/<one of its names>/, or in `data` itself if it has no splits."""
    folders = {folder.name.lower(): folder for folder in data.iterdir() if folder.is_dir()}
    for name in SPLITS[split]:
        if name in folders:
            return folders[name]
    others = [name for names in SPLITS.values() for name in names if name in folders]
    if others:
        wanted = ", ".join(f"{name}/" for name in SPLITS[split])
        raise InputError(f"{data}: has {others[0]}/ but none of {wanted}; the {split} part is missing")
    if not folders:
        tables = [file.name for file in sorted(data.iterdir()) if file.suffix.lower() == ".csv"]
        instead = f"; {tables[0]} cannot be trained on, sort its pictures into such folders" if tables else ""
        raise InputError(
            f"{data}: holds neither {split}.npz nor a folder for each emotion ({', '.join(EMOTIONS)}){instead}"
        )
    return data


def _emotion_folders(root: Path) -> list[tuple[Path, Emotion]]:
    found, unknown = [], []
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        emotion = NAMES.get(folder.name.strip().lower())
        if emotion is None:
            unknown.append(folder)
        else:
            found.append((folder, emotion))
    for folder in unknown:
        close = difflib.get_close_matches(folder.name.lower(), NAMES, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(NAMES)}"
        if folder.name.isdigit():
            hint = "data sets count emotions differently, so give the folder its emotion's name"
        raise InputError(f"{folder}: not the name of an emotion; {hint}")
    if not found:
        raise InputError(f"{root}: holds no folder for an emotion ({', '.join(EMOTIONS)})")
    return found


def read_grey(file: Path) -> Image | None:
    """The picture in grey, or None if the file is none."""
    try:
        data = np.fromfile(file, np.uint8)  # imread cannot open every path; imdecode need not open any
    except OSError:
        return None
    if data.size == 0:
        return None
    image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    return None if image is None else np.asarray(image, np.uint8)


def _picture(file: Path) -> NDArray[np.uint8] | None:
    """(48, 48) grey, or None if the file is no picture; larger pictures are averaged down."""
    image = read_grey(file)
    if image is None or image.shape == (CROP_SIZE, CROP_SIZE):
        return image
    larger = min(image.shape) >= CROP_SIZE
    return np.asarray(
        cv2.resize(image, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA if larger else cv2.INTER_LINEAR)
    )
