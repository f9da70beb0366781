"""The comparison with classical classifiers is fair: right measures, look-alikes in one fold, one table for all."""

import json
import math
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

pytest.importorskip("sklearn", reason="the classical classifiers need scikit-learn (the extra 'train')")

from fer_pi.errors import DeviceError, InputError
from fer_pi.training.classical import contest
from fer_pi.training.classical.commands import train_classical
from fer_pi.training.classical.compare import Sampled, Samples, classifiers, cross_validated, folds, milliseconds
from fer_pi.training.classical.contest import labelled_faces
from fer_pi.training.classical.features import (
    KINDS,
    FoundShape,
    dlib_box,
    dlib_predictor,
    feature_rows,
    found_shape,
    hog_rows,
    shape_row,
)
from fer_pi.training.classical.geometry import of_5_points, of_68_points, of_dark_spots
from fer_pi.types import Box, Face
from fer_pi.vision.align import TEMPLATE, normalized

FIVE = np.array(TEMPLATE)


def sixty_eight() -> NDArray[np.float64]:
    """A drawn face: eyes 10 x 4 at (30, 40) and (70, 40), lips 30 x 12 and a gap 20 x 4 at (50, 80)."""

    def ring(x: float, y: float, width: float, height: float, count: int) -> NDArray[np.float64]:
        turn = math.pi + 2 * math.pi * np.arange(count) / count
        return np.stack([x + width / 2 * np.cos(turn), y + height / 2 * np.sin(turn)], axis=1)

    line = np.linspace
    jaw = np.stack([line(10, 90, 17), 110 - 0.02 * (line(10, 90, 17) - 50) ** 2], axis=1)
    brows = [np.stack([line(left, left + 20, 5), np.full(5, 28.0)], axis=1) for left in (20, 60)]
    nose = np.concatenate(
        [np.stack([np.full(4, 50.0), line(42, 60, 4)], axis=1), np.stack([line(44, 56, 5), np.full(5, 65.0)], axis=1)]
    )
    eyes = [ring(x, 40, 10, 4, 6) for x in (30, 70)]
    return np.concatenate([jaw, *brows, nose, *eyes, ring(50, 80, 30, 12, 12), ring(50, 80, 20, 4, 8)])


def moved(points: NDArray[np.float64], turn: float, scale: float) -> NDArray[np.float64]:
    cos, sin = scale * math.cos(turn), scale * math.sin(turn)
    return np.asarray(points @ np.array([[cos, sin], [-sin, cos]]) + [13.0, -7.0])


@pytest.mark.parametrize(("points", "measure"), [(FIVE, of_5_points), (sixty_eight(), of_68_points)])
def test_measures_do_not_know_size_place_and_roll(points: NDArray[np.float64], measure: Any) -> None:
    before, after = measure(points), measure(moved(points, 0.5, 3.0))
    assert list(before) == list(after)
    assert np.allclose(list(before.values()), list(after.values()), atol=2e-3)


def test_measures_are_those_of_the_drawn_face() -> None:
    found = of_68_points(sixty_eight())
    assert found["mouth, width"] == pytest.approx(30 / 40)
    assert found["between the brows"] == pytest.approx(20 / 40)
    assert found["right eye, major axis"] == pytest.approx(10 / 40, rel=1e-3)
    assert found["left eye, minor axis"] == pytest.approx(4 / 40, rel=1e-3)
    assert (found["lips, roundness"], found["lips, lies"]) == pytest.approx((12 / 30, 1.0), rel=1e-3)
    assert found["right brow, middle above the eye"] == pytest.approx(12 / 40)
    five = of_5_points(np.array([(0.0, 0.0), (2.0, 0.0), (1.0, 1.0), (0.0, 2.0), (2.0, 2.0)]))
    assert five["right eye to left eye"] == pytest.approx(1.0)
    assert five["angle at the nose, mouth"] == pytest.approx(math.pi / 2)
    assert five["tilt of the mouth"] == pytest.approx(0.0)


def test_a_smile_and_a_raised_brow_are_seen() -> None:
    plain = of_68_points(sixty_eight())
    points = sixty_eight()
    points[[48, 54], 1] -= 5
    points[17:22, 1] -= 6
    changed = of_68_points(points)
    assert changed["corners below the upper lip"] < plain["corners below the upper lip"]
    assert changed["right brow, middle above the eye"] > plain["right brow, middle above the eye"]
    assert changed["left brow, middle above the eye"] == plain["left brow, middle above the eye"]


@pytest.mark.parametrize("points", [np.zeros((68, 2)), np.repeat(np.arange(68.0)[:, None], 2, axis=1)])
def test_points_without_a_shape_give_numbers_all_the_same(points: NDArray[np.float64]) -> None:
    assert np.isfinite(list(of_68_points(points).values())).all()
    assert np.isfinite(list(of_5_points(points[:5]).values())).all()


