"""Readings made to order: what the chain might say of a picture, for tests of lights, screens and drawings."""

from collections.abc import Sequence

import numpy as np

from fer_pi.testing.faces import GOOD, face_at, scores_for
from fer_pi.types import Emotion, Frame, Image, Mood, Quality, Reading, Scores, Sighting, Status, Timings


def sighting_at(
    x: float,
    y: float,
    width: float,
    emotion: Emotion | None,
    probability: float = 0.8,
    track: int = 1,
    quality: Quality = GOOD,
) -> Sighting:
    """A face centred on (x, y), `width` pixels wide; with None as emotion, it is not sure between the first two."""
    if emotion is None:
        unsure = np.array([0.32, 0.08, 0.06, 0.30, 0.08, 0.06, 0.05, 0.05])
        scores = Scores.of(unsure)
    else:
        scores = scores_for(emotion, probability)
    return Sighting(track, face_at(x, y, width), scores, scores, quality, emotion)


def frame_of(color: Image, taken_at: float = 100.0) -> Frame:
    """A frame that shows `color`, (H, W, 3) uint8 BGR."""
    gray = np.asarray(color @ np.array([0.114, 0.587, 0.299]), np.uint8)
    return Frame(gray, 0, taken_at, make_color=color.copy)


def reading_of(
    sightings: Sequence[Sighting] = (),
    color: Image | None = None,
    *,
    status: Status | None = None,
    focus: int | None = 0,
    taken_at: float = 100.0,
    age_s: float = 0.046,
    rate_hz: float = 28.0,
    message: str = "",
) -> Reading:
    """A reading of the picture `color` (black if None) in which `sightings` are seen.

    The status follows from the sightings; the mood is that of the one numbered `focus`, or with None everyone's.
    """
    frame = frame_of(np.zeros((480, 640, 3), np.uint8) if color is None else color, taken_at)
    state = status or (Status.WATCHING if sightings else Status.NOBODY)
    shown = state in (Status.WATCHING, Status.NOBODY)
    return Reading(
        status=state,
        mood=_mood(sightings, focus, taken_at - 3) if shown else Mood(None, 0.0, taken_at - 3),
        made_at=taken_at + age_s,
        frame=frame if shown else None,
        sightings=tuple(sightings) if shown else (),
        timings=Timings(0.02, 0.001, 0.004, 0.001, rate_hz),
        message=message,
    )


def _mood(sightings: Sequence[Sighting], focus: int | None, since: float) -> Mood:
    if not sightings:
        return Mood(None, 0.0, since)
    if focus is None:
        scores = Scores.of(np.mean([sighting.scores.probabilities for sighting in sightings], axis=0))
        return Mood(scores.top, scores[scores.top], since, scores)
    emotion, scores = sightings[focus].emotion, sightings[focus].scores
    return Mood(emotion, 0.0 if emotion is None else scores[emotion], since, scores, sightings[focus].track)
