"""The thread behind every live camera: it keeps the newest picture, and opens the camera anew when pictures stop.

A `Feed` is the whole logic, one step at a time and without waiting; a `Capture` runs a feed in a thread, passes on
its newest picture, and gives up a thread that a driver holds fast.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from fer_pi.errors import CameraError
from fer_pi.types import Frame, Image

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
"""How long after a failure the camera is opened again; doubles with every further one."""
LONGEST_PAUSE_S = 4.0
"""With the second that opening takes, a camera that comes back is seen again within 5 s."""
OPENING_S = 12.0
"""An opening that takes longer than this is held fast: OpenCV gives up after 10 s by itself."""
FIRST_PICTURE_S = 5.0
"""Some webcams need three seconds from being opened to their first picture."""
UNREAD_S = 0.1
"""When nobody has read for so long, as in an empty room, pictures pass without being decoded until somebody does."""
JOIN_S = 2.0
"""How long `close` waits for the thread."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a camera gave, before it is numbered."""

    gray: Image
    """(H, W) uint8, C-contiguous."""
    make_color: Callable[[], Image] | None = None
    """Returns (H, W, 3) uint8 BGR."""
    taken_at: float | None = None
    """Monotonic seconds; None for now."""


def time_taken(stamp: float, arrived_at: float) -> float:
    """When a picture was taken: at the driver's own `stamp`, unless that is of another clock, or no time at all.

    The stamp is better, as the picture has waited in a buffer since; all in seconds.
    """
    return stamp if 0 <= arrived_at - stamp < _LONGEST_WAIT_S else arrived_at


_LONGEST_WAIT_S = 1.0


class Grabber(Protocol):
    """One opened device."""

    name: str
    """For people: "webcam /dev/video0 (C920)"."""

    def grab(self) -> Picture | None:
        """Wait for the next picture; None for one too broken to use, or if none came for a while.

        Raises CameraError when the device has stopped.
        """

    def skip(self) -> None:
        """Wait for the next picture, and make nothing of it. Raises CameraError when the device has stopped."""

    def close(self) -> None:
        """Release the device."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a camera may do nothing new."""

    stall_s: float = 2.0
    """Seconds without a usable picture."""
    frozen_s: float = 2.0
    """Seconds of pictures that are the same byte for byte; 0 for ever."""


