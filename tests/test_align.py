"""Alignment: every face comes out upright, centred, of one size and of one brightness, wherever and however it lay."""

import math

import cv2
import numpy as np
import pytest

from fer_pi.types import CROP_SIZE, Box, Face, Image
from fer_pi.vision import align
from fer_pi.vision.align import TEMPLATE, TEMPLATE_BOX, face_crop, face_crops, normalized, raw_crop


@pytest.fixture
def crop() -> Image:
    """A smooth made-up face, 48 x 48: dark eyes and mouth on a lit oval."""
    y, x = np.mgrid[0:CROP_SIZE, 0:CROP_SIZE].astype(np.float32)
    image = 90 + 90 * np.exp(-(((x - 23.5) / 17) ** 2 + ((y - 26) / 21) ** 2)) + x
    for (px, py), depth in zip(TEMPLATE, (80, 80, 25, 60, 60), strict=True):
        image -= depth * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 14)
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def picture_of(
    crop: Image, size: float, angle_deg: float = 0.0, center: tuple[float, float] = (320.0, 240.0)
) -> tuple[Image, Face]:
    """A 640 x 480 picture with the crop in it, `size` pixels wide and turned, and where a detector would find it."""
    scale, angle = size / CROP_SIZE, math.radians(angle_deg)
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    middle = (CROP_SIZE - 1) / 2
    matrix = np.hstack([turn, (np.array(center) - turn @ [middle, middle])[:, None]])
    picture = cv2.warpAffine(crop, matrix, (640, 480), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    points = (np.array(TEMPLATE) @ turn.T + matrix[:, 2]).tolist()
    x, y = matrix @ [*(c - 0.5 for c in TEMPLATE_BOX.center), 1] + 0.5
    width, height = TEMPLATE_BOX.width * scale, TEMPLATE_BOX.height * scale
    return np.asarray(picture, np.uint8), Face(
        Box(x - width / 2, y - height / 2, width, height), tuple((a, b) for a, b in points), 0.9
    )


def difference(one: Image, other: Image) -> float:
    """Mean grey levels apart, without the rim of two pixels."""
    return float(np.abs(one[2:-2, 2:-2].astype(float) - other[2:-2, 2:-2]).mean())


@pytest.mark.parametrize("size", [48, 60, 97, 150, 240, 420])
@pytest.mark.parametrize("angle_deg", [-30, 0, 17])
def test_a_face_comes_out_as_it_went_in_whatever_its_size_and_turn(crop: Image, size: float, angle_deg: float) -> None:
    picture, face = picture_of(crop, size, angle_deg)
    assert difference(raw_crop(picture, face), crop) < 1.5


def test_a_shift_of_one_pixel_would_be_noticed(crop: Image) -> None:
    """The tolerance above is tighter than the smallest mistake worth finding."""
    assert difference(np.roll(crop, 1, axis=1), crop) > 1.5


@pytest.mark.parametrize("size", [60, 150, 300])
def test_without_landmarks_the_box_gives_the_same_crop(crop: Image, size: float) -> None:
    picture, face = picture_of(crop, size)
    assert difference(raw_crop(picture, Face(face.box, (), 0.9)), crop) < 1.5


@pytest.mark.parametrize(
    "landmarks",
    [
        ((5.0, 5.0),) * 5,
        ((float("nan"), 1.0),) * 5,
        ((float("inf"), 1.0), (1, 2), (3, 4), (5, 6), (7, 8)),
        ((1.0, 2.0),),
    ],
    ids=["one point", "nan", "infinite", "too few"],
)
def test_landmarks_that_say_nothing_fall_back_to_the_box(
    crop: Image, landmarks: tuple[tuple[float, float], ...]
) -> None:
    picture, face = picture_of(crop, 100)
    expected = raw_crop(picture, Face(face.box, (), 0.9))
    np.testing.assert_array_equal(raw_crop(picture, Face(face.box, landmarks, 0.9)), expected)


def test_fine_texture_of_a_large_face_averages_out_instead_of_aliasing() -> None:
    """A checkerboard of single pixels is mid-grey from afar; sampling it would give black and white."""
    picture = (np.indices((480, 640)).sum(axis=0) % 2 * 255).astype(np.uint8)
    _, face = picture_of(np.zeros((48, 48), np.uint8), 384)
    crop = raw_crop(picture, face)
    assert abs(float(crop.mean()) - 127.5) < 3
    assert float(crop.std()) < 20


@pytest.mark.parametrize("center", [(0, 0), (639, 479), (-200, 240), (320, 3000), (1e6, -1e6)])
def test_beyond_the_picture_its_edge_is_repeated(crop: Image, center: tuple[float, float]) -> None:
    picture = np.full((480, 640), 77, np.uint8)
    _, face = picture_of(crop, 120, 10, center)
    np.testing.assert_array_equal(raw_crop(picture, face), np.full((48, 48), 77, np.uint8))


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (9000, 9000)])
def test_pictures_of_any_shape_give_a_crop(shape: tuple[int, int]) -> None:
    face = Face(Box(0, 0, shape[1], shape[0]), (), 0.5)
    assert raw_crop(np.full(shape, 9, np.uint8), face).shape == (48, 48)


