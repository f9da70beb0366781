"""Reads whatever a data set holds, for looking it over: nothing is refused that can be named instead."""

import csv
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from fer_pi.errors import InputError
from fer_pi.training.detector.labels.formats import read_labels
from fer_pi.training.emotion.data import load_faces
from fer_pi.training.emotion.folders import NAMES, SPLITS
from fer_pi.training.picture_files import PICTURES
from fer_pi.types import CROP_SIZE, EMOTIONS

UNKNOWN = ""
"""The label of a picture without one that is understood."""
FILE_COLUMNS = ("image", "file", "filename", "path")
LABEL_COLUMNS = ("label", "emotion", "expression")
MOST_PIXELS = 60_000_000
"""A picture beyond this is not opened."""

Done = Callable[[], None]


@dataclass(slots=True)
class Part:
    """One split of a data set."""

    name: str
    names: list[str] = field(default_factory=list)
    """Of the pictures that can be read; as a person would find them."""
    labels: list[str] = field(default_factory=list)
    """The emotion of each, or `UNKNOWN`."""
    images: list[NDArray[np.uint8]] = field(default_factory=list)
    """(48, 48) grey each, for comparing them."""
    sizes: list[tuple[int, int]] = field(default_factory=list)
    """Width and height of each file."""
    broken: list[str] = field(default_factory=list)
    """Files that cannot be read, or not to their end, with the reason."""
    missing: list[str] = field(default_factory=list)
    """Named by the csv, but not there."""
    strange: Counter[str] = field(default_factory=Counter)
    """Labels that are not understood, and how often."""
    empty: list[str] = field(default_factory=list)
    """Folders without a picture."""
    others: Counter[str] = field(default_factory=Counter)
    """Files that are no pictures, by suffix."""
    voted: bool = False
    """Whether a missing label means that people did not agree, rather than a mistake."""


@dataclass(slots=True)
class Contents:
    """All of a data set."""

    layout: str
    """For people: what kind of data set it is."""
    parts: list[Part]
    strange: list[str] = field(default_factory=list)
    """Folders that are not understood."""
    problems: list[str] = field(default_factory=list)
    """What keeps a whole file from being read."""


def read_contents(root: Path, done: Done = lambda: None) -> Contents:
    """What lies at `root`: FER+ archives, a csv with pictures, or a folder for each emotion.

    Calls `done` at each picture file. Raises InputError if it is none of these.
    """
    if not root.exists():
        raise InputError(f"{root}: no such folder; give one with train.npz, a csv, or a folder for each emotion")
    archives = [root] if root.suffix == ".npz" else [root / f"{name}.npz" for name in SPLITS]
    archives = [file for file in archives if file.is_file()]
    if archives:
        return _archives(archives)
    if not root.is_dir():
        raise InputError(f"{root}: neither a folder nor an .npz file")
    tables = sorted(root.glob("*.csv"))
    if tables:
        return _table(root, tables[0], done)
    return _folders(root, done)


def _archives(files: list[Path]) -> Contents:
    contents = Contents("FER+ archives: pictures with the votes of several people", [])
    for file in files:
        try:
            faces = load_faces(file, file.stem)
        except InputError as error:
            contents.problems.append(str(error))
            continue
        part = Part(file.stem, voted=True)
        part.images = list(faces.images)
        part.names = [f"{file.name}[{index}]" for index in range(len(faces))]
        part.labels = [EMOTIONS[index].value if index >= 0 else UNKNOWN for index in faces.top]
        part.sizes = [(CROP_SIZE, CROP_SIZE)] * len(faces)
        contents.parts.append(part)
    return contents


