"""What the detector learns from: labels checked before use, scenes that keep faces and landmarks together."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_pi.errors import InputError
from fer_pi.testing.labelled_boxes import row_of, write_data, write_drawn_faces
from fer_pi.training.detector.data import PackedPictures
from fer_pi.training.detector.labels.faces_csv import COLUMNS
from fer_pi.training.detector.labels.formats import read_labels

pytest.importorskip("torch", reason="training needs PyTorch (the extra 'train')")

from fer_pi.training.detector import train as training
from fer_pi.training.detector.augment import MIRRORED, SceneMaker
from fer_pi.training.detector.train import Recipe

QUICK = Recipe(epochs=2, scenes=8, batch=4, size=64, warmup=2)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_drawn_faces(tmp_path / "data")


def test_labels_are_read_as_they_stand(data: Path) -> None:
    pictures = read_labels(data)
    assert [len(p.boxes) for p in pictures] == [1] * 12 + [0] * 4
    assert pictures[3].split == "val" and pictures[15].empty
    assert pictures[0].points.shape == (1, 5, 2) and not pictures[0].ignored.any()


BOX = (10, 10, 20, 20)
BAD_ROWS = {
    "box 0 x 20 has no area": [row_of("0.png", box=(10, 10, 0, 20))],
    "box 20 x -1 has no area": [row_of("0.png", box=(10, 10, 20, -1))],
    "is not finite": [row_of("0.png", box=("nan", 10, 20, 20))],
    "x 'left' is not a number": [row_of("0.png", box=("left", 10, 20, 20))],
    "ten finite numbers": [row_of("0.png", box=BOX, points=("nan",) * 10)],
    "or all ten empty": [row_of("0.png", box=BOX, points=(1, 2, *[""] * 8))],
    "kind 'dog'": [row_of("0.png", kind="dog", box=BOX)],
    "split 'dev'": [row_of("0.png", split="dev", box=BOX)],
    "two splits": [row_of("0.png", box=BOX), row_of("0.png", split="val", box=BOX)],
    "named twice; put": [row_of("0.png", box=BOX), row_of("1.png", box=BOX), row_of("0.png", box=BOX)],
    "named twice?": [row_of("0.png", box=BOX), row_of("0.png", kind="none")],
    "is missing": [row_of("gone.png", box=BOX)],
    "path inside images": [row_of("../0.png", box=BOX)],
    "holds no rows": [],
}


@pytest.mark.parametrize("complaint", BAD_ROWS)
def test_rows_that_cannot_be_meant_are_refused_by_line(data: Path, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint.replace("?", r"\?")) as raised:
        read_labels(write_data(data, BAD_ROWS[complaint]))
    if BAD_ROWS[complaint]:
        assert "faces.csv:" in str(raised.value)


def test_a_box_outside_of_its_picture_is_refused_and_one_cut_by_the_border_is_not(data: Path) -> None:
    columns = (*COLUMNS, "image_width", "image_height")
    read_labels(write_data(data, [[*row_of("0.png", box=(-9, 10, 20, 20)), 96, 96]], columns))
    with pytest.raises(InputError, match="lies outside of the 96 x 96 picture"):
        read_labels(write_data(data, [[*row_of("0.png", box=(90, 90, 20, 20)), 96, 96]], columns))


def test_a_missing_csv_a_missing_column_and_a_broken_picture_are_input_errors(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(tmp_path / "nowhere")
    (data / "images" / "0.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="cannot be decoded"):
        PackedPictures(read_labels(data), tmp_path / "cache")
    with pytest.raises(InputError, match="no column kind, h"):
        read_labels(write_data(data, [], tuple(c for c in COLUMNS if c not in ("kind", "h"))))
    (data / "faces.csv").write_bytes(b"\xff\xfe\x00bad")
    with pytest.raises(InputError, match="UTF-8"):
        read_labels(data)


def test_packed_pictures_are_the_pictures(data: Path, tmp_path: Path) -> None:
    pictures = read_labels(data)
    for _ in range(2):  # packed, then found packed
        packed = PackedPictures(pictures, tmp_path / "cache")
        assert len(packed) == 16
        for n, picture in enumerate(pictures):
            assert np.array_equal(packed[n], cv2.imread(str(picture.path), cv2.IMREAD_GRAYSCALE))
    assert len(list((tmp_path / "cache").iterdir())) == 2


@pytest.fixture
def maker(data: Path, tmp_path: Path) -> SceneMaker:
    pictures = [p for p in read_labels(data) if p.split == "train"]
    return SceneMaker(pictures, PackedPictures(pictures, tmp_path / "cache"), 128)


def test_the_same_seed_makes_the_same_scene_and_another_seed_another(maker: SceneMaker) -> None:
    one, same, other = maker.scene(0, (1, 2, 3)), maker.scene(0, (1, 2, 3)), maker.scene(0, (1, 2, 4))
    assert np.array_equal(one.image, same.image) and np.array_equal(one.boxes, same.boxes)
    assert not np.array_equal(one.image, other.image)


def test_scenes_keep_landmarks_inside_their_boxes_and_right_stays_right(maker: SceneMaker) -> None:
    upright = 0
    for n in range(60):
        scene = maker.scene(n % 9, (5, n))
        assert scene.image.shape == (128, 128) and scene.image.dtype == np.uint8
        for box, points, ignored in zip(scene.boxes, scene.points, scene.ignored, strict=True):
            if ignored:
                continue
            assert min(box[2:]) >= 8
            assert (points >= box[:2] - 0.2 * box[2:]).all() and (points <= box[:2] + 1.2 * box[2:]).all()
            upright += 1
            assert points[0, 0] < points[1, 0] and points[3, 0] < points[4, 0], (
                "right eye and mouth corner left in the picture"
            )
    assert upright > 50


def test_calm_scenes_hold_fewer_faces_and_the_last_epochs_are_calm(maker: SceneMaker) -> None:
    wild = sum(len(maker.scene(0, (9, n)).boxes) for n in range(60))
    calm = sum(len(maker.scene(0, (9, n), calm=True).boxes) for n in range(60))
    assert calm < 0.8 * wild
    recipe = replace(QUICK, epochs=5, calm=0.4)
    assert [training._Scenes(maker, [0], recipe, epoch)._calm for epoch in range(5)] == [False] * 3 + [True] * 2


def test_a_piece_without_a_face_covers_some_of_a_tile_and_never_most_of_it(maker: SceneMaker) -> None:
    rng = np.random.default_rng(0)
    changed = []
    for _ in range(40):
        tile = np.full((120, 120), 128, np.uint8)
        maker._decoy(tile, rng)
        changed.append(float((tile != 128).mean()))
    assert sum(share > 0 for share in changed) > 35 and max(changed) < 0.4 < 20 * max(changed)


def test_mirroring_twice_changes_nothing() -> None:
    assert MIRRORED[MIRRORED].tolist() == list(range(5))
