"""How well a face can be read, what that is worth, and what the person is told."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from fer_pi.readability import hint, trust
from fer_pi.testing.faces import GOOD, face_at
from fer_pi.types import Box, Face, Image
from fer_pi.vision.quality import quality, yaw

FACE = face_at(320, 240, 100)


def texture(height: int, width: int, mean: float = 120, deviation: float = 40) -> Image:
    """A picture with as much detail as a face has."""
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, (height, width)), (0, 0), 1.0)
    picture: Image = np.clip(mean + deviation * noise / noise.std(), 0, 255).astype(np.uint8)
    return picture


SCENE = texture(480, 640)
CROP = texture(48, 48)


def test_size_is_the_shorter_side_of_the_box() -> None:
    assert quality(SCENE, FACE, CROP).size_px == pytest.approx(100)


def test_light_is_that_of_the_face_and_not_of_the_room() -> None:
    scene = np.full((480, 640), 250, np.uint8)
    scene[175:305, 270:370] = texture(130, 100, mean=60, deviation=20)
    measured = quality(scene, FACE, CROP)
    assert measured.brightness == pytest.approx(60, abs=3)
    assert measured.contrast == pytest.approx(20, abs=3)


def test_a_face_cut_by_the_border_is_measured_on_the_part_that_is_there() -> None:
    assert quality(SCENE, face_at(0, 0, 200), CROP).brightness == pytest.approx(120, abs=10)
    outside = quality(SCENE, face_at(-500, -500, 100), CROP)
    assert (outside.brightness, outside.contrast) == (0, 0)


def test_blur_lowers_the_sharpness_and_soon_the_trust() -> None:
    crops = [CROP, *(cv2.GaussianBlur(CROP, (0, 0), spread).astype(np.uint8) for spread in (1, 2, 4))]
    sharpness = [quality(SCENE, FACE, crop).sharpness for crop in crops]
    assert sharpness == sorted(sharpness, reverse=True) and sharpness[0] > 8 * sharpness[2]
    worth = [trust(replace(GOOD, sharpness=each)) for each in sharpness]
    assert worth[0] == 1 and worth[-1] == 0


def test_a_flat_crop_has_no_sharpness() -> None:
    assert quality(SCENE, FACE, np.full((48, 48), 99, np.uint8)).sharpness == 0


@pytest.mark.parametrize("roll_deg", [-30, 0, 30])
def test_yaw_is_zero_in_front_and_grows_to_the_side_to_which_the_subject_turns(roll_deg: float) -> None:
    values = [yaw(face_at(50, 50, 80, degrees, roll_deg).landmarks) for degrees in (-60, -30, -10, 0, 10, 30, 60)]
    assert values == sorted(values)
    assert values[3] == pytest.approx(0, abs=1e-9)
    assert values[0] == -1 and values[-1] == 1
    assert values[5] == pytest.approx(-values[1]) == pytest.approx(0.58, abs=0.05)
    assert face_at(0, 0, 100, 30).landmarks[2][0] > 0  # the subject's left is on the right of the picture


def test_without_landmarks_or_with_all_in_one_point_a_face_counts_as_frontal() -> None:
    assert yaw(()) == 0
    assert yaw(((5.0, 5.0),) * 5) == 0
    assert quality(SCENE, Face(Box(0, 0, 50, 60), (), 0.5), CROP).yaw == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [({}, ""), ({"brightness": 20.0}, "too dark"), ({"brightness": 240.0}, "too bright"),
     ({"contrast": 5.0}, "more light"), ({"size_px": 14.0}, "come closer"),
     ({"yaw": 0.8}, "look here"), ({"yaw": -0.8}, "look here"), ({"sharpness": 12.0}, "hold still")],
)  # fmt: skip
def test_the_hint_names_what_is_wrong_and_the_trust_is_lowered_by_it(change: dict[str, float], words: str) -> None:
    changed = replace(GOOD, **change)
    assert hint(changed) == words
    assert (trust(changed) == 1) == (words == "")


@pytest.mark.parametrize("hopeless", [{"size_px": 9.0}, {"sharpness": 5.0}, {"brightness": 5.0}, {"brightness": 252.0},
                                      {"contrast": 3.0}, {"yaw": 1.0}])  # fmt: skip
def test_a_face_that_cannot_be_read_is_worth_nothing(hopeless: dict[str, float]) -> None:
    assert trust(replace(GOOD, **hopeless)) == 0
