"""Pictures that show no face: cut out of larger ones, and learnt from."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image as Pillow

from fer_pi.errors import InputError
from fer_pi.testing.labelled_boxes import write_drawn_faces
from fer_pi.training.detector.background import PIECES, cut, main, placed, write_background
from fer_pi.training.detector.labels.nobody import pictures_of_nobody
from fer_pi.types import Box, Face, Image

SHIPPED = Path(__file__).parent.parent / "models/detector"
ORIENTATION, ON_ITS_SIDE = 0x0112, 6


class Judge:
    """Sees a face wherever it is very bright."""

    def detect(self, image: Image) -> list[Face]:
        return [Face(Box(0, 0, 9, 9), (), 0.9)] if image.mean() > 150 else []


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A large scene, a bright one, a plain one, a small one, a cut-out object, and what is no picture."""
    folder = tmp_path / "pictures"
    (folder / "deeper").mkdir(parents=True)
    rng = np.random.default_rng(1)
    for name, low, shape in (("scene", 0, (300, 500)), ("bright", 150, (300, 300)), ("small", 0, (50, 50))):
        cv2.imwrite(str(folder / "deeper" / f"{name}.bmp"), rng.integers(low, low + 100, shape, np.uint8))
    cv2.imwrite(str(folder / "plain.bmp"), np.full((300, 300, 3), 90, np.uint8))
    cut_out = np.full((120, 150, 4), 30, np.uint8)
    cut_out[..., 3] = 255
    cut_out[:, :40] = (255, 255, 255, 0)
    cv2.imwrite(str(folder / "object.png"), cut_out)
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "folder.png").mkdir()
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    return folder


def test_pieces_of_one_picture_are_of_one_kin_and_what_may_be_a_face_is_left_out(
    pictures: Path, tmp_path: Path
) -> None:
    written, faces = write_background(Judge(), [pictures], tmp_path / "out")
    assert (written, faces) == (PIECES + 2, PIECES + 1)
    found = pictures_of_nobody(tmp_path / "out")
    scene, thing = "out:pictures/deeper/scene.bmp", "out:pictures/object.png"
    assert [picture.kin for picture in found] == [scene] * (PIECES + 1) + [thing]
    sizes = {np.shape(cv2.imread(str(picture.path), cv2.IMREAD_GRAYSCALE)) for picture in found}
    assert sizes == {(230, 384), (320, 320)}


def test_an_object_hides_its_ground_and_its_holes_show_it() -> None:
    cut_out = np.full((120, 150, 4), 30, np.uint8)
    cut_out[..., 3] = 255
    cut_out[:, :40] = (255, 255, 255, 0)
    scene = placed(cut_out, np.full((50, 50), 128, np.uint8), np.random.default_rng(1))
    assert scene.shape == (320, 320) and scene.min() == 30 and scene.max() == 128
    assert 0.02 < (scene == 30).mean() < 0.95


def test_an_object_lies_on_what_passed_the_judge(pictures: Path, tmp_path: Path) -> None:
    (pictures / "deeper/scene.bmp").unlink()
    write_background(Judge(), [pictures], tmp_path / "out")
    (file,) = (tmp_path / "out/pictures/object.png").iterdir()
    scene = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
    assert scene is not None and abs(float(np.median(scene[scene > 60])) - 128) < 4


def test_a_photograph_is_judged_upright(tmp_path: Path) -> None:
    (tmp_path / "phone").mkdir()
    exif = Pillow.Exif()
    exif[ORIENTATION] = ON_ITS_SIDE
    noise = np.random.default_rng(1).integers(0, 256, (110, 150), np.uint8)
    Pillow.fromarray(noise).save(tmp_path / "phone/tall.jpg", exif=exif)
    write_background(Judge(), [tmp_path / "phone"], tmp_path / "out")
    (found,) = pictures_of_nobody(tmp_path / "out")
    assert np.shape(cv2.imread(str(found.path), cv2.IMREAD_GRAYSCALE)) == (225, 165)


def test_the_longest_and_thinnest_pictures_are_cut_too() -> None:
    rng = np.random.default_rng(1)
    shades = np.tile(np.linspace(0, 255, 80_000).astype(np.uint8), (100, 1))
    assert [piece.shape for piece in cut(shades, rng)] == [(1, 384)]
    assert placed(np.dstack([shades] * 4), np.full((50, 50), 128, np.uint8), rng).shape == (320, 320)


def test_what_would_mix_pieces_or_cut_them_twice_is_refused(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "other/pictures").mkdir(parents=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/old.jpg").touch()
    for folders, out, why in (
        ([pictures, tmp_path / "other/pictures"], "out", "two folders are called pictures"),
        ([pictures], "pictures/out", "out: lies in"),
        ([pictures], "full", "full: holds something already"),
        ([tmp_path / "none"], "out", "none: no such folder"),
    ):
        result = CliRunner().invoke(main, [str(SHIPPED), str(tmp_path / out), *map(str, folders)])
        assert result.exit_code == 1 and why in result.output
    result = CliRunner().invoke(main, [str(SHIPPED), str(tmp_path / "out"), str(pictures)], catch_exceptions=False)
    assert result.exit_code == 0 and "pieces written to" in result.output


def test_backgrounds_teach_and_stand_on_the_card(pictures: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs PyTorch (the extra 'train')")
    pytest.importorskip("onnx", reason="the export needs onnx (the extra 'train')")
    from fer_pi.training.detector.net import NetShape
    from fer_pi.training.detector.product import make_model
    from fer_pi.training.detector.train import Recipe

    shape = NetShape(stem=(2, 4), width=(8, 8, 8), depth=(0, 1, 1, 1))
    recipe = Recipe(epochs=1, scenes=8, batch=4, size=64, warmup=2, shape=shape)
    data, rooms = write_drawn_faces(tmp_path / "data"), tmp_path / "rooms"
    write_background(Judge(), [pictures], rooms)
    said: list[str] = []

    def make(background: Path, *, resume: bool = False) -> None:
        make_model(
            data,
            (),
            tmp_path / "model",
            recipe,
            background=[background],
            folder=tmp_path / "run",
            resume=resume,
            threshold=0.5,
            threads=1,
            say=said.append,
        )

    make(rooms)
    taught = json.loads((tmp_path / "model/manifest.json").read_text())["training"]["sets"]["rooms"]
    assert f"{taught} background pictures teach, {PIECES + 2 - taught} are set aside" in said[0] and taught >= 1
    assert f"- rooms: {taught} pictures. add origin and licence here." in (tmp_path / "model/card.md").read_text()
    make(rooms, resume=True)
    changed = next(iter(sorted(rooms.rglob("*.jpg"))))
    cv2.imwrite(str(changed), np.full((320, 320), 7, np.uint8))
    with pytest.raises(InputError, match="other settings"):
        make(rooms, resume=True)


def test_a_background_is_not_called_as_a_set_of_the_data(pictures: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs PyTorch (the extra 'train')")
    from fer_pi.training.detector.product import make_model
    from fer_pi.training.detector.train import Recipe

    data = write_drawn_faces(tmp_path / "data")
    with pytest.raises(InputError, match="another set is called pictures; rename the folder"):
        make_model(data, (), tmp_path / "model", Recipe(), background=[pictures] * 2, folder=tmp_path / "run")
