"""Outputs to watch, block and break; readings and a clock to drive them; and the contract of all outputs."""

import threading
from collections.abc import Callable, Sequence

import numpy as np

from fer_pi.errors import OutputError
from fer_pi.outputs.runner import Wait
from fer_pi.testing.faces import GOOD, face_at
from fer_pi.types import EMOTIONS, Emotion, Frame, Mood, Output, Reading, Scores, Sighting, Status, Timings


def reading_of(
    emotion: Emotion | None = None,
    *,
    status: Status = Status.WATCHING,
    strength: float = 1.0,
    at: float = 0.0,
    age_s: float = 0.04,
    people: int = 1,
    scores: Sequence[float] | None = None,
    message: str = "",
) -> Reading:
    """A reading as the chain might make it at `at`; without `watching` it has neither picture nor people.

    `scores` are the smoothed ones of every face, the first of which makes the mood; by default `emotion` has `strength`
    and the others share the rest.
    """
    if status is not Status.WATCHING:
        return Reading(status, Mood(None, 0.0, at), made_at=at, message=message)
    if scores is None:
        top = strength if emotion else 1 / len(EMOTIONS)
        scores = [top if e is (emotion or e) else (1 - top) / (len(EMOTIONS) - 1) for e in EMOTIONS]
    smoothed = Scores(tuple(scores))
    faces = [face_at(120 + 100 * n, 120, 90 - n) for n in range(people)]
    return Reading(
        status,
        Mood(emotion, strength if emotion else 0.0, at, *((smoothed, 1) if people else ())),
        made_at=at,
        frame=Frame(np.zeros((240, 320), np.uint8), index=0, taken_at=at - age_s, source="a made-up camera"),
        sightings=tuple(Sighting(n + 1, face, smoothed, smoothed, GOOD, emotion) for n, face in enumerate(faces)),
        timings=Timings(rate_hz=25.0, dropped=2),
        message=message,
    )


class FakeTime:
    """A clock that stands until it is moved, and waits that end when it is; for `OutputRunner` and outputs alike."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now
        self._moved = threading.Condition()
        self._waiting: dict[threading.Condition, float | None] = {}

    def clock(self) -> float:
        return self.now

    @property
    def wait(self) -> Wait:
        return self._wait

    def _wait(self, condition: threading.Condition, timeout_s: float | None) -> None:
        with self._moved:
            self._waiting[condition] = timeout_s
            self._moved.notify_all()
        condition.wait()
        with self._moved:
            self._waiting.pop(condition, None)

    def waits(self, patience_s: float = 5.0) -> list[float | None]:
        """The timeouts for which threads wait right now, once at least one does. Raises TimeoutError if none comes."""
        with self._moved:
            if not self._moved.wait_for(lambda: self._waiting, patience_s):
                raise TimeoutError(f"no thread began to wait within {patience_s} s")
            return list(self._waiting.values())

    def advance(self, seconds: float) -> None:
        """Move the clock and wake whoever waits, once somebody does."""
        if seconds < 0:
            raise ValueError(f"monotonic time cannot go back by {-seconds} s")
        self.waits()
        with self._moved:
            conditions = list(self._waiting)
            self._waiting.clear()
        self.now += seconds
        for condition in conditions:
            with condition:
                condition.notify_all()


class RecordingOutput:
    """An output that remembers what it was shown, and blocks or fails when told to."""

    def __init__(self, refresh_s: float | None = None) -> None:
        self.refresh_s = refresh_s
        self.shown: list[Reading] = []
        self.closed = 0
        self.fails_with: Exception | None = None
        self._may_go_on = threading.Event()
        self._may_go_on.set()
        self._changed = threading.Condition()

    def show(self, reading: Reading) -> None:
        if self.closed:
            raise OutputError("the recording output is closed")
        if self.fails_with is not None:
            raise self.fails_with
        with self._changed:
            self.shown.append(reading)
            self._changed.notify_all()
        self._may_go_on.wait()

    def close(self) -> None:
        with self._changed:
            self.closed += 1
            self._changed.notify_all()

    def block(self) -> None:
        """From now on `show` does not return until `unblock`."""
        self._may_go_on.clear()

    def unblock(self) -> None:
        self._may_go_on.set()

    def wait_until(self, happened: Callable[["RecordingOutput"], bool], patience_s: float = 5.0) -> None:
        """Return once `happened(self)`; it is looked at after each show and close. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: happened(self), patience_s):
                raise TimeoutError(f"not within {patience_s} s: {len(self.shown)} shown, {self.closed} times closed")


STATES_AND_MOODS = (
    *(reading_of(status=status) for status in Status if status is not Status.WATCHING),
    *(reading_of(emotion) for emotion in (None, *EMOTIONS)),
    reading_of(Emotion.HAPPINESS, people=0),
    reading_of(Emotion.FEAR, people=30, strength=0.0),
)
"""A reading of every kind that an output may be shown."""


def check_output_contract(make: Callable[[], Output], is_dark: Callable[[], bool]) -> None:
    """What every output promises: it takes every reading, is dark after close, and knows that it is closed.

    `make` is called twice: the device must be free again after close. Raises AssertionError.
    """
    for _ in range(2):
        output = make()
        assert isinstance(output, Output), f"{output!r} lacks show, close or refresh_s"
        assert output.refresh_s is None or output.refresh_s > 0, f"refresh_s is {output.refresh_s}"
        try:
            for reading in STATES_AND_MOODS:
                output.show(reading)
                output.show(reading)
        finally:
            output.close()
        assert is_dark(), f"{output!r} is not dark after close"
        output.close()
        assert is_dark(), f"{output!r} is not dark after a second close"
        try:
            output.show(STATES_AND_MOODS[0])
        except OutputError:
            pass
        else:
            raise AssertionError(f"{output!r} shows something after it was closed")
        assert is_dark(), f"{output!r} lit up after it was closed"
    unused = make()
    unused.close()
    assert is_dark(), "an output that was never shown anything is not dark after close"
