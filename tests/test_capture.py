"""The thread behind live cameras: newest picture only, and back again after whatever happens to the device."""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from fer_pi.errors import CameraError
from fer_pi.sources.capture import Capture, Feed, Patience, Picture, time_taken
from fer_pi.testing.cameras import Clock, FakeGrabber, FakeOpener, noise
from fer_pi.types import Frame


def picture(seed: int, width: int = 64, height: int = 48) -> Picture:
    return Picture(noise(seed, width, height))


def feed_of(*openings: FakeGrabber | Exception, clock: Clock, patience: Patience = Patience()) -> Feed:  # noqa: B008
    return Feed(FakeOpener(*openings), "fake camera", patience, clock)


def until_picture(feed: Feed, clock: Clock, most_s: float = 60.0) -> float:
    """Steps, waiting as told, until a picture comes; the seconds that took."""
    start = clock.now
    while clock.now - start < most_s:
        step = feed.step()
        if isinstance(step, Picture):
            return clock.now - start
        assert step is not None, "no picture is let pass that was wanted"
        clock.pass_by(step)
    raise AssertionError(f"no picture within {most_s} s; {feed.problem}")


def test_opens_then_gives_pictures_and_has_no_problem_any_more() -> None:
    clock = Clock()
    feed = feed_of(FakeGrabber([picture(1)], name="webcam /dev/video0"), clock=clock)
    assert "being opened" in feed.problem
    until_picture(feed, clock)
    assert (feed.problem, feed.name) == ("", "webcam /dev/video0")


