"""The embedded scene: the same every time, with people, light and a story, and on time."""

import time
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_pi.sources.demo import LENGTH_S, DemoCamera, DemoOptions, scene
from fer_pi.testing.cameras import Clock
from fer_pi.types import Camera


def test_the_scene_is_a_color_picture_of_vga_size() -> None:
    picture = scene(4.5)
    assert picture.shape == (480, 640, 3) and picture.dtype == np.uint8


@pytest.mark.parametrize("t_s", [0.0, 4.5, 6.9, 11.2, 13.0])
def test_the_scene_is_the_same_every_time_and_begins_anew_at_its_end(t_s: float) -> None:
    assert np.array_equal(scene(t_s), scene(t_s))
    assert np.array_equal(scene(t_s), scene(t_s + LENGTH_S))


def test_the_callers_picture_is_its_own() -> None:
    scene(0.5)[:] = 0
    assert scene(0.5).mean() > 50


def test_the_room_is_empty_at_first_and_last_and_holds_people_in_between() -> None:
    first, last, between = (_without_noise(t) for t in (0.2, 15.8, 4.5))
    assert np.abs(first - last).max() < 6
    assert (np.abs(first - between).max(axis=2) > 30).mean() > 0.1


def test_the_light_is_dimmed_and_the_picture_never_stands_still() -> None:
    assert scene(7.0).mean() < 0.6 * scene(5.7).mean()
    assert not np.array_equal(scene(0.2), scene(0.2 + 1 / 30)), "the noise of a sensor"


def test_the_first_face_is_hidden_for_less_than_a_second() -> None:
    face = (slice(195, 275), slice(170, 245))
    red = np.array([60, 70, 190])
    hidden = [
        t / 30 for t in range(10 * 30, 13 * 30) if np.abs(_without_noise(t / 30)[face].mean((0, 1)) - red).max() < 40
    ]
    assert 0.1 < hidden[-1] - hidden[0] < 1.0


def test_at_its_own_pace_every_frame_is_due_in_time_until_the_end() -> None:
    clock = Clock()
    camera = DemoCamera(DemoOptions(length_s=4, rate_hz=10), clock, clock.pass_by)
    assert isinstance(camera, Camera)
    frames = []
    with pytest.raises(EOFError):
        while True:
            frame = camera.read(1)
            assert frame is not None
            frames.append(frame)
    assert [frame.index for frame in frames] == list(range(40))
    assert [frame.taken_at - 1000 for frame in frames] == pytest.approx([n / 10 for n in range(40)])
    assert frames[20].position_s == 2.0 and frames[20].source == "demo"


def test_a_shorter_scene_tells_the_same_story_faster() -> None:
    camera = DemoCamera(DemoOptions(pace="fast", length_s=4, rate_hz=4), Clock())
    frames = [camera.read(0) for _ in range(6)]
    last = frames[-1]
    assert last is not None and last.position_s == 1.25 and np.array_equal(last.color(), scene(5.0))


def test_a_frames_color_and_grey_are_the_same_picture() -> None:
    camera = DemoCamera(DemoOptions(pace="fast"), Clock())
    frame = camera.read(0)
    assert frame is not None
    assert np.array_equal(cv2.cvtColor(frame.color(), cv2.COLOR_BGR2GRAY), frame.gray)


def test_a_reader_that_is_late_skips_frames_and_one_that_is_early_gets_none() -> None:
    clock = Clock()
    camera = DemoCamera(DemoOptions(rate_hz=10), clock, clock.pass_by)
    assert camera.read(0) is not None and camera.read(0.04) is None
    clock.pass_by(0.46)
    frame = camera.read(0)
    assert frame is not None and frame.index == 5


def test_it_ends_after_its_last_frame_even_for_a_late_reader() -> None:
    clock = Clock()
    camera = DemoCamera(DemoOptions(length_s=4, rate_hz=10), clock, clock.pass_by)
    camera.read(0)
    clock.pass_by(60)
    frame = camera.read(0)
    assert frame is not None and frame.index == 39
    with pytest.raises(EOFError):
        camera.read(0)


def test_a_loop_goes_on_and_counts_on() -> None:
    clock = Clock()
    camera = DemoCamera(DemoOptions(length_s=4, rate_hz=1, loop=True), clock, clock.pass_by)
    frames = [camera.read(2) for _ in range(6)]
    assert [(frame.index, frame.position_s) for frame in frames if frame] == [
        (0, 0.0),
        (1, 1.0),
        (2, 2.0),
        (3, 3.0),
        (4, 0.0),
        (5, 1.0),
    ]


def test_closing_ends_it_and_may_be_done_twice() -> None:
    camera = DemoCamera(DemoOptions())
    camera.close()
    camera.close()
    with pytest.raises(EOFError):
        camera.read(0)


def test_a_frame_costs_little_enough_for_real_time() -> None:
    scene(4.5)
    costs = []
    for number in range(15):
        start = time.process_time()
        scene(10.5 + number / 30)
        costs.append(time.process_time() - start)
    assert sorted(costs)[len(costs) // 2] < 0.02


def _without_noise(t_s: float) -> NDArray[Any]:
    return np.asarray(cv2.blur(scene(t_s), (9, 9)), np.float64)
