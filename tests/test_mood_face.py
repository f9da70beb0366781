"""The drawn face shows the mood, moves gently, and shows nobody."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_pi.drawing.expression import EXPRESSIONS, Pose, eased, pose_of
from fer_pi.drawing.face_shape import draw_face
from fer_pi.drawing.mood_face import BREATH_S, draw_mood
from fer_pi.drawing.palette import EMOTION_COLORS
from fer_pi.testing.faces import scores_for
from fer_pi.testing.readings import reading_of, sighting_at
from fer_pi.testing.scenes import MOOD_PICTURES, MOODS, TINY, assert_like_picture
from fer_pi.types import EMOTIONS, Emotion, Image, Scores, Status

PICTURES = Path(__file__).parent / "pictures"


@pytest.mark.parametrize("name", MOOD_PICTURES)
def test_mood_is_the_picture_that_was_looked_at(name: str) -> None:
    assert_like_picture(MOOD_PICTURES[name](), PICTURES / f"{name}.png")


def face(emotion: Emotion, size: int = 64) -> Image:
    """The face alone, in grey skin: (size, size) uint8."""
    image = np.full((size, size, 3), 40, np.uint8)
    draw_face(image, Pose(EXPRESSIONS[emotion], (150.0, 150.0, 150.0)), size / 2, size / 2, 0.47 * size)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


@pytest.mark.parametrize(("one", "other"), list(combinations(EMOTIONS, 2)))
def test_faces_differ_without_their_colors(one: Emotion, other: Emotion) -> None:
    """Already 64 pixels high, 4 % of the pixels of any two faces differ by a quarter of the range or more."""
    assert (cv2.absdiff(face(one), face(other)) >= 64).mean() >= 0.04


def test_nobody_can_be_seen() -> None:
    reading = MOODS["happiness"]
    other = reading_of(reading.sightings, np.full((480, 640, 3), 200, np.uint8))
    assert np.array_equal(draw_mood(reading, TINY, 0), draw_mood(other, TINY, 0))


def test_the_face_follows_the_probabilities_without_jumps() -> None:
    steps = []
    for share in np.linspace(0, 1, 51):
        mixture = (1 - share) * np.array(scores_for(Emotion.SADNESS, 0.9).probabilities)
        mixture += share * np.array(scores_for(Emotion.HAPPINESS, 0.9).probabilities)
        sighting = replace(sighting_at(320, 240, 100, Emotion.SADNESS), scores=Scores.of(mixture))
        steps.append(np.array(pose_of(reading_of([sighting])).expression))
    path = np.array(steps)
    span = np.ptp(path, axis=0).max()
    assert np.abs(np.diff(path, axis=0)).max() < 0.12 * span
    assert path[0] == pytest.approx(np.array(EXPRESSIONS[Emotion.SADNESS]), abs=0.05)
    assert path[-1] == pytest.approx(np.array(EXPRESSIONS[Emotion.HAPPINESS]), abs=0.05)


@pytest.mark.parametrize("focus", [0, 1])
def test_the_face_is_that_of_the_mood_whoever_is_nearer(focus: int) -> None:
    people = [sighting_at(200, 200, 200, Emotion.ANGER), sighting_at(500, 200, 190, Emotion.SADNESS, track=2)]
    assert pose_of(reading_of(people, focus=focus)) == pose_of(reading_of([people[focus]]))


def test_easing_ends_at_both_poses() -> None:
    one, other = (Pose(EXPRESSIONS[e], EMOTION_COLORS[e]) for e in (Emotion.FEAR, Emotion.ANGER))
    for share, pose in ((0.0, one), (1.0, other)):
        assert eased(one, other, share).expression == pytest.approx(pose.expression)
        assert eased(one, other, share).color == pytest.approx(pose.color)


def test_the_face_breathes_with_its_period() -> None:
    reading = MOODS["neutral"]
    start, in_between, later = (draw_mood(reading, TINY, at) for at in (0.0, BREATH_S / 4, BREATH_S))
    assert np.array_equal(start, later)
    assert 0 < cv2.absdiff(start, in_between).mean() < 5


@pytest.mark.parametrize("size", [(240, 135), (135, 240), (64, 64), (3840, 2160), (2160, 3840), (5000, 300)])
@pytest.mark.parametrize("name", ["fear", "nobody"])
def test_any_screen_will_do(name: str, size: tuple[int, int]) -> None:
    image = draw_mood(MOODS[name], size, 1.0)
    assert image.shape == (size[1], size[0], 3)
    assert image.std() > 5


def test_a_fault_is_told_in_place_of_a_mood() -> None:
    reading = replace(MOODS["anger"], status=Status.FAULT, message="the board is too hot")
    image = draw_mood(reading, TINY, 0)
    assert not np.array_equal(image, draw_mood(MOODS["anger"], TINY, 0))
    assert not np.array_equal(image, draw_mood(replace(reading, message="other"), TINY, 0))
