"""Pictures that show no face: cut out of larger ones, and learnt from."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from fer_pi.errors import InputError
from fer_pi.testing.labelled_boxes import write_drawn_faces
from fer_pi.training.detector.background import PIECES, main, pictures_of_nobody, write_background
from fer_pi.types import Box, Face, Image


class Judge:
    """Sees a face wherever it is very bright."""

    def detect(self, image: Image) -> list[Face]:
        return [Face(Box(0, 0, 9, 9), (), 0.9)] if image.mean() > 150 else []


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A large scene, a bright one, a plain one, a small one, a cut-out object, and a file that is no picture."""
    folder = tmp_path / "pictures"
    (folder / "deeper").mkdir(parents=True)
    rng = np.random.default_rng(1)
    for name, low, shape in (("scene", 0, (300, 500)), ("bright", 150, (300, 300)), ("small", 0, (50, 50))):
        cv2.imwrite(str(folder / "deeper" / f"{name}.bmp"), rng.integers(low, low + 100, shape, np.uint8))
    cv2.imwrite(str(folder / "plain.bmp"), np.full((300, 300, 3), 90, np.uint8))
    cut_out = np.full((120, 150, 4), 30, np.uint8)
    cut_out[..., 3] = 255
    cut_out[:, :40, 3] = 0
    cv2.imwrite(str(folder / "object.png"), cut_out)
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def test_pieces_of_one_picture_are_of_one_kin_and_what_may_be_a_face_is_left_out(
    pictures: Path, tmp_path: Path
) -> None:
    (pictures / "object.png").unlink()
    written, faces = write_background(Judge(), [pictures], tmp_path / "out")
    assert (written, faces) == (PIECES + 1, PIECES + 1)
    kins = [picture.kin for picture in pictures_of_nobody(tmp_path / "out")]
    assert kins == ["out:pictures/deeper/scene"] * (PIECES + 1)
    sizes = {cv2.imread(str(p.path), cv2.IMREAD_GRAYSCALE).shape for p in pictures_of_nobody(tmp_path / "out")}
    assert sizes == {(230, 384), (320, 320)}


def test_an_object_lies_on_a_ground_and_its_transparent_part_shows_it(pictures: Path, tmp_path: Path) -> None:
    (pictures / "deeper/scene.bmp").unlink()
    (pictures / "deeper/bright.bmp").unlink()
    write_background(Judge(), [pictures], tmp_path / "out")
    (file,) = (tmp_path / "out/pictures/object").iterdir()
    scene = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
    assert scene is not None
    assert scene.min() < 40 and abs(float(np.median(scene[scene > 60])) - 128) < 4
    columns, rows = np.nonzero((scene < 45).any(0))[0], np.nonzero((scene < 45).any(1))[0]
    assert len(columns) < 3 * 110 / 150 * 280 and len(rows) > 30


def test_every_picture_below_is_one_of_nobody(pictures: Path) -> None:
    found = pictures_of_nobody(pictures)
    assert {(p.split, p.group, p.empty) for p in found} == {("train", "pictures", True)} and len(found) == 6
    with pytest.raises(InputError, match="none: no such folder"):
        pictures_of_nobody(pictures / "none")


def test_a_judge_from_a_file_cuts_from_the_command_line(pictures: Path, tmp_path: Path) -> None:
    shipped = Path(__file__).parent.parent / "models/detector"
    result = CliRunner().invoke(main, [str(shipped), str(tmp_path / "out"), str(pictures)], catch_exceptions=False)
    assert result.exit_code == 0 and "pieces written to" in result.output
    result = CliRunner().invoke(main, [str(shipped), str(tmp_path / "out"), str(tmp_path / "none")])
    assert result.exit_code == 1 and "none: no such folder" in result.output


def test_backgrounds_teach_and_stand_on_the_card(pictures: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs PyTorch (the extra 'train')")
    pytest.importorskip("onnx", reason="the export needs onnx (the extra 'train')")
    from fer_pi.training.detector.net import NetShape
    from fer_pi.training.detector.product import make_model
    from fer_pi.training.detector.train import Recipe

    shape = NetShape(stem=(2, 4), width=(8, 8, 8), depth=(1, 1, 1))
    recipe = Recipe(epochs=1, scenes=8, batch=4, size=64, warmup=2, shape=shape)
    (pictures / "broken.jpg").unlink()
    data, out = write_drawn_faces(tmp_path / "data"), tmp_path / "model"
    make_model(data, (), out, recipe, background=[pictures], folder=tmp_path / "run", threshold=0.5, threads=1)
    assert "- pictures: " in (out / "card.md").read_text()
    assert json.loads((out / "manifest.json").read_text())["training"]["sets"]["pictures"] >= 1
