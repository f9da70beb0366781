"""The conditions of the robustness figures: each does to a crop what it says, and nothing else."""

import cv2
import numpy as np
import pytest

from fer_pi.training.emotion import conditions
from fer_pi.training.emotion.conditions import CONDITIONS, Condition, Crops


def made_crops(count: int = 6) -> Crops:
    rng = np.random.default_rng(3)
    coarse = rng.uniform(40, 215, (count, 12, 12))
    return np.asarray(np.kron(coarse, np.ones((4, 4))), np.uint8)


def striped(period_px: int) -> Crops:
    columns = np.where(np.arange(48) // (period_px // 2) % 2, 200, 50)
    return np.asarray(np.tile(columns, (1, 48, 1)), np.uint8)


every = pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: str(condition.name))


@every
def test_a_condition_changes_the_crops_and_leaves_what_it_was_given_alone(condition: Condition) -> None:
    crops = made_crops()
    before = crops.copy()
    after = condition.change(crops, 1)
    assert after.shape == crops.shape and after.dtype == np.uint8
    assert (after != before).any(axis=(1, 2)).all()
    np.testing.assert_array_equal(crops, before)


@every
def test_the_same_seed_gives_the_same_crops_however_many_follow(condition: Condition) -> None:
    crops = made_crops()
    np.testing.assert_array_equal(condition.change(crops, 5)[:2], condition.change(crops[:2], 5))


@pytest.mark.parametrize("change", [conditions.noisy, conditions.rotated, conditions.covered])
def test_another_seed_gives_other_chance(change: object) -> None:
    assert callable(change)
    assert (change(made_crops(), 1) != change(made_crops(), 2)).any()


def test_a_small_face_keeps_what_24_pixels_can_show_and_loses_the_rest() -> None:
    fine, coarse = striped(2), striped(16)
    assert conditions.small_faces(fine).std() < 1
    assert conditions.small_faces(coarse).std() > 0.8 * coarse.std()
    assert conditions.small_faces(fine).mean() == pytest.approx(fine.mean(), abs=1)


@pytest.mark.parametrize(("change", "gamma"), [(conditions.brightened, 0.4), (conditions.darkened, 2.5)])
def test_gamma_moves_every_grey_level_as_the_formula_has_it(change: object, gamma: float) -> None:
    assert callable(change)
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    np.testing.assert_allclose(change(levels), 255 * (levels / 255) ** gamma, atol=0.5001)


def test_motion_smears_a_point_over_five_pixels_of_its_row() -> None:
    crop = np.zeros((1, 48, 48), np.uint8)
    crop[0, 20, 20] = 250
    smeared = conditions.motion_blurred(crop)[0]
    assert smeared[20, 18:23].tolist() == [50] * 5
    assert smeared.sum() == 250


def test_noise_has_the_stated_deviation_and_no_bias() -> None:
    grey = np.full((20, 48, 48), 128, np.uint8)
    difference = conditions.noisy(grey, 4).astype(float) - grey
    assert difference.std() == pytest.approx(12, rel=0.02)
    assert abs(difference.mean()) < 0.2
    assert conditions.noisy(np.full((1, 48, 48), 254, np.uint8), 1).max() == 255


def test_jpeg_is_that_of_quality_20() -> None:
    crops = made_crops(2)
    _, data = cv2.imencode(".jpg", crops[1], [cv2.IMWRITE_JPEG_QUALITY, 20])
    np.testing.assert_array_equal(conditions.compressed(crops)[1], cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


def test_rotation_is_by_20_degrees_about_the_middle_and_goes_both_ways() -> None:
    crop = np.zeros((40, 48, 48), np.uint8)
    crop[:, 23:25, 4:44] = 255
    ways = []
    for turned in conditions.rotated(crop, 1):
        y, x = np.nonzero(turned > 127)
        ways.append(round(float(np.degrees(np.arctan(np.polyfit(x, y, 1)[0])))))
        assert (x.mean(), y.mean()) == pytest.approx((23.5, 23.5), abs=0.3)
    assert {abs(way) for way in ways} <= {19, 20, 21}
    assert min(ways) < 0 < max(ways)


def test_the_lower_third_is_hidden_behind_one_grey_and_the_rest_stays() -> None:
    crops = made_crops(30)
    hidden = conditions.covered(crops, 2)
    np.testing.assert_array_equal(hidden[:, :32], crops[:, :32])
    assert (hidden[:, 32:].std(axis=(1, 2)) == 0).all()
    assert len(set(hidden[:, 40, 20].tolist())) > 15


def test_every_condition_of_the_goal_is_there_with_its_limit() -> None:
    assert {condition.name: condition.most_lost for condition in CONDITIONS} == {
        "small_24px": 15,
        "gamma_0.4": 8,
        "gamma_2.5": 8,
        "motion_blur_5px": 8,
        "noise_12": 8,
        "jpeg_20": 8,
        "rotation_20deg": 8,
        "lower_third_covered": 15,
    }
