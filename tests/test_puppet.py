"""Photographs that move their faces."""

import numpy as np
import pytest

from fer_pi.sources.puppet import Pose, puppet
from fer_pi.types import Image

PEOPLE = ("collins", "hopper")


def room() -> Image:
    return np.full((480, 640, 3), 150, np.uint8)


def drawn(name: str, pose: Pose, **expression: float) -> Image:
    picture = room()
    puppet(name).draw(picture, pose, {muscle.replace("_", " "): amount for muscle, amount in expression.items()})
    return picture


@pytest.mark.parametrize("name", PEOPLE)
def test_a_person_stands_where_told_and_nowhere_else(name: str) -> None:
    changed = (drawn(name, Pose(320, 300, 30)) != 150).any(axis=2)
    assert changed[300:410, 320].all(), "from between the eyes down to the chest"
    assert not changed[:200].any() and not changed[:, :180].any() and not changed[:, 460:].any()


@pytest.mark.parametrize("pose", [Pose(-500, 200, 50), Pose(2000, 200, 50), Pose(320, 2000, 50)])
def test_a_person_outside_of_the_picture_leaves_it_alone(pose: Pose) -> None:
    assert np.array_equal(drawn("collins", pose), room())


@pytest.mark.parametrize("pose", [Pose(0, 200, 50), Pose(639, 479, 80, 10), Pose(320, 0, 60, -10)])
def test_a_person_may_be_cut_by_the_border(pose: Pose) -> None:
    assert (drawn("hopper", pose) != 150).any()


def test_at_twice_the_size_everything_is_twice_as_wide() -> None:
    widths = [(drawn("collins", Pose(320, 240, eyes_px))[240] != 150).any(axis=1).sum() for eyes_px in (25, 50)]
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.06)


@pytest.mark.parametrize("name", PEOPLE)
def test_every_muscle_moves_the_face_and_only_the_face(name: str) -> None:
    person = puppet(name)
    pose = Pose(320, 200, 50)
    rest = drawn(name, pose).astype(int)
    for muscle in person.muscles:
        picture = room()
        person.draw(picture, pose, {muscle: 1.0})
        moved = np.abs(picture - rest).max(axis=2) > 10
        rows, columns = np.nonzero(moved)
        assert len(rows) > 100, muscle
        assert rows.min() > 200 - 1.2 * 50 and rows.max() < 200 + 2.4 * 50, muscle
        assert abs(columns - 320).max() < 1.5 * 50, muscle


def test_an_open_mouth_is_dark_inside() -> None:
    pose = Pose(320, 200, 50)
    shut, opened = drawn("hopper", pose), drawn("hopper", pose, jaw=1.0, mouth=1.0)
    mouth = (slice(252, 264), slice(312, 328))
    assert opened[mouth].mean() < 60 < shut[mouth].mean()


def test_a_face_at_rest_is_the_photograph() -> None:
    person = puppet("collins")
    picture = np.zeros((395, 360, 3), np.uint8)
    person.draw(picture, Pose(*person.middle, person.unit), {"smile": 0.0})
    inside = person.outline > 0.999
    assert np.abs(picture[inside].astype(int) - person.photo[inside]).max() <= 1