class Feed:
    """The way from a device to pictures: opens it, watches it, closes it, opens it from scratch."""

    def __init__(
        self, opener: Callable[[], Grabber], name: str, patience: Patience, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`opener` opens the device or raises CameraError saying why it cannot; `name` serves until it has."""
        self.name = name
        self.problem = f"{name} is being opened"
        self.broken = 0
        """Pictures that did not come or were too broken to use."""
        self._opener = opener
        self._patience = patience
        self._clock = clock
        self._grabber: Grabber | None = None
        self._pause_s = FIRST_PAUSE_S
        self._good_at = clock()
        self._stall_s = patience.stall_s
        self._still: Image | None = None
        self._still_since = 0.0
        self._frozen = False
        self._held: tuple[float, float] | None = None

    def step(self, wanted: bool = True) -> Picture | float | None:
        """One opening or one picture: a new picture, None for one that is not `wanted`, or the seconds to wait."""
        try:
            if self._grabber is None:
                self._held = (self._clock(), OPENING_S)
                self._grabber = self._opener()
                self._good_at, self._stall_s = self._clock(), max(self._patience.stall_s, FIRST_PICTURE_S)
                self.name = self._grabber.name
                return 0.0
            self._held = (self._clock(), self._stall_s)
            if not wanted:
                self._grabber.skip()
                return None
            return self._checked(self._grabber.grab())
        except Exception as error:  # whatever a driver's library throws, this is the only thread that can try again
            known = isinstance(error, CameraError)
            problem = str(error) if known else f"{self.name} failed: {error!r}"
            if self.problem != problem:
                log.log(logging.INFO if known else logging.ERROR, "%s", problem, exc_info=not known)
            self.problem = problem
            self.close()
            pause_s, self._pause_s = self._pause_s, min(2 * self._pause_s, LONGEST_PAUSE_S)
            return pause_s
        finally:
            self._held = None

    def is_held(self) -> bool:
        """Whether the device has kept a step from ending for too long; may be asked from another thread."""
        held = self._held
        return held is not None and self._clock() - held[0] > held[1]

    def close(self) -> None:
        """Release the device; twice is fine."""
        grabber, self._grabber = self._grabber, None
        if grabber is not None:
            grabber.close()

    def _checked(self, picture: Picture | None) -> Picture | float:
        now = self._clock()
        if picture is None:
            self.broken += 1
            if now - self._good_at > self._stall_s:
                raise CameraError(
                    f"{self.name} sends no picture that can be used; check its cable, or try another format"
                )
            return 0.0
        if self._is_frozen(picture.gray, now):
            return 0.0
        if self.problem:
            log.info("%s: %dx%d", self.name, picture.gray.shape[1], picture.gray.shape[0])
        self.problem = ""
        self._pause_s = FIRST_PAUSE_S
        self._good_at, self._stall_s = now, self._patience.stall_s
        return picture

    def _is_frozen(self, gray: Image, now: float) -> bool:
        """Whether the picture is the one that the camera has hung on.

        The noise of a sensor makes every picture different, even in the dark. A camera that hangs stays frozen through
        any number of openings, until the picture is another one.
        """
        if not self._patience.frozen_s:
            return False
        if self._still is None or not _same(self._still, gray):
            self._still, self._still_since, self._frozen = gray, now, False
            return False
        if now - self._still_since > self._patience.frozen_s:
            self._frozen, self._still_since = True, now
            raise CameraError(
                f"{self.name} has sent the same picture for {self._patience.frozen_s:g} s; is its shutter closed?"
            )
        return self._frozen


class Capture:
    """A camera in its own thread: one slot, with the newest picture only. A kind of camera adds how it is opened."""

    def __init__(
        self,
        opener: Callable[[], Grabber],
        name: str,
        patience: Patience = Patience(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make_feed = partial(Feed, opener, name, patience, clock)
        self._clock = clock
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._next_index = 0
        self._closed = False
        self._given_up: threading.Thread | None = None
        self._reading = False
        self._read_at = math.inf
        self._start()

    @property
    def name(self) -> str:
        """For people; changes when another device is found."""
        return self._feed.name

    @property
    def problem(self) -> str:
        """Why no pictures come; empty while they do."""
        return self._feed.problem

    def read(self, timeout_s: float) -> Frame | None:
        """The newest frame not yet read; None if none came within `timeout_s`, or after `close`."""
        with self._changed:
            self._reading = True
            self._changed.wait_for(lambda: self._frame is not None or self._closed, timeout_s)
            self._reading, self._read_at = False, self._clock()
            frame, self._frame = self._frame, None
            if frame is None and not self._closed and self._feed.is_held():
                self._give_up()
            return frame

    def close(self) -> bool:
        """Release the device; twice is fine. Whether it is released: a driver may hold it a while longer."""
        with self._changed:
            patience_s = 0.0 if self._closed else JOIN_S
            self._closed = True
            self._frame = None
            self._stop.set()
            self._changed.notify_all()
        self._thread.join(patience_s)
        return not any(thread and thread.is_alive() for thread in (self._thread, self._given_up))

    def _start(self, problem: str = "") -> None:
        self._feed = self._make_feed()
        self._feed.problem = problem or self._feed.problem
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._feed, self._stop), name="camera", daemon=True)
        self._thread.start()

    def _give_up(self) -> None:
        """Leave the thread to the driver that holds it fast, and begin anew; it ends by itself once it is let go.

        There is never more than one such thread: a second one waits until the first has ended.
        """
        problem = f"{self._feed.name} does not answer; it is being opened anew"
        if self._given_up is None or not self._given_up.is_alive():
            log.warning("%s", problem)
            self._given_up = self._thread
            self._stop.set()
            self._start(problem)
        else:
            self._feed.problem = problem

    def _run(self, feed: Feed, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                step = feed.step(self._reading or self._clock() - self._read_at < UNREAD_S)
                if isinstance(step, Picture):
                    self._deliver(step, feed)
                elif step is None:
                    self._let_pass(feed)
                elif step:
                    stop.wait(step)
        finally:
            feed.close()

    def _deliver(self, picture: Picture, feed: Feed) -> None:
        now = self._clock()
        with self._changed:
            if feed is not self._feed or self._closed:
                return
            taken_at = now if picture.taken_at is None else picture.taken_at
            self._frame = Frame(picture.gray, self._next_index, taken_at, None, feed.name, picture.make_color)
            self._next_index += 1
            self._changed.notify_all()

    def _let_pass(self, feed: Feed) -> None:
        """Count a picture that nobody wanted; the one before it is no longer the newest."""
        with self._changed:
            if feed is self._feed:
                self._frame = None
                self._next_index += 1


def _same(one: Image, other: Image) -> bool:
    """Byte for byte; nearly always decided by every sixteenth row, which costs a sixteenth."""
    return one.shape == other.shape and np.array_equal(one[::16], other[::16]) and np.array_equal(one, other)
