"""Reads COCO labels: one JSON file for many pictures, boxes as left, top, width, height in pixels."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fer_pi.errors import InputError
from fer_pi.training.detector.data import LabelledPicture
from fer_pi.training.detector.labels.checks import (
    NO_POINTS,
    Numbers,
    checked_box,
    checked_points,
    face_classes,
    is_face,
    labelled,
    picture_size,
    same_size,
    split_of,
)

POINTS = (
    ("right_eye",),
    ("left_eye",),
    ("nose", "nose_tip"),
    ("right_mouth", "mouth_right", "right_mouth_corner"),
    ("left_mouth", "mouth_left", "left_mouth_corner"),
)
"""Names under which a category may list our five landmarks; right and left are the subject's, as in COCO."""

Entry = dict[str, Any]
Lists = dict[str, list[Entry]]


def label_files(folder: Path) -> list[Path]:
    """The JSON files below `folder` with lists of images and annotations."""
    return [path for path in sorted(folder.rglob("*.json")) if _is_coco(path)]


def read(path: Path, wanted: Sequence[str] = ()) -> list[LabelledPicture]:
    """Every picture of one JSON file, or of all below a folder; `wanted` names the categories that are faces.

    A crowd is neither face nor background. Raises InputError for what cannot be meant.
    """
    root = path if path.is_dir() else path.parent
    tables = {file: _lists(file) for file in (label_files(path) if path.is_dir() else [path])}
    faces = face_classes(path, _classes(tables), wanted)
    records: list[LabelledPicture] = []
    seen: dict[Path, Path] = {}
    for table, lists in tables.items():
        with _garbled(table):
            found = _records(table, root, lists, faces)
        for record in found:
            if record.path in seen:
                raise InputError(f"{table}: {record.path} is named twice, first in {seen[record.path]}")
            seen[record.path] = table
            records.append(record)
    return records


def _is_coco(path: Path) -> bool:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"images", "annotations"} <= content.keys()


def _lists(table: Path) -> Lists:
    try:
        content = json.loads(table.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{table}: is not JSON ({error})") from error
    lists: Lists = {}
    for name in ("images", "annotations", "categories"):
        found = content.get(name, [] if name == "categories" else None) if isinstance(content, dict) else None
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise InputError(f"{table}: no list {name!r}; COCO has images, annotations and categories")
        lists[name] = found
    return lists


def _classes(tables: Mapping[Path, Lists]) -> set[str]:
    """The names to choose the faces from: of the categories with a box in any of the files, and face if it is declared.

    A category without a box (the parent of others, say) does not count: one class may be all that there is.
    """
    names: set[str] = set()
    for table, lists in tables.items():
        with _garbled(table):
            used = {entry["category_id"] for entry in lists["annotations"]} if lists["categories"] else set()
            for entry in lists["categories"]:
                if entry["id"] in used or is_face(str(entry["name"])):
                    names.add(str(entry["name"]))
    return names


@contextmanager
def _garbled(table: Path) -> Iterator[None]:
    """Says in words what an entry of `table` lacks."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{table}: an entry lacks or garbles {error}") from error


def _records(table: Path, root: Path, lists: Lists, faces: set[str]) -> list[LabelledPicture]:
    categories = {entry["id"]: entry for entry in lists["categories"]}
    used = {entry["category_id"] for entry in lists["annotations"]} if categories else set()
    if used - categories.keys():
        raise InputError(f"{table}: annotations of unknown category {sorted(used - categories.keys())[0]}")
    of_picture: dict[Any, list[Entry]] = {}
    for entry in lists["images"]:
        if entry["id"] in of_picture:
            raise InputError(f"{table}: image id {entry['id']} ({entry['file_name']}) is named twice")
        of_picture[entry["id"]] = []
    for entry in lists["annotations"]:
        if entry["image_id"] not in of_picture:
            raise InputError(f"{table}: annotation {entry.get('id')} is of image {entry['image_id']}, which is missing")
        if not categories or str(categories[entry["category_id"]]["name"]) in faces:
            of_picture[entry["image_id"]].append(entry)
    split = split_of([*table.relative_to(root).parts[:-1], *table.stem.split("_")])
    records: list[LabelledPicture] = []
    seen = set()
    for image in lists["images"]:
        if image["file_name"] in seen:
            raise InputError(f"{table}: {image['file_name']} is named twice")
        seen.add(image["file_name"])
        records.append(_record(table, root, split, image, of_picture[image["id"]], categories))
    return records


def _record(
    table: Path, root: Path, split: str, image: Entry, entries: list[Entry], categories: dict[Any, Entry]
) -> LabelledPicture:
    name = str(image["file_name"])
    path = _path(table, root, name)
    where = f"{table}: {name}"
    told = image.get("width"), image.get("height")
    size = same_size(where, (told[0], told[1]), path) if told[0] and told[1] else picture_size(path)
    boxes, points, ignored = [], [], []
    for entry in entries:
        at = f"{where}: annotation {entry.get('id')}"
        box = [float(value) for value in entry["bbox"]]
        if len(box) != 4:
            raise InputError(f"{at}: bbox has {len(box)} numbers, not 4")
        boxes.append(checked_box(at, box, size))
        listed = categories.get(entry.get("category_id"), {}).get("keypoints", [])
        points.append(_points(at, entry.get("keypoints", []), [str(one) for one in listed]))
        ignored.append(bool(entry.get("iscrowd")) or bool(entry.get("ignore")))
    return labelled(path, name, split, "", boxes, points, ignored)


def _path(table: Path, root: Path, name: str) -> Path:
    """The picture, by the file name that the JSON gives, in the places where such data keeps its pictures."""
    stem = table.stem.removeprefix("instances_").removeprefix("person_keypoints_")
    places = (table.parent, root, root / "images", root / "images" / stem, root / stem, table.parent.parent / "images")
    for place in places:
        if (place / name).is_file():
            return place / name
    raise InputError(f"{table}: picture {name} is missing; looked for in {', '.join(str(p) for p in places[:3])}")


def _points(where: str, given: list[float], names: list[str]) -> Numbers:
    """Our five landmarks out of x, y, v triples; unknown unless all five are there."""
    if not given:
        return NO_POINTS
    triples = [given[n : n + 3] for n in range(0, len(given), 3)]
    known = dict(zip(names, triples, strict=False)) if names else {}
    ours = [next((known[name] for name in called if name in known), None) for called in POINTS] if names else triples
    if len(ours) != 5 or any(point is None or len(point) != 3 or not point[2] for point in ours):
        return NO_POINTS
    return checked_points(where, [float(value) for point in ours if point is not None for value in point[:2]])
