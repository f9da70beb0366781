"""From a frame to a reading, with the real models."""

from dataclasses import replace

import numpy as np
import pytest

from fer_pi.chain import Chain, open_chain, unhurried, with_threads
from fer_pi.config import checked_config
from fer_pi.sources.demo import scene
from fer_pi.types import Emotion, Frame, Reading, Status

LENGTH_S = 16.0


@pytest.fixture(scope="module")
def chain() -> Chain:
    return open_chain(checked_config({}))


def frames(start_s: float, seconds: float, rate_hz: float = 10.0) -> list[Frame]:
    grays = [
        scene(start_s + number / rate_hz).mean(axis=2).astype(np.uint8) for number in range(round(seconds * rate_hz))
    ]
    return [Frame(gray, number, number / rate_hz) for number, gray in enumerate(grays)]


def readings(chain: Chain, seen: list[Frame]) -> list[Reading]:
    chain.without_picture(Status.STARTING, "", 0.0)
    return [chain.read(frame) for frame in seen]


def test_a_smiling_face_is_found_followed_and_read(chain: Chain) -> None:
    last = readings(chain, frames(3.0, 1.5))[-1]
    assert last.status is Status.WATCHING
    assert last.mood.emotion is Emotion.HAPPINESS
    (seen,) = last.sightings
    assert seen.scores.top is Emotion.HAPPINESS
    assert last.frame is not None
    assert 0 <= seen.face.box.left < seen.face.box.right <= last.frame.width


def test_an_empty_room_is_nobody(chain: Chain) -> None:
    (reading,) = readings(chain, frames(0.0, 0.1))
    assert (reading.status, reading.sightings, reading.mood.emotion) == (Status.NOBODY, (), None)


def test_the_mood_outlasts_a_face_that_has_just_gone_and_then_ends(chain: Chain) -> None:
    before = readings(chain, frames(3.0, 1.0))
    empty = frames(0.0, 0.1)[0]
    after = [
        chain.read(Frame(empty.gray, 100 + number, before[-1].frame.taken_at + 0.1 * (number + 1)))  # type: ignore[union-attr]
        for number in range(20)
    ]
    assert before[-1].mood.emotion is Emotion.HAPPINESS
    assert [reading.status for reading in after][:3] == [Status.WATCHING] * 3
    assert after[-1].status is Status.NOBODY
    assert after[-1].mood.emotion is None


def test_every_stage_is_timed_and_their_sum_is_the_age(chain: Chain) -> None:
    reading = readings(chain, frames(3.0, 0.5))[-1]
    timings = reading.timings
    assert min(timings.detect, timings.align, timings.classify, timings.mood) > 0


def test_the_rate_and_the_frames_that_were_dropped_are_counted(chain: Chain) -> None:
    seen = frames(0.0, 3.0)[::3]
    before = readings(chain, seen[:1])[0].timings.dropped
    last = [chain.read(frame) for frame in seen[1:]][-1]
    assert last.timings.rate_hz == pytest.approx(10 / 3, rel=0.05)
    assert last.timings.dropped - before == 2 * (len(seen) - 1)


def test_frames_that_came_during_a_rest_are_not_dropped_ones() -> None:
    chain = open_chain(checked_config({"detector": {"idle_after_s": 2.0, "idle_rate_hz": 2.0}}))
    empty = frames(0.0, 0.1)[0]
    readings = [chain.read(replace(empty, index=10 * number, taken_at=float(number))) for number in range(5)]
    assert [reading.timings.dropped for reading in readings] == [0, 9, 18, 18, 18]
    assert chain.rest_s == 0.5
    chain.without_picture(Status.NO_CAMERA, "unplugged", 5.0)
    assert chain.rest_s == 0


def test_what_one_source_showed_is_forgotten_for_the_next(chain: Chain) -> None:
    seen = frames(3.0, 0.3)
    before = [reading.sightings for reading in readings(chain, seen)]
    chain.begin()
    assert [chain.read(frame).sightings for frame in seen] == before


def test_losing_the_camera_forgets_everybody(chain: Chain) -> None:
    readings(chain, frames(3.0, 0.5))
    lost = chain.without_picture(Status.NO_CAMERA, "unplugged", 5.0)
    assert chain.without_picture(Status.NO_CAMERA, "unplugged", 5.5).mood.since == lost.mood.since
    assert (lost.status, lost.message, lost.sightings, lost.mood.emotion) == (Status.NO_CAMERA, "unplugged", (), None)
    (again,) = chain.read(replace(frames(3.0, 0.1)[0], taken_at=6.0)).sightings
    assert again.scores.probabilities == pytest.approx(again.raw.probabilities)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3000), (3000, 2)])
def test_pictures_of_any_shape_are_read(chain: Chain, shape: tuple[int, int]) -> None:
    reading = readings(chain, [Frame(np.zeros(shape, np.uint8), 0, 0.0)])[0]
    assert reading.status is Status.NOBODY


def test_files_are_looked_at_in_full() -> None:
    assert unhurried(checked_config({})).detector.every == 1


def test_threads_reach_detector_and_classifier() -> None:
    config = with_threads(checked_config({}), 2)
    assert (config.detector.threads, config.classifier.threads) == (2, 2)