def test_dark_spots_are_found_with_their_size_and_lean() -> None:
    crop = np.full((48, 48), 200, np.uint8)
    cv2.ellipse(crop, (24, 37), (9, 3), 0, 0, 360, [20], -1)
    wide = of_dark_spots(crop)
    assert wide["mouth, lies"] > 0.7 and abs(wide["mouth, leans"]) < 0.1
    assert wide["mouth, major axis"] * 17.54 == pytest.approx(9, abs=1)
    assert wide["mouth, minor axis"] * 17.54 == pytest.approx(3, abs=0.8)
    assert wide["right eye, darkness"] == 0 and wide["right eye, roundness"] == 1
    crop = np.full((48, 48), 200, np.uint8)
    cv2.ellipse(crop, (24, 37), (9, 3), 30, 0, 360, [20], -1)
    assert of_dark_spots(crop)["mouth, leans"] > 0.4


def test_a_face_that_is_not_found_has_no_points_but_as_many_columns() -> None:
    image = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    missing = found_shape(image, lambda picture: [])
    assert missing.points is None and (missing.aligned == normalized(image)).all()
    for of_68, points in ((False, FIVE), (True, sixty_eight())):
        there, gone = shape_row(FoundShape(points, image), of_68), shape_row(FoundShape(None, image), of_68)
        assert list(there) == list(gone)
        assert np.isnan(list(gone.values())).sum() == len(of_68_points(points) if of_68 else of_5_points(points))


def test_the_face_in_the_middle_is_measured_where_it_was_found() -> None:
    face = Face(Box(80, 72, 128, 144), tuple((3 * x + 72, 3 * y + 72) for x, y in TEMPLATE), 0.9)
    found = found_shape(np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8), lambda picture: [face])
    assert found.points is not None
    assert np.allclose(found.points, 3 * FIVE + 72)


def test_hog_tells_directions_and_not_brightness() -> None:
    ramp = np.tile(np.arange(48, dtype=np.uint8) * 2, (48, 1))
    rows = hog_rows(np.stack([ramp, ramp + 60, ramp.T]))
    assert rows.shape == (3, 900)
    assert np.allclose(rows[0], rows[1])
    assert not np.allclose(rows[0], rows[2])


def test_kinds_of_features_stand_side_by_side() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 48, 48), np.uint8)
    shapes = [FoundShape(FIVE, normalized(image)) for image in images]
    shape, hog, both = (feature_rows(kind, images, shapes, False) for kind in KINDS)
    assert (both == np.concatenate([shape, hog], axis=1)).all()


def test_dlib_gets_a_box_as_its_own_detector_draws_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    fake = ModuleType("dlib")

    class ShapePredictor:
        def __init__(self, path: str) -> None:
            if not Path(path).read_bytes():
                raise RuntimeError("Unexpected end of file")

        def __call__(self, picture: NDArray[np.uint8], rectangle: tuple[int, ...]) -> Any:
            asked.append(rectangle)
            parts = [SimpleNamespace(x=index, y=2 * index) for index in range(68)]
            return SimpleNamespace(num_parts=68, parts=lambda: parts)

    vars(fake).update(shape_predictor=ShapePredictor, rectangle=lambda *sides: sides)
    monkeypatch.setitem(sys.modules, "dlib", fake)
    (tmp_path / "points.dat").write_bytes(b"x")
    (tmp_path / "empty.dat").write_bytes(b"")
    box = Box(100, 100, 100, 100)
    points = dlib_predictor(tmp_path / "points.dat")(np.zeros((288, 288), np.uint8), Face(box, (), 0.9))
    assert points.shape == (68, 2) and (points[5] == (5, 10)).all()
    assert asked == [dlib_box(box)] == [(102, 107, 198, 202)]
    for name, what in (("none.dat", "no such file"), ("empty.dat", "not a shape predictor")):
        with pytest.raises(InputError, match=what):
            dlib_predictor(tmp_path / name)


def test_without_dlib_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(DeviceError, match="pip install dlib"):
        dlib_predictor(tmp_path / "points.dat")