def _folders(root: Path, done: Done) -> Contents:
    contents = Contents("a folder for each emotion", [])
    inside = [folder for folder in sorted(root.iterdir()) if folder.is_dir() and not folder.name.startswith(".")]
    wanted = [name for names in SPLITS.values() for name in names]
    splits = sorted((f for f in inside if f.name.lower() in wanted), key=lambda f: wanted.index(f.name.lower()))
    if not inside:
        raise InputError(f"{root}: holds neither train.npz, nor a csv, nor a folder for each emotion")
    if splits:
        contents.strange = [folder.name for folder in inside if folder not in splits]
    for split in splits or [root]:
        part = Part(split.name if splits else "all")
        for folder in sorted(path for path in split.iterdir() if path.is_dir() and not path.name.startswith(".")):
            emotion = NAMES.get(folder.name.strip().lower())
            files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
            pictures = [file for file in files if file.suffix.lower() in PICTURES]
            part.others.update(file.suffix.lower() or file.name for file in files if file not in set(pictures))
            if emotion is None:
                part.strange[folder.name] += len(pictures)
            elif not pictures:
                part.empty.append(str(folder.relative_to(root)))
            for file in pictures:
                _add(part, file, root, emotion.value if emotion else UNKNOWN)
                done()
        contents.parts.append(part)
    return contents


def _table(root: Path, table: Path, done: Done) -> Contents:
    """A csv that names pictures below `root` or `root`/images; a picture named in several rows counts once."""
    contents = Contents(f"{table.name} with pictures", [])
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = {name.strip().lower(): name for name in reader.fieldnames or ()}
            rows: list[tuple[int, dict[str, Any]]] = list(enumerate(reader, start=2))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table}: is not a UTF-8 csv file ({error})") from error
    name_column = next((columns[name] for name in FILE_COLUMNS if name in columns), None)
    label_column = next((columns[name] for name in LABEL_COLUMNS if name in columns), None)
    if name_column is None:
        raise InputError(
            f"{table}: its columns are {', '.join(columns) or 'none'}; one must name the pictures"
            f" ({', '.join(FILE_COLUMNS)})"
        )
    if not rows:
        raise InputError(f"{table}: holds no rows")
    parts: dict[str, Part] = {}
    seen: set[str] = set()
    for line, row in rows:
        part = parts.setdefault(row.get(columns.get("split", ""), None) or "all", Part("all"))
        name = (row[name_column] or "").strip()
        if name in seen:
            continue
        seen.add(name)
        path = next((path for path in (root / "images" / name, root / name) if name and path.is_file()), None)
        label = UNKNOWN
        if label_column is not None:
            said = (row[label_column] or "").strip()
            emotion = NAMES.get(said.lower())
            label = emotion.value if emotion else UNKNOWN
            part.strange.update([] if emotion else [said or "(empty)"])
        if path is None:
            part.missing.append(f"{table.name}:{line}: {name or '(no name)'}")
        else:
            _add(part, path, root, label)
        done()
    for name, part in parts.items():
        part.name = name
    contents.parts = list(parts.values())
    if table.name == "faces.csv" and not any(part.missing for part in contents.parts):
        contents.layout = "faces.csv with pictures, for the detector"
        try:
            read_labels(root)  # all that it asks of boxes and landmarks
        except InputError as error:
            contents.problems.append(str(error))
    return contents


def _add(part: Part, file: Path, root: Path, label: str) -> None:
    """Put the picture into the part, or say why it cannot be read."""
    name = str(file.relative_to(root))
    size, why = _size(file)
    # Decoded as in training, once Pillow has found the file sound: OpenCV complains on standard error.
    image: Any = None if why else cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        part.broken.append(f"{name} ({why or 'cannot be decoded'})")
        return
    part.names.append(name)
    part.labels.append(label)
    part.sizes.append(size)
    part.images.append(np.asarray(cv2.resize(image, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA)))


def _size(file: Path) -> tuple[tuple[int, int], str]:
    """Width and height of a picture, and what is wrong with it: empty if it can be read to its end."""
    if file.stat().st_size == 0:
        return (0, 0), "empty"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, on odd but readable files
            with Pillow.open(file) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    return picture.size, f"{picture.width} x {picture.height} is too large"
                picture.load()
                return picture.size, ""
    except UnidentifiedImageError:
        return (0, 0), "no picture"
    except Exception as error:  # Pillow's decoders raise all kinds for damaged files
        return (0, 0), str(error) or type(error).__name__
