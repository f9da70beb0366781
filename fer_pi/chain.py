"""From a frame to a reading: detect, follow, align, classify, settle; each stage timed."""

import logging
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from fer_pi.config import Config
from fer_pi.mood.engine import MoodEngine
from fer_pi.types import Classifier, Detector, Frame, Mood, Reading, Status, Timings
from fer_pi.vision import align
from fer_pi.vision.classifier import EmotionClassifier
from fer_pi.vision.detector import open_detector
from fer_pi.vision.quality import quality

log = logging.getLogger(__name__)

RATE_TAU_S = 1.0
"""Time constant of the smoothed frame rate."""


class Chain:
    """The way of the data between camera and outputs; owns what it remembers of earlier frames."""

    def __init__(
        self,
        detector: Detector,
        classifier: Classifier,
        mood: MoodEngine,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.detector = detector
        self.classifier = classifier
        self.mood = mood
        self._clock = clock
        self._last: Frame | None = None
        self._rate_hz = 0.0
        self._dropped = 0
        self._empty_since: float | None = None

    def read(self, frame: Frame) -> Reading:
        """What there is to know of `frame`, given those before it."""
        clock = self._clock
        times = [clock()]
        faces = self.detector.detect(frame.gray)
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
        self._count(frame)
        timings = Timings(detect, align_s - follow, classify, settle + follow, self._rate_hz, self._dropped)
        # The mood of somebody who has just left the picture lasts for a moment, and so does the state.
        status = Status.WATCHING if sightings or mood.emotion else Status.NOBODY
        return Reading(status, mood, times[-1], frame, sightings, timings)

    def without_picture(self, status: Status, message: str, now: float) -> Reading:
        """A reading for a moment at which there is nothing to see."""
        if self._empty_since is None:
            self.mood.reset()
            self._last, self._rate_hz, self._empty_since = None, 0.0, now
        mood = Mood(None, 0.0, self._empty_since)
        return Reading(status, mood, now, message=message, timings=Timings(dropped=self._dropped))

    def _count(self, frame: Frame) -> None:
        last, self._last, self._empty_since = self._last, frame, None
        if last is None or frame.taken_at <= last.taken_at:
            return
        self._dropped += max(0, frame.index - last.index - 1)
        interval_s = frame.taken_at - last.taken_at
        share = min(1.0, interval_s / RATE_TAU_S) if self._rate_hz else 1.0
        self._rate_hz += share * (1 / interval_s - self._rate_hz)


def open_chain(config: Config) -> Chain:
    """The chain that `config` describes. Raises ModelError for a model that cannot be used."""
    return Chain(open_detector(config.detector), EmotionClassifier(config.classifier), MoodEngine(config.mood))


def with_threads(config: Config, threads: int) -> Config:
    """`config` with as many threads for detector and classifier."""
    changes: dict[str, Any] = {
        name: getattr(config, name).model_copy(update={"threads": threads}) for name in ("detector", "classifier")
    }
    return config.model_copy(update=changes)