def samples(count: int = 120) -> Samples:
    rng = np.random.default_rng(1)
    labels = np.arange(count) % 3
    rows = rng.normal(0, 1, (count, 12)).astype(np.float32)
    rows[np.arange(count), labels] += 4
    rows[::7, 3] = np.nan
    return Samples(rows, labels, np.arange(count) // 4)


def test_look_alikes_are_never_learnt_from_and_judged_at_once() -> None:
    some = samples()
    judged = np.zeros(len(some.labels), int)
    for learn, judge in folds(some):
        assert not set(some.groups[learn]) & set(some.groups[judge])
        assert set(some.labels[judge]) == {0, 1, 2}
        judged[judge] += 1
    assert (judged == 1).all()


@pytest.mark.parametrize("name", ["SVM", "logistic regression", "LDA", "random forest"])
def test_each_classifier_learns_what_can_be_learnt_and_nothing_from_noise(name: str) -> None:
    some = samples()
    make = classifiers(1000)[name]
    calls: list[int] = []
    found = cross_validated(make, some, lambda: calls.append(1))
    assert len(calls) == len(found["folds"]) == 5
    assert found["accuracy"] > 0.8 and found["macro_f1"] > 0.8
    shuffled = Samples(some.rows, np.random.default_rng(2).permutation(some.labels), some.groups)
    assert cross_validated(make, shuffled, lambda: None)["accuracy"] < 0.6


def test_a_sample_holds_every_emotion_and_no_more_faces_than_asked_for() -> None:
    seen: list[NDArray[np.int64]] = []
    labels = np.array([0] * 500 + [1] * 3)
    inner = SimpleNamespace(fit=lambda rows, given: seen.append(given), predict=lambda rows: [7])
    sampled = Sampled(inner, 50).fit(np.zeros((503, 1), np.float32), labels)
    assert len(seen[0]) == 50 and (seen[0] == 1).sum() >= 2
    assert sampled.predict(np.zeros((1, 1), np.float32)).tolist() == [7]


def test_time_is_the_median_of_one_face_after_a_first_that_does_not_count() -> None:
    ticks = iter([0.0, 0.004, 1.0, 1.002, 2.0, 2.9])
    read: list[int] = []
    assert milliseconds(read.append, 3, lambda: next(ticks)) == pytest.approx(4.0)
    assert read == [0, 0, 1, 2]


def write_data(folder: Path, counts: dict[str, int], seed: int = 0) -> Path:
    """Made-up pictures in a folder for each emotion: stripes of a direction of their own, each a different blotch."""
    rng = np.random.default_rng(seed)
    for at, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        stripes = 50 * np.sin(np.arange(48) / 2)
        for index in range(count):
            blotches = cv2.resize(rng.normal(0, 40, (6, 6)), (48, 48), interpolation=cv2.INTER_CUBIC)
            image = 128 + blotches + (stripes[:, None] if at else stripes[None, :])
            cv2.imwrite(str(folder / name / f"{index}.png"), np.clip(image, 0, 255).astype(np.uint8))
    return folder


def test_one_command_compares_all_with_the_net_in_one_table(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_data(data / "train", {"happy": 30, "Sad": 30})
    write_data(data / "validation", {"happiness": 8, "sad": 8}, seed=1)
    done = CliRunner().invoke(train_classical, [str(data), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert (result["train"], result["valid"], result["data"]) == (60, 16, "data")
    named = [(row["features"], row["classifier"]) for row in result["rows"]]
    assert len(set(named)) == len(named) == 3 * 4 + 1
    for row in result["rows"][:-1]:
        if row["features"] != "shape":
            assert row["cross_validation"]["accuracy"] > 0.9, row
            assert row["valid"]["accuracy"] > 0.9, row
        assert row["milliseconds"] > 0
    net = result["rows"][-1]
    assert net["cross_validation"] is None and net["valid"]["samples"] == 16
    done = CliRunner().invoke(train_classical, [str(data)], catch_exceptions=False)
    assert "logistic regression" in done.stdout and "fer-pi's net" in done.stdout


def test_data_without_a_split_is_judged_by_cross_validation_alone(tmp_path: Path) -> None:
    train, valid = labelled_faces(write_data(tmp_path, {"anger": 6, "fear": 7}))
    assert len(train) == 13 and valid is None


def test_photographs_that_judge_do_not_teach_however_they_were_changed(tmp_path: Path) -> None:
    write_data(tmp_path / "train", {"anger": 8, "fear": 8})
    write_data(tmp_path / "valid", {"anger": 3, "fear": 8}, seed=3)
    image = cv2.imread(str(tmp_path / "train/anger/5.png"), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    shift = np.array([[1.0, 0, 4], [0, 1, -2]])
    for index, changed in enumerate((image, image[:, ::-1], cv2.warpAffine(image, shift, (48, 48), borderMode=1))):
        cv2.imwrite(str(tmp_path / f"valid/anger/{index}.png"), changed)
        train, valid = labelled_faces(tmp_path)
        assert valid is not None and (len(train), len(valid)) == (15, 11)
        cv2.imwrite(str(tmp_path / f"valid/anger/{index}.png"), np.zeros((48, 48), np.uint8))


def compared(data: Path) -> None:
    CliRunner().invoke(train_classical, [str(data)], catch_exceptions=False)


def test_too_few_faces_are_refused_by_name_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contest, "face_detector", lambda: pytest.fail("begins to work"))
    with pytest.raises(InputError, match=r"too few different training faces for contempt \(3 of 3\); 5-fold"):
        compared(write_data(tmp_path / "few", {"anger": 8, "contempt": 3}))
    with pytest.raises(InputError, match="needs two"):
        compared(write_data(tmp_path / "one", {"anger": 8}))
    alike = write_data(tmp_path / "alike", {"anger": 8, "fear": 8})
    for index in range(1, 5):
        (alike / f"fear/{index}.png").write_bytes((alike / "fear/0.png").read_bytes())
    with pytest.raises(InputError, match=r"for fear \(4 of 8\).*look alike count as one: add some, or leave"):
        compared(alike)
    for path in (alike / "fear").iterdir():
        path.write_bytes((alike / "anger/0.png").read_bytes())
    with pytest.raises(InputError, match=r"for fear \(1 of 8\)"):
        compared(alike)