def test_pauses_double_from_half_a_second_and_never_exceed_five() -> None:
    feed = feed_of(CameraError("no webcam found"), clock=Clock())
    assert [feed.step() for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    assert feed.problem == "no webcam found"


@pytest.mark.parametrize("absent_for", [1, 5, 30])
def test_a_camera_that_comes_back_gives_pictures_within_five_seconds(absent_for: int) -> None:
    clock = Clock()
    back_at = clock.now + absent_for
    back = FakeGrabber([picture(1)])

    def opener() -> FakeGrabber:
        if clock.now < back_at:
            raise CameraError("not there")
        return back

    feed = Feed(opener, "fake camera", Patience(), clock)
    assert until_picture(feed, clock) - absent_for <= 5


def test_a_lost_device_is_closed_and_opened_from_scratch() -> None:
    clock = Clock()
    first, second = FakeGrabber([picture(1), CameraError("gone")]), FakeGrabber([picture(2)])
    feed = feed_of(first, second, clock=clock)
    until_picture(feed, clock)
    assert feed.step() == 0.5 and feed.problem == "gone" and first.closed == 1
    until_picture(feed, clock)
    assert feed.problem == ""


def test_pauses_begin_anew_after_a_good_picture() -> None:
    clock = Clock()
    gone = CameraError("gone")
    feed = feed_of(gone, gone, FakeGrabber([picture(1), gone]), gone, clock=clock)
    until_picture(feed, clock)
    assert feed.step() == 0.5


def test_broken_pictures_are_counted_and_skipped() -> None:
    clock = Clock()
    feed = feed_of(FakeGrabber([None, None, picture(1)]), clock=clock)
    until_picture(feed, clock)
    assert feed.broken == 2 and feed.problem == ""


def test_a_camera_may_take_some_seconds_to_its_first_picture_and_not_to_the_others() -> None:
    clock = Clock()
    slow = FakeGrabber([*[None] * 9, picture(1), *[None] * 9])
    feed = feed_of(slow, clock=clock)
    feed.step()
    for _ in range(9):
        clock.pass_by(0.5)
        feed.step()
    until_picture(feed, clock)
    for _ in range(4):
        clock.pass_by(0.5)
        feed.step()
    assert (bool(slow.closed), feed.problem) == (False, "")
    clock.pass_by(0.5)
    feed.step()
    assert slow.closed and "no picture that can be used" in feed.problem


def test_a_camera_that_sends_nothing_but_broken_pictures_is_opened_anew() -> None:
    clock = Clock()
    bad = FakeGrabber([picture(0), *[None] * 6])
    feed = feed_of(bad, FakeGrabber([picture(1)]), clock=clock)
    until_picture(feed, clock)
    while not bad.closed:
        clock.pass_by(0.5)
        feed.step()
    assert "no picture that can be used" in feed.problem
    until_picture(feed, clock)
    assert feed.problem == ""


def test_the_same_picture_for_too_long_is_frozen_and_opened_anew_until_it_changes() -> None:
    clock = Clock()
    same = noise(1)
    stuck = [FakeGrabber([Picture(same.copy()) for _ in range(20)]) for _ in range(2)]
    feed = feed_of(*stuck, FakeGrabber([Picture(same.copy()), picture(2)]), clock=clock)
    delivered = 0
    while not stuck[0].closed:
        delivered += isinstance(feed.step(), Picture)
        clock.pass_by(0.25)
    assert "same picture for 2 s" in feed.problem
    assert delivered == 9, "a still picture is shown for the two seconds in which it may be chance"
    while not stuck[1].closed:
        assert not isinstance(feed.step(), Picture), "what it hung on is not shown as if it were now"
        clock.pass_by(0.25)
    assert "same picture" in feed.problem
    until_picture(feed, clock)
    assert feed.problem == ""


def test_a_dark_picture_with_a_sensors_noise_is_not_frozen() -> None:
    clock = Clock()
    dark = np.zeros((48, 64), np.uint8)
    pictures = []
    for number in range(40):
        speck = dark.copy()
        speck[number, 7] = 1  # often in a row that the quick look leaves out
        pictures.append(Picture(speck))
    feed = feed_of(FakeGrabber(pictures), clock=clock)
    feed.step()
    for _ in pictures:
        assert isinstance(feed.step(), Picture)
        clock.pass_by(0.5)


def test_a_still_test_picture_is_allowed_when_freezing_is_not_watched() -> None:
    clock = Clock()
    feed = feed_of(FakeGrabber([Picture(noise(1)) for _ in range(20)]), clock=clock, patience=Patience(frozen_s=0))
    feed.step()
    for _ in range(20):
        assert isinstance(feed.step(), Picture)
        clock.pass_by(1)


def test_an_unforeseen_error_of_a_driver_is_a_problem_and_not_the_end() -> None:
    clock = Clock()
    feed = feed_of(FakeGrabber([MemoryError("no room")]), FakeGrabber([picture(1)]), clock=clock)
    feed.step()
    assert feed.step() == 0.5 and "no room" in feed.problem
    until_picture(feed, clock)


def test_read_gives_the_newest_frame_once_and_counts_the_dropped_ones() -> None:
    device = FakeGrabber([picture(1), picture(2), picture(3)])
    capture = Capture(FakeOpener(device), "fake camera")
    try:
        index, newest = -1, noise(0)
        while index < 2:
            frame = capture.read(5)
            assert frame is not None and frame.index > index
            index, newest = frame.index, frame.gray
        assert np.array_equal(newest, noise(3))
        assert capture.read(0) is None, "a frame is read once"
        assert capture.problem == ""
    finally:
        device.let_go()
        capture.close()


def test_while_nobody_reads_pictures_pass_unread_and_the_next_reader_gets_a_fresh_one() -> None:
    clock = Clock()
    device = FakeGrabber([picture(1)])
    capture = Capture(FakeOpener(device), "fake camera", clock=clock)
    frames: list[Frame | None] = []
    reader = threading.Thread(target=lambda: frames.append(capture.read(5)))
    try:
        assert capture.read(5) is not None
        _blocked(capture)
        clock.pass_by(0.2)
        device.put(picture(2))  # was wanted when it was begun
        device.put(picture(3))
        _until(lambda: capture._next_index == 3)
        assert device.skipped == 1 and capture._frame is None, "an old picture is not kept"
        reader.start()
        _until(lambda: capture._reading)
        device.put(picture(4))  # on its way when the reader came
        device.put(picture(5))
        reader.join(5)
        (frame,) = frames
        assert frame is not None and frame.index == 4 and np.array_equal(frame.gray, noise(5))
        assert device.skipped == 2
    finally:
        device.let_go()
        capture.close()


def test_before_anybody_has_read_every_picture_is_kept_for_the_first_reader() -> None:
    clock = Clock()
    device = FakeGrabber([picture(1)])
    capture = Capture(FakeOpener(device), "fake camera", clock=clock)
    try:
        _until(lambda: capture._next_index == 1)
        clock.pass_by(60)
        device.put(picture(2))
        _until(lambda: capture._next_index == 2)
        frame = capture.read(5)
        assert frame is not None and np.array_equal(frame.gray, noise(2)) and device.skipped == 0
    finally:
        device.let_go()
        capture.close()


def test_a_device_that_stops_while_nobody_reads_is_opened_anew() -> None:
    clock = Clock()
    lost, again = FakeGrabber([picture(1), CameraError("pulled out")]), FakeGrabber([picture(2)])
    feed = feed_of(lost, again, clock=clock)
    until_picture(feed, clock)
    assert feed.step(wanted=False) == 0.5
    assert (lost.closed, feed.problem) == (1, "pulled out")
    assert feed.step(wanted=False) == 0.0, "it is opened, wanted or not"
    assert isinstance(feed.step(), Picture)


def test_a_changed_frame_size_is_followed() -> None:
    device = FakeGrabber([picture(1)])
    capture = Capture(FakeOpener(device), "fake camera")
    try:
        first = capture.read(5)
        device.put(picture(2, 32, 24))
        second = capture.read(5)
        assert first is not None and second is not None
        assert (first.width, first.height, second.width, second.height) == (64, 48, 32, 24)
    finally:
        device.let_go()
        capture.close()


@pytest.mark.parametrize(("stamp", "taken"), [(999.95, 999.95), (0.0, 1000.0), (3.0, 1000.0), (2000.0, 1000.0)])
def test_a_drivers_time_is_used_if_it_is_of_our_clock(stamp: float, taken: float) -> None:
    assert time_taken(stamp, arrived_at=1000.0) == taken


@pytest.mark.parametrize(("own", "taken"), [(999.95, 999.95), (None, 1000.0)])
def test_a_frame_is_as_old_as_its_picture(own: float | None, taken: float) -> None:
    device = FakeGrabber([Picture(noise(1), taken_at=own)])
    capture = Capture(FakeOpener(device), "fake camera", clock=Clock(1000.0))
    try:
        frame = capture.read(5)
        assert frame is not None and frame.taken_at == taken
    finally:
        device.let_go()
        capture.close()


def test_a_held_device_is_left_to_its_driver_and_a_fresh_one_opened_with_one_thread_more_at_most() -> None:
    clock = Clock()
    held, fresh, later = FakeGrabber([picture(1)]), FakeGrabber(), FakeGrabber()
    before = threading.active_count()
    capture = Capture(FakeOpener(held, fresh, later), "fake camera", clock=clock)
    try:
        assert capture.read(5) is not None
        _blocked(capture)
        clock.pass_by(3.1)
        assert capture.read(0) is None and "does not answer" in capture.problem
        fresh.put(picture(2))
        frame = capture.read(5)
        assert frame is not None and np.array_equal(frame.gray, noise(2)) and frame.index == 1
        assert capture.problem == ""

        _blocked(capture)
        clock.pass_by(3.1)
        assert capture.read(0) is None and "does not answer" in capture.problem
        assert threading.active_count() == before + 2, "no third thread while the first is still held"

        held.let_go()  # the driver gives up, as OpenCV does after 10 s
        _ended(capture)
        assert held.closed == 1
        assert capture.read(0) is None
        later.put(picture(3))
        frame = capture.read(5)
        assert frame is not None and np.array_equal(frame.gray, noise(3))
    finally:
        for device in (held, fresh, later):
            device.let_go()
        capture.close()
    _ended(capture)
    assert threading.active_count() == before


def _blocked(capture: Capture) -> None:
    """Returns once the capture's thread waits in its device."""
    _until(lambda: capture._feed._held is not None)


def _until(reached: Callable[[], bool]) -> None:
    """Returns once the capture's thread has come so far."""
    ready = threading.Event()
    for _ in range(5000):
        if reached():
            return
        ready.wait(0.001)
    raise AssertionError("the thread did not come so far")


def _ended(capture: Capture) -> None:
    """Returns once the thread that was given up has come to its end."""
    assert capture._given_up is not None
    capture._given_up.join(5)
    assert not capture._given_up.is_alive()


def test_closing_wakes_a_reader_ends_the_thread_and_may_be_done_twice() -> None:
    capture = Capture(FakeOpener(CameraError("none")), "fake camera")
    results = []
    reader = threading.Thread(target=lambda: results.append(capture.read(30)))
    reader.start()
    capture.close()
    capture.close()
    reader.join(5)
    assert results == [None] and not capture._thread.is_alive()


def test_a_frame_that_comes_late_from_a_device_given_up_is_not_shown() -> None:
    clock = Clock()
    held, fresh = FakeGrabber([picture(1)]), FakeGrabber([])
    capture = Capture(FakeOpener(held, fresh), "fake camera", clock=clock)
    try:
        assert capture.read(5) is not None
        _blocked(capture)
        clock.pass_by(3.1)
        capture.read(0)
        held.put(picture(9))
        _ended(capture)
        assert capture.read(0) is None
    finally:
        fresh.let_go()
        capture.close()
