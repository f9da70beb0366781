"""Labels in the formats that people have: the same faces read alike from each, and what cannot be meant refused."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fer_pi.errors import InputError
from fer_pi.training.detector.data import LabelledPicture
from fer_pi.training.detector.labels.faces_csv import COLUMNS
from fer_pi.training.detector.labels.formats import read_labels

WIDTH, HEIGHT = 160, 120
BOX = (20.0, 30.0, 40.0, 48.0)
POINTS = (30.0, 50.0, 50.0, 50.0, 40.0, 58.0, 32.0, 68.0, 48.0, 68.0)
NOTHING = (math.nan,) * 10

Writer = Callable[..., Path]


def write_picture(path: Path, width: int = WIDTH, height: int = HEIGHT) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width), 90, np.uint8))


def as_csv(folder: Path, box: Any = BOX, points: Any = POINTS) -> Path:
    write_picture(folder / "images" / "a.png")
    write_picture(folder / "images" / "b.png")
    rows = [",".join(COLUMNS), ",".join(map(str, ["a.png", "val", "face", *box, *points]))]
    (folder / "faces.csv").write_text("\n".join([*rows, "b.png,val,none" + "," * 14]) + "\n")
    return folder


def yolo_line(box: Any = BOX, points: Any = (), kind: int = 0, seen: int | None = None) -> str:
    x, y, w, h = box
    numbers = [(x + w / 2) / WIDTH, (y + h / 2) / HEIGHT, w / WIDTH, h / HEIGHT]
    for px, py in zip(points[::2], points[1::2], strict=True):
        numbers += [px / WIDTH, py / HEIGHT, *([] if seen is None else [seen])]
    return " ".join(map(str, [kind, *numbers]))


def as_yolo(folder: Path, box: Any = BOX, points: Any = POINTS) -> Path:
    write_picture(folder / "images" / "val" / "a.png")
    write_picture(folder / "images" / "val" / "b.png")
    label = folder / "labels" / "val" / "a.txt"
    label.parent.mkdir(parents=True)
    label.write_text(yolo_line(box, points) + "\n")
    return folder


def voc_text(name: str, objects: list[tuple[str, Any, int]], size: tuple[int, int] = (WIDTH, HEIGHT)) -> str:
    entries = "".join(
        f"<object><name>{kind}</name><difficult>{difficult}</difficult><bndbox><xmin>{x}</xmin><ymin>{y}</ymin>"
        f"<xmax>{x + w}</xmax><ymax>{y + h}</ymax></bndbox></object>"
        for kind, (x, y, w, h), difficult in objects
    )
    told = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>1</depth></size>"
    return f"<annotation><filename>{name}</filename>{told}{entries}</annotation>"


def as_voc(folder: Path, box: Any = BOX, points: Any = ()) -> Path:
    del points  # the format has none
    for name, objects in (("a", [("face", box, 0)]), ("b", [])):
        write_picture(folder / "JPEGImages" / f"{name}.png")
        (folder / "Annotations").mkdir(exist_ok=True)
        (folder / "Annotations" / f"{name}.xml").write_text(voc_text(f"{name}.png", objects))
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    (folder / "ImageSets" / "Main" / "val.txt").write_text("a\nb\n")
    return folder


def coco(box: Any = BOX, points: Any = POINTS) -> dict[str, Any]:
    triples = [value for n in range(0, len(points), 2) for value in (points[n], points[n + 1], 2)]
    return {
        "images": [
            {"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT},
            {"id": 2, "file_name": "b.png", "width": WIDTH, "height": HEIGHT},
        ],
        "annotations": [{"id": 7, "image_id": 1, "category_id": 1, "bbox": list(box), "keypoints": triples}],
        "categories": [{"id": 1, "name": "face"}],
    }


def write_coco(folder: Path, content: Any) -> Path:
    write_picture(folder / "images" / "a.png")
    write_picture(folder / "images" / "b.png")
    (folder / "annotations").mkdir(exist_ok=True)
    (folder / "annotations" / "instances_val.json").write_text(json.dumps(content))
    return folder


def as_coco(folder: Path, box: Any = BOX, points: Any = POINTS) -> Path:
    return write_coco(folder, coco(box, points))


WRITERS: dict[str, Writer] = {"csv": as_csv, "YOLO": as_yolo, "VOC": as_voc, "COCO": as_coco}


@pytest.mark.parametrize("format_", WRITERS)
def test_every_format_gives_the_same_records(format_: str, tmp_path: Path) -> None:
    first, second = read_labels(WRITERS[format_](tmp_path))
    assert (first.path.name, first.split, second.split, second.empty) == ("a.png", "val", "val", True)
    assert first.path.is_file() and np.allclose(first.boxes, [BOX], atol=1e-3) and first.ignored.tolist() == [False]
    points = NOTHING if format_ == "VOC" else POINTS
    assert np.allclose(first.points.reshape(1, 10), [points], atol=1e-3, equal_nan=True)


@pytest.mark.parametrize("format_", WRITERS)
@pytest.mark.parametrize(
    ("box", "complaint"),
    [
        ((20.0, 30.0, 0.0, 48.0), "has no area"),
        ((20.0, 30.0, 40.0, -5.0), "has no area"),
        ((150.0, 110.0, 40.0, 48.0), "lies outside of the 160 x 120 picture"),
        ((math.nan, 30.0, 40.0, 48.0), "is not finite"),
    ],
)
def test_a_box_that_cannot_be_meant_is_refused_by_name(format_: str, box: Any, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=complaint) as raised:
        read_labels(WRITERS[format_](tmp_path, box))
    assert "/a.txt:1" in str(raised.value) or "a.png" in str(raised.value)


@pytest.mark.parametrize("format_", WRITERS)
def test_a_face_cut_by_the_border_is_kept(format_: str, tmp_path: Path) -> None:
    assert np.allclose(
        read_labels(WRITERS[format_](tmp_path, (-10.0, 30.0, 40.0, 48.0)))[0].boxes[0, 0], -10, atol=1e-3
    )


@pytest.mark.parametrize("format_", ["csv", "YOLO", "COCO"])
def test_landmarks_that_are_no_numbers_are_refused(format_: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="landmarks must be ten finite numbers"):
        read_labels(WRITERS[format_](tmp_path, BOX, (math.nan, *POINTS[1:])))


@pytest.mark.parametrize("format_", WRITERS)
def test_a_missing_picture_is_named(format_: str, tmp_path: Path) -> None:
    WRITERS[format_](tmp_path)
    next(tmp_path.rglob("a.png")).unlink()
    with pytest.raises(InputError, match=r"is missing") as raised:
        read_labels(tmp_path)
    assert "a.png" in str(raised.value) or "a.txt" in str(raised.value)


@pytest.mark.parametrize("format_", WRITERS)
def test_a_picture_that_is_none_is_an_input_error(format_: str, tmp_path: Path) -> None:
    WRITERS[format_](tmp_path)
    next(tmp_path.rglob("a.png")).write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"a\.png: cannot be decoded"):
        read_labels(tmp_path)


def test_a_picture_named_twice_is_refused_in_every_format(tmp_path: Path) -> None:
    with (as_csv(tmp_path / "csv") / "faces.csv").open("a") as file:
        file.write(",".join(map(str, ["a.png", "val", "face", *BOX, *POINTS])) + "\n")
    write_picture(as_yolo(tmp_path / "yolo") / "images" / "val" / "a.jpg")
    (as_voc(tmp_path / "voc") / "Annotations" / "c.xml").write_text(voc_text("a.png", []))
    twice = coco()
    twice["images"].append({"id": 3, "file_name": "a.png", "width": WIDTH, "height": HEIGHT})
    write_coco(tmp_path / "coco", twice)
    same_id = coco()
    same_id["images"][1]["id"] = 1
    write_coco(tmp_path / "coco_id", same_id)
    files = as_coco(tmp_path / "coco_files") / "annotations"
    (files / "instances_train.json").write_text((files / "instances_val.json").read_text())
    for name in ("csv", "yolo", "voc", "coco", "coco_id", "coco_files"):
        with pytest.raises(InputError, match="named twice"):
            read_labels(tmp_path / name)


def test_data_of_no_known_format_says_which_are_known(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png")
    for path, complaint in ((tmp_path, "no labels of a known format"), (tmp_path / "a.png", "is no format of labels")):
        with pytest.raises(InputError, match=complaint) as raised:
            read_labels(path)
        assert all(word in str(raised.value) for word in ("faces.csv", "YOLO", "Pascal VOC", "COCO"))
    with pytest.raises(InputError, match="no such file or folder"):
        read_labels(tmp_path / "nowhere")


def test_yolo_reads_pictures_beside_their_labels_and_landmarks_with_visibility(tmp_path: Path) -> None:
    write_picture(tmp_path / "train" / "a.png")
    label = tmp_path / "train" / "a.txt"
    label.write_text(
        yolo_line(BOX, POINTS, seen=2) + "\n\n" + yolo_line(BOX, POINTS, seen=0) + "\n" + yolo_line() + "\n"
    )
    (record,) = read_labels(tmp_path)
    assert record.split == "train" and len(record.boxes) == 3
    assert np.allclose(record.points[0].ravel(), POINTS) and np.isnan(record.points[1:]).all()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("0 0.5 0.5 0.1", "4 numbers; a YOLO line"),
        ("0 0.5 left 0.1 0.1", "could not convert"),
        ("0 60 70 40 48", "not pixels"),
    ],
)
def test_yolo_lines_that_cannot_be_meant_are_refused_by_line(line: str, complaint: str, tmp_path: Path) -> None:
    (as_yolo(tmp_path) / "labels" / "val" / "a.txt").write_text(yolo_line() + "\n" + line + "\n")
    with pytest.raises(InputError, match=complaint) as raised:
        read_labels(tmp_path)
    assert "a.txt:2" in str(raised.value)


def test_which_class_is_a_face_is_told_by_its_name_or_by_the_user(tmp_path: Path) -> None:
    as_yolo(tmp_path)
    label = tmp_path / "labels" / "val" / "a.txt"
    label.write_text(yolo_line(kind=0) + "\n" + yolo_line((60, 30, 20, 20), kind=1) + "\n")
    with pytest.raises(InputError, match="--face-class"):
        read_labels(tmp_path)
    assert len(read_labels(tmp_path, ["1"])[0].boxes) == 1
    (tmp_path / "data.yaml").write_text("names: [dog, Face]\n")
    assert np.allclose(read_labels(tmp_path)[0].boxes, [(60, 30, 20, 20)], atol=1e-3)
    (tmp_path / "data.yaml").write_text("names: {0: with_mask, 1: without_mask}\n")
    assert len(read_labels(tmp_path, ["with_mask", "without_mask"])[0].boxes) == 2
    with pytest.raises(InputError, match="no class cat; there are with_mask, without_mask"):
        read_labels(tmp_path, ["cat"])


def test_voc_difficult_and_coco_crowds_are_neither_face_nor_background(tmp_path: Path) -> None:
    label = as_voc(tmp_path / "voc") / "Annotations" / "a.xml"
    label.write_text(voc_text("a.png", [("face", BOX, 0), ("face", (90, 30, 20, 20), 1), ("dog", (1, 1, 5, 5), 0)]))
    assert read_labels(tmp_path / "voc")[0].ignored.tolist() == [False, True]
    content = coco()
    content["annotations"].append({**content["annotations"][0], "id": 8, "iscrowd": 1})
    assert read_labels(write_coco(tmp_path / "coco", content))[0].ignored.tolist() == [False, True]


def test_labels_made_for_another_size_are_refused(tmp_path: Path) -> None:
    label = as_voc(tmp_path / "voc") / "Annotations" / "a.xml"
    label.write_text(voc_text("a.png", [], (640, 480)))
    content = coco()
    content["images"][0]["width"] = 320
    write_coco(tmp_path / "coco", content)
    for name in ("voc", "coco"):
        with pytest.raises(InputError, match=r"says \d+ x \d+, but .*a\.png is 160 x 120"):
            read_labels(tmp_path / name)


def test_coco_landmarks_are_found_by_name_and_those_of_a_body_are_not_taken_for_them(tmp_path: Path) -> None:
    content = coco()
    x = list(zip(POINTS[::2], POINTS[1::2], strict=True))
    order = {"nose": 2, "left_eye": 1, "right_eye": 0, "mouth_left": 4, "mouth_right": 3, "left_ear": 0}
    content["categories"][0]["keypoints"] = list(order)
    content["annotations"][0]["keypoints"] = [v for n in order.values() for v in (*x[n], 2)]
    assert np.allclose(read_labels(write_coco(tmp_path, content))[0].points.ravel(), POINTS)
    content["categories"][0]["keypoints"] = ["nose", "left_eye", "right_eye", "left_ear", "right_ear"]
    content["annotations"][0]["keypoints"] = [v for n in range(5) for v in (*x[n], 2)]
    assert np.isnan(read_labels(write_coco(tmp_path, content))[0].points).all()


def of_classes(folder: Path, split: str, boxed: str, declared: tuple[str, ...]) -> None:
    """A COCO file of one picture with one box of the class `boxed`."""
    write_picture(folder / "images" / f"{split}.png")
    content = coco(points=())
    content["images"] = [{"id": 1, "file_name": f"{split}.png"}]
    content["categories"] = [{"id": number, "name": name} for number, name in enumerate(declared)]
    content["annotations"][0]["category_id"] = declared.index(boxed)
    (folder / f"{split}.json").write_text(json.dumps(content))


def test_coco_files_of_one_folder_mean_the_same_class_by_a_face(tmp_path: Path) -> None:
    def boxes(folder: Path) -> dict[str, int]:
        return {record.split: len(record.boxes) for record in read_labels(folder)}

    of_classes(tmp_path / "one", "train", "face", ("face", "dog"))
    of_classes(tmp_path / "one", "val", "dog", ("face", "dog"))
    assert boxes(tmp_path / "one") == {"train": 1, "val": 0}
    of_classes(tmp_path / "undeclared", "train", "Face", ("Face",))
    of_classes(tmp_path / "undeclared", "val", "dog", ("dog",))
    assert boxes(tmp_path / "undeclared") == {"train": 1, "val": 0}
    of_classes(tmp_path / "alone", "val", "dog", ("dog", "face"))
    assert boxes(tmp_path / "alone") == {"val": 0}
    of_classes(tmp_path / "parents", "train", "with_mask", ("mask", "with_mask"))
    assert boxes(tmp_path / "parents") == {"train": 1}
    of_classes(tmp_path / "parents", "val", "without_mask", ("mask", "without_mask"))
    with pytest.raises(InputError, match="classes with_mask, without_mask, and none is 'face'"):
        read_labels(tmp_path / "parents")
    assert len(read_labels(tmp_path / "parents", ["with_mask"])[0].boxes) == 1


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda c: c.pop("images"), "no labels of a known format"),
        (lambda c: c["annotations"][0].update(image_id=9), "annotation 7 is of image 9, which is missing"),
        (lambda c: c["annotations"][0].update(category_id=5), "unknown category 5"),
        (lambda c: c["annotations"][0].update(bbox=[1, 2, 3]), "bbox has 3 numbers"),
        (lambda c: c["annotations"][0].pop("bbox"), "lacks or garbles 'bbox'"),
        (lambda c: c["images"][0].pop("file_name"), "lacks or garbles 'file_name'"),
        (lambda c: c.update(images=[], annotations=[]), "COCO without a picture"),
    ],
)
def test_coco_that_cannot_be_meant_is_refused(change: Callable[[Any], Any], complaint: str, tmp_path: Path) -> None:
    content = coco()
    change(content)
    with pytest.raises(InputError, match=complaint):
        read_labels(write_coco(tmp_path, content))


def test_one_coco_file_may_be_given_itself(tmp_path: Path) -> None:
    file = as_coco(tmp_path) / "annotations" / "instances_val.json"
    assert len(read_labels(file)) == 2
    file.write_text("{")
    with pytest.raises(InputError, match="is not JSON"):
        read_labels(file)


def test_broken_xml_and_xml_of_something_else_are_input_errors(tmp_path: Path) -> None:
    label = as_voc(tmp_path) / "Annotations" / "a.xml"
    for text, complaint in (("<annotation>", "is not XML"), ("<svg/>", "begins with <svg>")):
        label.write_text(text)
        with pytest.raises(InputError, match=complaint):
            read_labels(tmp_path)
    label.write_text(voc_text("a.png", [("face", BOX, 0)]).replace("<xmin>20.0", "<xmin>left"))
    with pytest.raises(InputError, match=r"<xmin> 'left' is not a number"):
        read_labels(tmp_path)


def test_a_picture_turned_by_its_camera_has_the_size_that_opencv_reads(tmp_path: Path) -> None:
    from PIL import Image as Pillow

    folder = as_yolo(tmp_path, points=())
    (folder / "images" / "val" / "a.png").unlink()
    turned = Pillow.new("L", (HEIGHT, WIDTH))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / "images" / "val" / "a.jpg", exif=exif)
    first: LabelledPicture = read_labels(folder)[0]
    image = cv2.imread(str(first.path), cv2.IMREAD_GRAYSCALE)
    assert image is not None and image.shape == (HEIGHT, WIDTH) and np.allclose(first.boxes, [BOX], atol=1e-3)
