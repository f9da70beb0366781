"""Faces followed from frame to frame."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_pi.mood.one_euro import OneEuro
from fer_pi.mood.tracking import Tracker
from fer_pi.testing.faces import EYE_DISTANCE, face_at, jittered
from fer_pi.types import Face

WIDTH = 100.0
EYES = EYE_DISTANCE * WIDTH


def tracks(frames: Iterable[Sequence[Face]], rate_hz: float = 30, remember_s: float = 1.5) -> list[list[int]]:
    """The track of every face in every frame."""
    tracker = Tracker(remember_s)
    return [[seen.track for seen in tracker.follow(faces, index / rate_hz)] for index, faces in enumerate(frames)]


def test_tracks_count_up_from_one_and_stay_with_the_face_in_whatever_order() -> None:
    left, middle, right = face_at(100, 100), face_at(300, 100), face_at(500, 100)
    assert tracks([[left, right], [right, left], [left, middle, right], [], [right, middle, left]]) == [
        [1, 2], [2, 1], [1, 3, 2], [], [2, 3, 1],
    ]  # fmt: skip


@pytest.mark.parametrize("rate_hz", [5, 10, 30])
def test_a_person_keeps_the_track_through_a_second_of_occlusion(rate_hz: float) -> None:
    hidden = round(rate_hz)
    frames = [[face_at(200 + 20 * math.sin(index), 150)] for index in range(3 * hidden)]
    frames[hidden : 2 * hidden] = [[]] * hidden
    assert {track for seen in tracks(frames, rate_hz) for track in seen} == {1}


def test_a_person_who_walks_behind_a_pillar_keeps_the_track() -> None:
    """Three face widths a second, hidden for 0.7 s: found again two widths from where it was last."""
    frames = [[face_at(100 + 10 * index, 150)] for index in range(90)]
    frames[30:50] = [[]] * 20
    assert {track for seen in tracks(frames) for track in seen} == {1}


def test_whoever_comes_after_the_memory_has_faded_is_somebody_new() -> None:
    assert tracks([[face_at(100, 100)], *[[]] * 45, [face_at(100, 100)]]) == [[1], *[[]] * 45, [2]]


@pytest.mark.parametrize(
    "other", [face_at(290, 150), face_at(100, 400), face_at(100, 150, 230), face_at(100, 150, 45)],
    ids=["beside", "below", "much nearer", "much farther"],
)  # fmt: skip
def test_somebody_elsewhere_does_not_inherit_the_track(other: Face) -> None:
    frames = [[face_at(100, 150)]] * 10 + [[]] * 15 + [[other]] * 3
    assert tracks(frames)[-1] == [2]


@pytest.mark.parametrize("rate_hz", [10, 30])
def test_two_people_who_cross_keep_their_tracks(rate_hz: float) -> None:
    """The one behind is not found while the one in front covers it."""
    seconds = 4.0
    frames, truth = [], []
    for index in range(round(seconds * rate_hz)):
        part = index / (seconds * rate_hz)
        front, back = face_at(100 + 500 * part, 200, 110), face_at(600 - 500 * part, 200, 90)
        covered = abs(front.box.center[0] - back.box.center[0]) < 60
        frames.append([front] if covered else [front, back])
        truth.append([1] if covered else [1, 2])
    assert tracks(frames, rate_hz) == truth


@pytest.mark.parametrize("rate_hz", [5, 10, 30])
def test_thirty_people_keep_their_tracks_though_a_tenth_is_missed_in_each_frame(rate_hz: float) -> None:
    rng = np.random.default_rng(7)
    places = [(150 + 170 * (index % 6), 120 + 190 * (index // 6)) for index in range(30)]
    tracker = Tracker(1.5)
    owner: dict[int, int] = {}
    for frame in range(60):
        found = [index for index in rng.permutation(30).tolist() if rng.random() > 0.1]
        sway = 40 * math.sin(2 * math.pi * frame / rate_hz / 3)
        faces = [jittered(face_at(places[index][0] + sway, places[index][1]), rng, 0.03) for index in found]
        for index, seen in zip(found, tracker.follow(faces, frame / rate_hz), strict=True):
            assert owner.setdefault(seen.track, index) == index
    assert len(owner) == 30 and max(owner) == 30


def test_one_face_is_one_track_in_each_frame_and_no_track_comes_back_from_the_dead() -> None:
    """Random crowds at random intervals: no track twice in a frame, none used again once forgotten, all count up."""
    rng = np.random.default_rng(11)
    for _ in range(20):
        tracker, time = Tracker(1.0), 0.0
        last_seen: dict[int, float] = {}
        for _ in range(80):
            before = time
            time += float(rng.choice([0.0, 0.01, 0.1, 0.6, 1.5, 4.0]))
            places = rng.uniform(0, 600, (rng.integers(0, 8), 2))
            faces = [face_at(x, y, float(rng.uniform(1, 200))) for x, y in places.tolist()]
            numbers = [seen.track for seen in tracker.follow(faces, time)]
            assert len(set(numbers)) == len(faces)
            for number in numbers:
                assert number in last_seen or number > max(last_seen, default=0)
                seen_at = last_seen.get(number, time)
                assert time - seen_at <= 1.0 + 1e-9 or (seen_at == before and time - seen_at <= 3.0)
                last_seen[number] = time
        assert sorted(last_seen) == list(range(1, len(last_seen) + 1))


def test_a_detector_without_landmarks_is_followed_too_and_may_change() -> None:
    face = face_at(100, 100)
    bare = Face(face.box, (), 0.5)
    tracker = Tracker(1.0)
    seen = [tracker.follow([each], index / 30)[0] for index, each in enumerate([bare, face, face, bare])]
    assert [(each.track, len(each.face.landmarks)) for each in seen] == [(1, 0), (1, 5), (1, 5), (1, 0)]


def test_a_box_without_area_is_no_error() -> None:
    empty = Face(face_at(10, 10, 0).box, (), 0.5)
    assert tracks([[empty], [empty]]) == [[1], [1]]


def smoothed(faces: Sequence[Face], rate_hz: float = 30) -> NDArray[Any]:
    """(frames, 5, 2) landmarks after following."""
    tracker = Tracker(1.5)
    return np.array([tracker.follow([face], index / rate_hz)[0].face.landmarks for index, face in enumerate(faces)])


def test_a_still_face_shivers_by_at_most_half_a_percent_of_the_eye_distance() -> None:
    """The detector's noise is 1.5 %, YuNet's on a picture with a sensor noise of 3 to 4 grey levels."""
    rng = np.random.default_rng(1)
    still = face_at(320, 240, WIDTH)
    landmarks = smoothed([jittered(still, rng, 0.015) for _ in range(3000)])[30:]
    raw = smoothed([jittered(still, rng, 0.015)])  # one frame: as it was found
    assert np.abs(raw - np.array(still.landmarks)).max() > 0.005 * EYES
    assert landmarks.std(axis=0).max() < 0.005 * EYES
    assert landmarks.mean(axis=0) == pytest.approx(np.array(still.landmarks), abs=0.002 * EYES)


@pytest.mark.parametrize("rate_hz", [10, 15, 30])
@pytest.mark.parametrize("eyes_a_second", [4, 8, 16])
def test_quick_motion_is_never_more_than_a_frame_late(rate_hz: float, eyes_a_second: float) -> None:
    """From rest to 25 cm a second and more within one frame, and to rest again."""
    places = np.concatenate([[0.0] * 5, np.arange(round(rate_hz)) / rate_hz, [1.0] * 10]) * eyes_a_second * EYES
    landmarks = smoothed([face_at(float(place), 0, WIDTH) for place in places], rate_hz)
    expected = np.array([face_at(float(place), 0, WIDTH).landmarks for place in places])
    assert np.abs(landmarks - expected).max() <= np.diff(places).max()


def test_the_filter_stands_still_where_no_time_passes() -> None:
    still = OneEuro([1.0, 2.0])
    assert still.step([5.0, 5.0], 0.0, 100) == [1.0, 2.0]
