"""Reads Pascal VOC labels: an XML file for each picture, boxes by their corners in pixels."""

from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from xml.etree import ElementTree

from fer_pi.errors import InputError
from fer_pi.training.detector.data import LabelledPicture
from fer_pi.training.detector.labels.checks import (
    NO_POINTS,
    checked_box,
    face_classes,
    labelled,
    picture_size,
    pictures_below,
    same_size,
    split_of,
)

SETS = Path("ImageSets") / "Main"
"""Where VOC keeps the names of each split's pictures, a text file a split."""


def label_files(folder: Path) -> list[Path]:
    """The XML files below `folder`."""
    return sorted(folder.rglob("*.xml"))


def read(folder: Path, wanted: Sequence[str] = ()) -> list[LabelledPicture]:
    """The picture of every XML file below `folder`; `wanted` names the objects that are faces.

    An object marked difficult is neither face nor background. Raises InputError for what cannot be meant.
    """
    trees = {path: _tree(path) for path in label_files(folder)}
    pictures: dict[str, list[Path]] = {}
    for path in pictures_below(folder):
        pictures.setdefault(path.name, []).append(path)
    names = {_text(path, entry, "name") for path, root in trees.items() for entry in root.iter("object")}
    faces, splits = face_classes(folder, names, wanted), _splits(folder)
    seen: dict[Path, Path] = {}
    records = []
    for label, root in trees.items():
        picture = _picture_of(label, root, pictures)
        if picture in seen:
            raise InputError(f"{label}: {picture} is named twice, first in {seen[picture]}")
        seen[picture] = label
        split = splits.get(picture.stem) or split_of(label.relative_to(folder).parts[:-1])
        records.append(_record(label, root, picture, folder, split, faces))
    return records


def _tree(path: Path) -> ElementTree.Element:
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not XML ({error})") from error
    if root.tag != "annotation":
        raise InputError(f"{path}: begins with <{root.tag}>; Pascal VOC begins with <annotation>")
    return root


def _text(path: Path, entry: ElementTree.Element, name: str) -> str:
    text = entry.findtext(name)
    if not text or not text.strip():
        raise InputError(f"{path}: <{entry.tag}> without <{name}>")
    return text.strip()


def _number(path: Path, entry: ElementTree.Element, name: str) -> float:
    text = _text(path, entry, name)
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"{path}: <{name}> {text!r} is not a number") from error


def _splits(folder: Path) -> dict[str, str]:
    """Picture stem to split, from ImageSets/Main."""
    found = {}
    for split in ("train", "val", "test"):
        listed = folder / SETS / f"{split}.txt"
        if listed.is_file():
            found.update({line.split()[0]: split for line in listed.read_text().splitlines() if line.strip()})
    return found


def _picture_of(label: Path, root: ElementTree.Element, pictures: dict[str, list[Path]]) -> Path:
    """The picture by <filename>; of several of that name the one that shares most folders with the XML file."""
    name = PureWindowsPath(_text(label, root, "filename")).name
    found = pictures.get(name) or [
        path for paths in pictures.values() for path in paths if path.stem in (name, label.stem)
    ]
    if not found:
        raise InputError(f"{label}: picture {name} is missing")
    return max(found, key=lambda path: sum(a == b for a, b in zip(path.parts, label.parts, strict=False)))


def _record(
    label: Path, root: ElementTree.Element, picture: Path, folder: Path, split: str, faces: set[str]
) -> LabelledPicture:
    size = picture_size(picture)
    told = root.find("size")
    if told is not None and _number(label, told, "width") > 0:  # some tools write 0 x 0
        size = same_size(str(label), (_number(label, told, "width"), _number(label, told, "height")), picture)
    boxes, ignored = [], []
    for entry in root.iter("object"):
        if _text(label, entry, "name") not in faces:
            continue
        corners = entry.find("bndbox")
        if corners is None:
            raise InputError(f"{label}: <object> without <bndbox>")
        left, top, right, bottom = (_number(label, corners, edge) for edge in ("xmin", "ymin", "xmax", "ymax"))
        # VOC itself counts pixels from 1; most tools that write its format count from 0, so corners stay as written.
        boxes.append(checked_box(f"{label}: {picture.name}", (left, top, right - left, bottom - top), size))
        ignored.append((entry.findtext("difficult") or "0").strip() == "1")
    name = str(picture.relative_to(folder))
    return labelled(picture, name, split, "", boxes, [NO_POINTS] * len(boxes), ignored)