@pytest.mark.parametrize("box", [Box(5, 5, 0, 0), Box(5, 5, -3, 10), Box(1e7, 0, 1, 1)])
def test_a_box_without_area_gives_a_crop_all_the_same(box: Box) -> None:
    assert face_crop(np.full((40, 40), 9, np.uint8), Face(box, (), 0.5)).shape == (48, 48)


def test_a_picture_that_is_a_view_gives_the_same_crop_and_is_not_written_to(crop: Image) -> None:
    picture, face = picture_of(crop, 150)
    wide = np.zeros((480, 640, 2), np.uint8)
    wide[:, :, 0] = picture
    view = wide[:, :, 0]
    view.flags.writeable = False
    np.testing.assert_array_equal(raw_crop(view, face), raw_crop(picture, face))


def test_normalised_crops_have_one_mean_and_one_deviation(crop: Image) -> None:
    for darker in (crop, np.asarray(crop // 4, np.uint8), np.asarray(crop // 2 + 120, np.uint8)):
        out = normalized(darker)
        assert out.dtype == np.uint8
        assert abs(out.mean() - align.MEAN) < 1.5
        assert abs(out.std() - align.DEVIATION) < 1.5


def test_light_twice_as_bright_gives_nearly_the_same_normalised_crop(crop: Image) -> None:
    assert difference(normalized(crop), normalized(np.asarray(crop // 2, np.uint8))) < 1.5


def test_one_crop_and_the_same_among_many_are_normalised_alike(crop: Image) -> None:
    """Training normalises batches, the Pi one crop: the bits are the same."""
    rng = np.random.default_rng(3)
    many = np.concatenate([crop[None], rng.integers(0, 256, (200, 48, 48), np.uint8), np.zeros((1, 48, 48), np.uint8)])
    np.testing.assert_array_equal(normalized(many), np.stack([normalized(one) for one in many]))


def test_a_flat_crop_stays_flat() -> None:
    np.testing.assert_array_equal(normalized(np.full((48, 48), 200, np.uint8)), np.full((48, 48), 128, np.uint8))


def test_face_crop_is_the_raw_crop_normalised_and_face_crops_keeps_the_order(crop: Image) -> None:
    picture, face = picture_of(crop, 150)
    other = Face(Box(10, 10, 60, 60), (), 0.5)
    crops = face_crops(picture, [face, other])
    np.testing.assert_array_equal(crops[0], normalized(raw_crop(picture, face)))
    np.testing.assert_array_equal(crops[1], face_crop(picture, other))
    assert face_crops(picture, []) == []


def test_the_template_is_symmetric_about_the_middle_of_the_crop() -> None:
    right_eye, left_eye, nose, right_mouth, left_mouth = TEMPLATE
    for right, left in ((right_eye, left_eye), (right_mouth, left_mouth), (nose, nose)):
        assert right[0] + left[0] == pytest.approx(CROP_SIZE - 1, abs=0.02)
        assert right[1] == pytest.approx(left[1], abs=0.02)
