"""Made-up faces and scores with known truth: what a detector and a classifier might say of a person who moves."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from fer_pi.types import EMOTIONS, Box, Emotion, Face, Quality, Scores

EYE_DISTANCE = 0.42
"""Distance between the eyes of a frontal face, in widths of its box."""

_POINTS = np.array([(-0.21, -0.16, 0.0), (0.21, -0.16, 0.0), (0.0, 0.1, 0.2), (-0.16, 0.31, 0.03), (0.16, 0.31, 0.03)])
"""A face's landmarks in widths of its box: right, down, and towards the camera; a plain head of our own making."""

GOOD = Quality(size_px=120, sharpness=300, brightness=120, contrast=45, yaw=0.0)
"""A face that can be read well."""


def face_at(x: float, y: float, width: float = 100, yaw_deg: float = 0, roll_deg: float = 0) -> Face:
    """A face centred on (`x`, `y`) pixels, `width` pixels wide; a positive yaw turns it to the subject's left."""
    yaw, roll = math.radians(yaw_deg), math.radians(roll_deg)
    right, down, near = _POINTS.T
    right = right * math.cos(yaw) + near * math.sin(yaw)
    across = right * math.cos(roll) - down * math.sin(roll)
    along = right * math.sin(roll) + down * math.cos(roll)
    landmarks = tuple((x + width * dx, y + width * dy) for dx, dy in zip(across.tolist(), along.tolist(), strict=True))
    return Face(Box(x - width / 2, y - 0.65 * width, width, 1.3 * width), landmarks, 0.9)


def jittered(face: Face, rng: np.random.Generator, amount: float = 0.01) -> Face:
    """`face` with normal noise on every edge and landmark: `amount` in distances between the eyes, one deviation."""
    spread = amount * EYE_DISTANCE * face.box.width
    edges = (face.box.left, face.box.top, face.box.width, face.box.height)
    noise = rng.normal(0, spread, (len(face.landmarks), 2)).tolist()
    moved = tuple((x + dx, y + dy) for (x, y), (dx, dy) in zip(face.landmarks, noise, strict=True))
    return Face(Box(*(float(edge + rng.normal(0, spread)) for edge in edges)), moved, face.confidence)


def scores_for(emotion: Emotion, probability: float = 0.8) -> Scores:
    """Scores that give `emotion` that `probability` and the others equal parts of the rest."""
    rest = (1 - probability) / (len(EMOTIONS) - 1)
    return Scores(tuple(probability if each is emotion else rest for each in EMOTIONS))


def noisy_scores(
    emotions: Sequence[Emotion], rng: np.random.Generator, lead: float = 3.0, noise: float = 1.0, memory: float = 0.0
) -> Iterator[Scores]:
    """Scores of one person, a frame for each of `emotions`, as a classifier in bad light gives them.

    The softmax of logits in which the true emotion leads by `lead`, with normal noise of deviation `noise` on each;
    `memory` 0..1 is how much of a frame's noise is left in the next one.
    """
    drift = rng.normal(0, noise, len(EMOTIONS))
    for emotion in emotions:
        drift = memory * drift + math.sqrt(1 - memory**2) * rng.normal(0, noise, len(EMOTIONS))
        logits = drift + lead * np.array([each is emotion for each in EMOTIONS])
        yield Scores.of(np.exp(logits - logits.max()))
