"""The nouns keep what they promise."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_pi.testing.readings import sighting_at
from fer_pi.types import EMOTIONS, Box, Emotion, Frame, Mood, Reading, Scores, Status


def scores(**shares: float) -> Scores:
    return Scores.of(np.array([shares.get(emotion.value, 0.0) for emotion in EMOTIONS]))


def test_the_emotions_are_the_eight_of_ferplus_in_its_order() -> None:
    assert [str(emotion) for emotion in EMOTIONS] == [
        "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
    ]  # fmt: skip


def test_scores_are_scaled_to_sum_to_one() -> None:
    seen = scores(happiness=3.0, fear=1.0)
    assert list(seen.as_dict().values()) == [0, 0.75, 0, 0, 0, 0, 0.25, 0]
    assert list(seen.as_dict()) == [str(emotion) for emotion in EMOTIONS]
    assert (seen.top, seen[Emotion.FEAR]) == (Emotion.HAPPINESS, 0.25)


@pytest.mark.parametrize(
    "probabilities",
    [(1.0,), (0.5,) * 8, (1.5, -0.5, 0, 0, 0, 0, 0, 0), (float("nan"),) * 8],
    ids=["too few", "sum of 4", "negative", "nan"],
)
def test_scores_that_are_no_probabilities_are_refused(probabilities: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        Scores(probabilities)


def test_entropy_runs_from_certainty_to_no_idea() -> None:
    assert scores(anger=1.0).entropy == 0
    assert Scores((1 / 8,) * 8).entropy == pytest.approx(1)


@pytest.mark.parametrize(
    ("other", "expected"),
    [(Box(0, 0, 10, 10), 1.0), (Box(5, 0, 10, 10), 1 / 3), (Box(10, 0, 10, 10), 0.0), (Box(0, 0, 0, 0), 0.0)],
)
def test_intersection_over_union(other: Box, expected: float) -> None:
    assert Box(0, 0, 10, 10).iou(other) == pytest.approx(expected)
    assert other.iou(Box(0, 0, 10, 10)) == pytest.approx(expected)


def test_a_frame_without_colour_is_shown_in_grey() -> None:
    gray = np.arange(6, dtype=np.uint8).reshape(2, 3)
    color = Frame(gray, 0, 0.0).color()
    assert color.shape == (2, 3, 3)
    assert (color == gray[:, :, None]).all()


def test_colour_is_made_only_on_demand() -> None:
    made = []

    def make() -> NDArray[Any]:
        made.append(1)
        return np.zeros((2, 3, 3), np.uint8)

    frame = Frame(np.zeros((2, 3), np.uint8), 0, 0.0, make_color=make)
    assert made == []
    frame.color()
    assert made == [1]


def test_a_reading_knows_its_age() -> None:
    frame = Frame(np.zeros((2, 3), np.uint8), 0, taken_at=10.0)
    mood = Mood(None, 0.0, 0.0)
    assert Reading(Status.NOBODY, mood, 10.25, frame).age_s == 0.25
    assert Reading(Status.NO_CAMERA, mood, 10.25).age_s == 0.0


def test_the_face_in_focus_is_the_one_whose_mood_it_is_wherever_it_stands() -> None:
    """The largest if it is everyone's; nobody while they are out of sight, for the mood is not that of another."""
    near, far = (sighting_at(300, 240, width, Emotion.FEAR, track=track) for width, track in ((90, 4), (80, 7)))
    for track, focus in {4: near, 7: far, 9: None, None: near}.items():
        mood = Mood(Emotion.FEAR, 0.8, 0.0, near.scores, track)
        assert Reading(Status.WATCHING, mood, 1.0, sightings=(near, far)).focus is focus
    assert Reading(Status.NOBODY, Mood(None, 0.0, 0.0), 1.0).focus is None


@pytest.mark.parametrize("noun", [Box, Frame, Mood, Reading, Scores])
def test_the_nouns_are_frozen_and_slotted(noun: type) -> None:
    assert dataclasses.is_dataclass(noun)
    assert noun.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert hasattr(noun, "__slots__")
