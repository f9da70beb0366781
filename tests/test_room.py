"""Whose mood it is: the nearest face, without wavering, or everyone by size."""

import numpy as np
import pytest

from fer_pi.mood.engine import MoodEngine
from fer_pi.mood.options import MoodOptions
from fer_pi.testing.faces import GOOD, face_at, jittered, scores_for
from fer_pi.testing.moods import changes, moods, shown
from fer_pi.types import Emotion, Quality

HAPPY, SAD = scores_for(Emotion.HAPPINESS), scores_for(Emotion.SADNESS)
DARK = Quality(size_px=120, sharpness=300, brightness=8, contrast=2, yaw=0)


def test_the_nearest_face_makes_the_mood() -> None:
    near, far = (face_at(150, 200, 120), HAPPY), (face_at(450, 200, 70), SAD)
    said = shown([[near, far]] * 30)
    assert [seen.emotion for seen in said[-1][0]] == [Emotion.HAPPINESS, Emotion.SADNESS]
    assert changes([mood.emotion for _, mood in said]) == [None, Emotion.HAPPINESS]


def test_two_faces_of_nearly_the_same_size_do_not_take_turns() -> None:
    rng = np.random.default_rng(2)
    frames = [
        [(jittered(face_at(150, 200, 100), rng, 0.03), HAPPY), (jittered(face_at(450, 200, 100), rng, 0.03), SAD)]
        for _ in range(600)
    ]
    assert len(changes(moods(frames))) == 2


def test_who_comes_clearly_nearer_takes_over_the_mood_within_a_second_and_a_half() -> None:
    first, second = (face_at(150, 200, 100), HAPPY), (face_at(450, 200, 100), SAD)
    approach = [[first, (face_at(450, 200, 100 + min(60, 2 * index)), SAD)] for index in range(75)]
    assert changes(moods([[first, second]] * 60 + approach)) == [None, Emotion.HAPPINESS, Emotion.SADNESS]


def test_a_passer_by_does_not_take_over_the_mood() -> None:
    first, passer = (face_at(150, 200, 100), HAPPY), (face_at(450, 200, 160), SAD)
    assert changes(moods([[first]] * 30 + [[first, passer]] * 12 + [[first]] * 60)) == [None, Emotion.HAPPINESS]


def test_the_mood_waits_for_the_nearest_face_while_it_is_hidden_then_turns_to_the_next() -> None:
    near, far = (face_at(150, 200, 120), HAPPY), (face_at(450, 200, 70), SAD)
    said = moods([[near, far]] * 30 + [[far]] * 90)
    assert changes(said) == [None, Emotion.HAPPINESS, Emotion.SADNESS]
    assert 1.0 <= said[30:].index(Emotion.SADNESS) / 30 <= 1.7
    assert changes(moods([[near, far]] * 30 + [[far]] * 25 + [[near, far]] * 60)) == [None, Emotion.HAPPINESS]


def test_what_a_face_looked_like_last_does_not_become_the_mood_while_it_is_hidden() -> None:
    near, far = face_at(150, 200, 120), (face_at(450, 200, 70), HAPPY)
    frames = [[(near, HAPPY), far]] * 30 + [[(near, SAD), far]] * 2 + [[far]] * 25 + [[(near, HAPPY), far]] * 30
    assert changes(moods(frames)) == [None, Emotion.HAPPINESS]


def test_the_mood_tells_whose_it_is_and_what_it_is_decided_on() -> None:
    """It stays with whom it was while somebody is a little nearer, and while they are hidden for a moment."""
    first, second = (face_at(150, 200, 100), HAPPY), (face_at(450, 200, 110), SAD)
    said = shown([[first]] * 30 + [[second, first]] * 30 + [[second]] * 80 + [[]] * 60)
    assert [mood.track for _, mood in said] == [1] * 89 + [2] * 81 + [None] * 30
    scores = [mood.scores for _, mood in said]
    assert scores[:60] == [seen.scores for sightings, _ in said[:60] for seen in sightings if seen.track == 1]
    assert scores[60:89] == [scores[59]] * 29
    assert scores[139] is not None and scores[139].probabilities == pytest.approx(SAD.probabilities, abs=0.01)
    assert scores[170:] == [None] * 30


def test_the_mood_of_everyone_is_decided_on_the_scores_of_all() -> None:
    pair = [(face_at(100, 200, 80), HAPPY), (face_at(400, 200, 80), SAD)]
    _, mood = shown([pair] * 60, room="everyone")[-1]
    assert mood.track is None and mood.scores is not None
    half = (np.array(HAPPY.probabilities) + np.array(SAD.probabilities)) / 2
    assert mood.scores.probabilities == pytest.approx(half, abs=0.01)


def test_everyone_counts_by_size() -> None:
    small = [(face_at(100 + 150 * index, 200, 60), SAD) for index in range(3)]
    large = (face_at(700, 200, 100), HAPPY)
    assert moods([[large, *small]] * 60, room="nearest")[-1] is Emotion.HAPPINESS
    assert moods([[large, *small]] * 60, room="everyone")[-1] is Emotion.SADNESS
    assert moods([[large, small[0]]] * 60, room="everyone")[-1] is Emotion.HAPPINESS
    pair = [(face_at(100, 200, 80), HAPPY), (face_at(400, 200, 80), SAD)]
    assert moods([pair] * 60, room="everyone")[-1] is None


def test_in_everyone_a_face_that_cannot_be_read_has_no_voice() -> None:
    engine = MoodEngine(MoodOptions(room="everyone"))
    faces = [face_at(100, 200, 150), face_at(400, 200, 60)]
    said = [engine.update(faces, [SAD, HAPPY], [DARK, GOOD], index / 30)[1].emotion for index in range(60)]
    assert changes(said) == [None, Emotion.HAPPINESS]
