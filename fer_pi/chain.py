"""From a frame to a reading: detect, follow, align, classify, settle; each stage timed."""

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from fer_pi.config import Config
from fer_pi.mood.engine import MoodEngine
from fer_pi.types import Classifier, Frame, Mood, Reading, Status, Timings
from fer_pi.vision import align
from fer_pi.vision.attention import Attention, open_attention
from fer_pi.vision.classifier import EmotionClassifier
from fer_pi.vision.quality import quality

RATE_TAU_S = 1.0
"""Time constant of the smoothed frame rate."""


class Chain:
    """The way of the data between camera and outputs; owns what it remembers of earlier frames."""

    def __init__(
        self,
        attention: Attention,
        classifier: Classifier,
        mood: MoodEngine,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.attention = attention
        self.classifier = classifier
        self.mood = mood
        self._clock = clock
        self._last: Frame | None = None
        self._rate_hz = 0.0
        self._dropped = 0
        self._empty_since: float | None = None

    def begin(self, *, pictures: bool = False) -> None:
        """Forget what was seen; what comes next is another source. With `pictures` each frame stands for itself."""
        self.attention.reset(pictures=pictures)
        self.mood.reset(pictures=pictures)
        self._last, self._rate_hz = None, 0.0

    def read(self, frame: Frame) -> Reading:
        """What there is to know of `frame`, given those before it."""
        clock, rested = self._clock, bool(self.rest_s)
        times = [clock()]
        faces = self.attention.look(frame.gray, frame.taken_at)
        times.append(clock())
        tracked = self.mood.follow(faces, frame.taken_at)
        followed = clock()
        crops = [align.raw_crop(frame.gray, seen.face) for seen in tracked]
        qualities = [quality(frame.gray, seen.face, crop) for seen, crop in zip(tracked, crops, strict=True)]
        crops = [align.normalized(crop) for crop in crops]
        times.append(clock())
        scores = self.classifier.classify(crops)
        times.append(clock())
        sightings, mood = self.mood.settle(tracked, scores, qualities, frame.taken_at)
        times.append(clock())
        detect, align_s, classify, settle = (after - before for before, after in pairwise(times))
        follow = followed - times[1]
        self._count(frame, rested)
        timings = Timings(detect, align_s - follow, classify, settle + follow, self._rate_hz, self._dropped)
        # The mood of somebody who has just left the picture lasts for a moment, and so does the state.
        status = Status.WATCHING if sightings or mood.emotion else Status.NOBODY
        return Reading(status, mood, times[-1], frame, sightings, timings)

    @property
    def rest_s(self) -> float:
        """Seconds for which nobody would miss a reading: 0 unless nobody has been there for a while."""
        return self.attention.rest_s

    def without_picture(self, status: Status, message: str, now: float) -> Reading:
        """A reading for a moment at which there is nothing to see."""
        if self._empty_since is None:
            self.begin()
            self._empty_since = now
        mood = Mood(None, 0.0, self._empty_since)
        return Reading(status, mood, now, message=message, timings=Timings(dropped=self._dropped))

    def _count(self, frame: Frame, rested: bool) -> None:
        last, self._last, self._empty_since = self._last, frame, None
        if last is None or frame.taken_at <= last.taken_at:
            return
        if not rested:  # else nobody wanted those between
            self._dropped += max(0, frame.index - last.index - 1)
        interval_s = frame.taken_at - last.taken_at
        share = min(1.0, interval_s / RATE_TAU_S) if self._rate_hz else 1.0
        self._rate_hz += share * (1 / interval_s - self._rate_hz)


def open_chain(config: Config) -> Chain:
    """The chain that `config` describes. Raises ModelError for a model that cannot be used."""
    return Chain(open_attention(config.detector), EmotionClassifier(config.classifier), MoodEngine(config.mood))


def unhurried(config: Config) -> Config:
    """`config` with a look at the whole of every picture: for files, which can wait."""
    return config.model_copy(update={"detector": config.detector.model_copy(update={"every": 1})})


def with_threads(config: Config, threads: int) -> Config:
    """`config` with as many threads for detector and classifier."""
    changes: dict[str, Any] = {
        name: getattr(config, name).model_copy(update={"threads": threads}) for name in ("detector", "classifier")
    }
    return config.model_copy(update=changes)
