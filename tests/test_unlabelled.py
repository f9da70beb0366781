"""Faces without a label: cut out of photographs as the Pi cuts them, known only by what the teachers say of them."""

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from fer_pi import sources
from fer_pi.errors import InputError
from fer_pi.types import CROP_SIZE
from fer_pi.vision.align import raw_crop

pytest.importorskip("torch", reason="training needs PyTorch (the extra 'train')")

import torch

from fer_pi.training.emotion import train as training
from fer_pi.training.emotion.augment import Strength
from fer_pi.training.emotion.commands import train_emotion
from fer_pi.training.emotion.data import faces_from_votes
from fer_pi.training.emotion.net import build
from fer_pi.training.emotion.unlabelled import as_on_the_pi, unlabelled_faces

PHOTOGRAPHS = Path(sources.__file__).parent / "demo_faces"
NOBODY = np.zeros((1, CROP_SIZE, CROP_SIZE), np.uint8)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with one face, one file that is no picture, and a picture of nobody."""
    folder = tmp_path / "album"
    (folder / "deeper").mkdir(parents=True)
    shutil.copy(PHOTOGRAPHS / "hopper.jpg", folder / "deeper")
    (folder / "broken.jpg").write_bytes(b"no picture")
    cv2.imwrite(str(folder / "empty.png"), np.full((200, 300), 90, np.uint8))
    return folder


def test_faces_are_cut_as_on_the_pi(album: Path, caplog: pytest.LogCaptureFixture) -> None:
    detect = as_on_the_pi(None)
    found = unlabelled_faces([album], detect, [NOBODY])
    picture = cv2.imread(str(PHOTOGRAPHS / "hopper.jpg"), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    (face,) = detect(np.asarray(picture, np.uint8))
    np.testing.assert_array_equal(found, [raw_crop(np.asarray(picture, np.uint8), face)])
    assert "1 of 3 pictures cannot be read" in caplog.text


def test_a_face_that_judges_is_not_taught(album: Path) -> None:
    found = unlabelled_faces([album], as_on_the_pi(None), [NOBODY])
    for judge in (found, found[:, :, ::-1], np.roll(found, 2, axis=1)):
        with pytest.raises(InputError, match="stand in the data set already"):
            unlabelled_faces([album], as_on_the_pi(None), [NOBODY, np.ascontiguousarray(judge)])


def test_folders_without_a_face_are_named(album: Path, tmp_path: Path) -> None:
    shutil.rmtree(album / "deeper")
    with pytest.raises(InputError, match=r"album: no face of 24 px or more is found in its 2 pictures"):
        unlabelled_faces([album], as_on_the_pi(None), [NOBODY])
    (tmp_path / "bare").mkdir()
    with pytest.raises(InputError, match="bare: holds no pictures"):
        unlabelled_faces([tmp_path / "bare"], as_on_the_pi(None), [NOBODY])
    with pytest.raises(InputError, match="none: no such folder"):
        unlabelled_faces([tmp_path / "none"], as_on_the_pi(None), [NOBODY])


def test_unlabelled_faces_teach_what_the_teacher_says(tmp_path: Path) -> None:
    """Shown nothing but unlabelled faces a net learns its teacher's opinion of them, whatever the votes are."""
    rng = np.random.default_rng(1)
    images, more = rng.integers(0, 256, (2, 64, CROP_SIZE, CROP_SIZE), np.uint8)
    votes = np.zeros((64, 10), np.uint8)
    votes[np.arange(64), np.arange(64) % 2] = 10
    faces = faces_from_votes(images, votes)
    turned = replace(faces, targets=np.roll(faces.targets, 1, axis=1))
    teacher = build("tiny").eval()
    with torch.no_grad():
        teacher.head.bias[3] += 9.0  # type: ignore[union-attr,index,operator]
    recipe = training.Recipe(
        net="tiny", epochs=20, batch=32, rate=0.1, teaching=0.0, unlabelled_share=1.0, strength=Strength(), ema=0.9
    )
    one, other = (
        training.train(data, data, recipe, tmp_path / "run.ckpt", teachers=(teacher,), unlabelled=more)
        for data in (faces, turned)
    )
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert (training.logits(one, more).argmax(axis=1) == 3).mean() > 0.95
    deaf = replace(recipe, unlabelled_share=0.0)
    alone = training.train(faces, faces, deaf, tmp_path / "deaf.ckpt", teachers=(teacher,), unlabelled=more)
    assert (training.logits(alone, more).argmax(axis=1) == 3).mean() < 0.05


def test_unlabelled_faces_want_a_teacher(album: Path, tmp_path: Path) -> None:
    arguments = (tmp_path, "--out", tmp_path / "model", "--unlabelled", album)
    result = CliRunner().invoke(train_emotion, [str(argument) for argument in arguments])
    assert isinstance(result.exception, InputError) and "give --teacher with --unlabelled" in str(result.exception)
