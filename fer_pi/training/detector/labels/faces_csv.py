"""Reads fer_pi's own labels: a folder with faces.csv, one row a box, and images/."""

import csv
from pathlib import Path

from fer_pi.errors import InputError
from fer_pi.training.detector.data import LabelledPicture
from fer_pi.training.detector.labels.checks import (
    NO_POINTS,
    Numbers,
    checked_box,
    checked_points,
    labelled,
    picture_size,
)

FILE = "faces.csv"
POINT_COLUMNS = tuple(
    f"{point}_{axis}" for point in ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left") for axis in "xy"
)
COLUMNS = ("image", "split", "kind", "x", "y", "w", "h", *POINT_COLUMNS)
KINDS = ("face", "ignore", "none")
SPLITS = ("train", "val", "test")

Row = dict[str, str]


def read(folder: Path) -> list[LabelledPicture]:
    """Every picture of `folder`/faces.csv, in the order of the file.

    Raises InputError for a missing column or picture, and for boxes and landmarks that cannot be meant.
    """
    table = folder / FILE
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise InputError(f"{table}: no column {', '.join(missing)}; needed are {', '.join(COLUMNS)}")
            rows = list(enumerate(reader, start=2))
    except OSError as error:
        raise InputError(f"{table}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table}: is not a UTF-8 csv file ({error})") from error
    if not rows:
        raise InputError(f"{table}: holds no rows")
    return [_picture(folder, table, name, block) for name, block in _by_picture(table, rows).items()]


def _by_picture(table: Path, rows: list[tuple[int, Row]]) -> dict[str, list[tuple[int, Row]]]:
    """Rows in blocks of one picture; a picture whose rows stand apart is named twice."""
    blocks: dict[str, list[tuple[int, Row]]] = {}
    last = None
    for line, row in rows:
        name = row["image"] or ""
        if not name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(f"{table}:{line}: image {name!r} must be a path inside images/")
        if name in blocks and name != last:
            raise InputError(f"{table}:{line}: {name} is named twice; put all its rows one below the other")
        blocks.setdefault(name, []).append((line, row))
        last = name
    return blocks


def _picture(folder: Path, table: Path, name: str, block: list[tuple[int, Row]]) -> LabelledPicture:
    path = folder / "images" / name
    if not path.is_file():
        raise InputError(f"{table}:{block[0][0]}: picture {path} is missing")
    boxes, points, ignored = [], [], []
    for line, row in block:
        where = f"{table}:{line}: {name}"
        if row["kind"] not in KINDS:
            raise InputError(f"{where}: kind {row['kind']!r} is not one of {', '.join(KINDS)}")
        if row["split"] not in SPLITS:
            raise InputError(f"{where}: split {row['split']!r} is not one of {', '.join(SPLITS)}")
        if row["split"] != block[0][1]["split"]:
            raise InputError(f"{where}: the picture stands in two splits")
        if row["kind"] == "none":
            if len(block) > 1:
                raise InputError(f"{where}: kind none beside other rows of the same picture (named twice?)")
            continue
        box = [_number(where, row, column) for column in "xywh"]
        boxes.append(checked_box(where, box, _size(where, row, path)))
        points.append(_points(where, row))
        ignored.append(row["kind"] == "ignore")
    first = block[0][1]
    kin = first.get("group") or ""
    return labelled(path, name, first["split"], first.get("set") or "", boxes, points, ignored, kin)


def _number(where: str, row: Row, column: str) -> float:
    try:
        return float(row[column])
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {column} {row[column]!r} is not a number") from error


def _size(where: str, row: Row, path: Path) -> tuple[float, float]:
    """The picture's size from the csv, which is quicker, else from the picture."""
    if row.get("image_width") and row.get("image_height"):
        return _number(where, row, "image_width"), _number(where, row, "image_height")
    return picture_size(path)


def _points(where: str, row: Row) -> Numbers:
    """Ten coordinates, all given or all left empty (NaN)."""
    given = [column for column in POINT_COLUMNS if row[column]]
    return checked_points(where, [_number(where, row, column) for column in given]) if given else NO_POINTS
