"""Emotion data: folders and archives, split honestly; what misleads or is too little is refused by name."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_pi.errors import InputError
from fer_pi.testing.labelled_faces import two_mouths, voted, write_archives, write_folders
from fer_pi.training.emotion.data import (
    NO_LABEL,
    faces_from_votes,
    load_faces,
    sampling_weights,
)
from fer_pi.types import EMOTIONS

pytest.importorskip("torch", reason="training needs PyTorch (the extra 'train')")
pytest.importorskip("sklearn", reason="evaluation needs scikit-learn (the extra 'train')")


from fer_pi.training.emotion.split import split_by_photograph, split_data


def test_a_single_vote_counts_for_nothing_and_more_than_half_makes_a_majority() -> None:
    votes = np.array(
        [
            [6, 0, 0, 3, 1, 0, 0, 0, 0, 0],  # neutral: 6 of 9
            [4, 4, 2, 0, 0, 0, 0, 0, 0, 0],  # no majority, the first on a tie
            [0, 2, 0, 0, 0, 0, 0, 0, 8, 0],  # unknown
            [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],  # nothing left
            [0, 0, 0, 0, 0, 0, 0, 5, 5, 0],  # exactly half is no majority
        ],
        np.uint8,
    )
    faces = faces_from_votes(np.zeros((5, 48, 48), np.uint8), votes)
    assert faces.majority.tolist() == [0, NO_LABEL, NO_LABEL, NO_LABEL, NO_LABEL]
    assert faces.top.tolist() == [0, 0, NO_LABEL, NO_LABEL, 7]
    np.testing.assert_allclose(faces.targets[0], [6 / 9, 0, 0, 3 / 9, 0, 0, 0, 0])
    np.testing.assert_allclose(faces.weights, [1, 1, 0.2, 0, 0.5])
    assert np.isfinite(faces.targets).all()


@pytest.mark.parametrize("names", [("angry", "happy"), ("Anger", "HAPPINESS"), ("fearful", "Disgusted")])
def test_folders_may_bear_the_names_of_fer2013_or_fer_plus_in_any_capitals(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    meant = {"a": "anger", "h": "happiness", "f": "fear", "d": "disgust"}
    write_folders(tmp_path / "Train", names)
    write_folders(tmp_path / "validation", names, 4)
    faces = load_faces(tmp_path, "train")
    assert len(faces) == 8
    assert {EMOTIONS[index].value for index in faces.top} == {meant[name[0].lower()] for name in names}
    assert len(load_faces(tmp_path, "valid")) == 4


def test_pictures_in_folders_of_any_size_and_colour_become_grey_crops(tmp_path: Path) -> None:
    for name, shape in (("sad", (200, 150, 3)), ("fear", (20, 30, 4))):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "a picture.PNG".lower()), np.full(shape, 90, np.uint8))
    faces = load_faces(tmp_path, "valid")
    assert faces.images.shape == (2, 48, 48)
    np.testing.assert_allclose(faces.images, 90, atol=1)


def test_broken_pictures_are_named_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_folders(tmp_path, ("sad", "happy"))
    (tmp_path / "sad" / "broken.png").write_bytes(b"not a picture")
    (tmp_path / "sad" / "empty.jpg").write_bytes(b"")
    assert len(load_faces(tmp_path, "train")) == 8
    assert "broken.png" in caplog.text
    assert "2 of 10 pictures" in caplog.text


def broken_set(tmp_path: Path, case: str) -> Path:
    if case == "missing":
        return tmp_path / "nowhere"
    if case == "empty":
        return tmp_path
    if case == "not an archive":
        (tmp_path / "train.npz").write_bytes(b"PK nonsense")
    if case == "other arrays":
        np.savez(tmp_path / "train.npz", x=np.zeros(3))
    if case == "other size":
        np.savez(tmp_path / "train.npz", images=np.zeros((3, 64, 64), np.uint8), votes=np.zeros((3, 10)))
    if case == "other votes":
        np.savez(tmp_path / "train.npz", images=np.zeros((3, 48, 48), np.uint8), votes=np.zeros((3, 8)))
    if case == "no faces":
        np.savez(tmp_path / "train.npz", images=np.zeros((0, 48, 48), np.uint8), votes=np.zeros((0, 10)))
    if case == "pickled":
        np.savez(tmp_path / "train.npz", images=np.array([{}], dtype=object), votes=np.zeros((1, 10)))
    if case in ("unknown name", "empty class", "all broken", "only validation"):
        write_folders(tmp_path / ("validation" if case == "only validation" else "train"), ("sad", "happy"))
    if case == "unknown name":
        (tmp_path / "train" / "hapiness").mkdir()
    if case == "numbers":
        write_folders(tmp_path / "train", ("0", "3"))
    if case == "csv":
        (tmp_path / "fer2013.csv").write_text("emotion,pixels,Usage")
    if case == "empty class":
        (tmp_path / "train" / "fear").mkdir()
    if case == "all broken":
        for file in tmp_path.rglob("*.png"):
            file.write_bytes(b"x")
    return tmp_path


@pytest.mark.parametrize(
    ("case", "word"),
    [
        ("missing", "no such folder"),
        ("empty", "neither train.npz nor a folder for each emotion"),
        ("not an archive", "not a FER\\+ archive"),
        ("other arrays", "needs the arrays"),
        ("other size", "must be uint8"),
        ("other votes", "one column for each"),
        ("no faces", "no faces"),
        ("pickled", "not a FER\\+ archive"),
        ("unknown name", "did you mean 'happiness'"),
        ("empty class", "fear: holds no pictures"),
        ("numbers", "give the folder its emotion's name"),
        ("csv", "fer2013.csv cannot be trained on"),
        ("all broken", "none of its 8 pictures"),
        ("only validation", "the train part is missing"),
    ],
)
def test_a_data_set_that_cannot_be_used_says_why(tmp_path: Path, case: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        load_faces(broken_set(tmp_path, case), "train")


def test_pictures_of_one_photograph_stay_on_one_side_of_the_split() -> None:
    images, _ = two_mouths(120)
    twins = np.concatenate([images, images[:, :, ::-1], np.clip(images.astype(int) + 9, 0, 255).astype(np.uint8)])
    faces = replace(voted(360), images=twins, top=np.tile(np.arange(120), 3))
    train, aside = split_by_photograph(faces, 0.3, seed=1)
    assert len(aside) > 30
    assert len(train) + len(aside) == 360
    assert not set(train.top.tolist()) & set(aside.top.tolist())


def shared_set(folder: Path) -> Path:
    """Ten validation pictures stand in the training part too: moved by 4 pixels, half of them mirrored, darker."""
    write_archives(folder)
    with np.load(folder / "train.npz") as train, np.load(folder / "valid.npz") as valid:
        moved = np.roll(valid["images"][:10], (4, -2), axis=(1, 2)) // 2
        moved[5:] = moved[5:, :, ::-1]
        images = np.concatenate([train["images"], moved])
        votes = np.concatenate([train["votes"], valid["votes"][:10]])
    np.savez(folder / "train.npz", images=images, votes=votes)
    return folder


def test_photographs_shared_with_the_validation_part_are_refused_with_their_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"10 of 210 training pictures .* 10 of 40 pictures") as raised:
        split_data(shared_set(tmp_path), "refuse")
    assert str(raised.value).count(" = valid.npz[") == 5
    assert "--twins leave-out" in str(raised.value)


def test_shared_photographs_are_left_out_of_training_or_allowed_when_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shared_set(tmp_path)
    faces, aside, judges = split_data(tmp_path, "leave out")
    assert (len(faces) + len(aside), len(judges)) == (200, 40)
    learnt = {int(name[10:-1]) for name in (*faces.names, *aside.names)}
    assert learnt == set(range(200))
    faces, aside, _ = split_data(tmp_path, "allow")
    assert len(faces) + len(aside) == 210
    assert "figures on it flatter" in caplog.text


def test_an_emotion_that_only_the_validation_part_has_is_refused(tmp_path: Path) -> None:
    write_folders(tmp_path / "train", ("sad", "happy"), 60)
    write_folders(tmp_path / "test", ("sad", "fear"), 20, seed=3)
    with pytest.raises(InputError, match="faces for fear, the training part has none"):
        split_data(tmp_path)


def test_a_long_chain_of_look_alikes_is_learnt_from_rather_than_set_aside(tmp_path: Path) -> None:
    """Else one draw could set a third of the faces aside, all of them dim."""
    images, _ = two_mouths(120)
    images[:40] = images[0]
    faces = replace(voted(120), images=images, top=np.arange(120))
    for seed in range(8):
        train, _ = split_by_photograph(faces, 0.3, seed)
        assert set(range(40)) <= set(train.top.tolist())


@pytest.mark.parametrize(("count", "names"), [(3, ("sad", "happy")), (80, ("sad", "sad"))], ids=["tiny", "one class"])
def test_too_little_to_train_on_is_refused(tmp_path: Path, count: int, names: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="training needs at least"):
        split_data(write_folders(tmp_path, names, count))


def test_rare_emotions_are_drawn_more_often_but_not_as_often_as_common_ones() -> None:
    targets = np.eye(8, dtype=np.float32)[[0] * 99 + [5]]
    drawn = sampling_weights(targets, np.ones(100, np.float32), 0.5)
    assert drawn.sum() == pytest.approx(1)
    assert drawn[99] / drawn[0] == pytest.approx(99**0.5)
