"""The picture that the demonstration leaves."""

from fer_pi.demo import Diary
from fer_pi.testing.pins import mock_pins
from fer_pi.testing.readings import sighting_at
from fer_pi.testing.scenes import reading_with
from fer_pi.types import Emotion, Reading


def best_of(*readings: Reading) -> Reading | None:
    with mock_pins() as pins:
        diary = Diary(pins)
        for reading in readings:
            diary.offer(reading)
    return diary.best


def test_it_shows_faces_that_are_large_and_read_rather_than_many() -> None:
    large = [sighting_at(200 + 250 * n, 240, 120, Emotion.HAPPINESS, 0.95, n + 1) for n in range(2)]
    leaving = [sighting_at(20 + 10 * n, 240, 50, None, track=n + 3) for n in range(2)]
    alone, both, ghosts = reading_with(large[0]), reading_with(*large), reading_with(large[0], *leaving)
    assert best_of(alone, both, ghosts) is both


def test_it_shows_a_mood_rather_than_none() -> None:
    happy = reading_with(sighting_at(200, 240, 120, Emotion.HAPPINESS, 0.95))
    calm = reading_with(*(sighting_at(200 + 250 * n, 240, 120, Emotion.NEUTRAL, 0.95, n + 1) for n in range(2)))
    assert best_of(calm, happy) is happy
