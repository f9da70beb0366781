"""How the drawn face looks for each emotion: a few numbers that can be mixed."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from fer_pi.drawing.palette import EMOTION_COLORS, STATUS_COLORS
from fer_pi.types import EMOTIONS, Emotion, Reading, Status

SHARPENING = 2.5
"""Power of the probabilities in the mixture: a clear favourite shows a clear face, a tie shows both."""


class Expression(NamedTuple):
    """The shape of the face. Lengths are in radii of the face, y points down; 0 is at rest unless said otherwise."""

    brow_lift: float = 0.0
    """Up."""
    brow_slant: float = 0.0
    """Inner ends down; negative: up."""
    brow_arch: float = 0.05
    """Height of the middle over the ends."""
    brow_cock: float = 0.0
    """The brow on the right of the screen goes up by this, the other one down by a third of it."""
    eye_size: float = 1.0
    """Of the whole eye; 1 at rest."""
    eye_open: float = 0.85
    """0 closed, 1 round."""
    eye_arc: float = 0.04
    """Bend of a closed eye: positive hangs (asleep), negative arches (laughing)."""
    lid_slant: float = 0.0
    """Inner end of the upper lid down; negative: outer end down."""
    squint: float = 0.0
    """The lower lid comes up."""
    pupil: float = 1.0
    """Size of the iris; 1 at rest."""
    gaze_x: float = 0.0
    """To the right of the screen."""
    gaze_y: float = 0.0
    """Down."""
    mouth_width: float = 0.34
    """From the middle to a corner."""
    mouth_smile: float = 0.06
    """Corners up against the middle; negative: down."""
    mouth_open: float = 0.0
    """Height of the gap."""
    mouth_round: float = 0.0
    """0 pointed corners, 1 an ellipse."""
    mouth_drop: float = 0.5
    """Share of the gap that lies below the line of the lips."""
    mouth_skew: float = 0.0
    """The corner on the right of the screen up."""
    mouth_wave: float = 0.0
    """Trembling line."""
    mouth_y: float = 0.43
    """Below the middle of the face."""
    teeth: float = 0.0
    """Share of the gap that is teeth."""
    tongue: float = 0.0
    """0..1."""
    blush: float = 0.0
    """Rosy cheeks, 0..1."""
    wrinkle: float = 0.0
    """Across the nose, 0..1."""
    tear: float = 0.0
    """0..1."""


EXPRESSIONS: Mapping[Emotion, Expression] = MappingProxyType(
    {
        Emotion.NEUTRAL: Expression(mouth_smile=0.03),
        Emotion.HAPPINESS: Expression(
            brow_lift=0.07, brow_arch=0.10, eye_open=0.0, eye_arc=-0.17, mouth_width=0.46, mouth_smile=0.15,
            mouth_open=0.38, mouth_drop=1.0, mouth_round=0.6, mouth_y=0.30, teeth=0.34, tongue=1.0, blush=1.0,
        ),
        Emotion.SURPRISE: Expression(
            brow_lift=0.20, brow_slant=-0.04, brow_arch=0.09, eye_size=1.24, eye_open=1.0, pupil=0.72,
            mouth_width=0.17, mouth_smile=0.0, mouth_open=0.40, mouth_round=1.0, mouth_y=0.48,
        ),
        Emotion.SADNESS: Expression(
            brow_lift=0.03, brow_slant=-0.17, brow_arch=0.03, eye_open=0.62, lid_slant=-0.10, pupil=1.05, gaze_y=0.05,
            mouth_width=0.27, mouth_smile=-0.17, mouth_y=0.50, tear=1.0,
        ),
        Emotion.ANGER: Expression(
            brow_lift=-0.09, brow_slant=0.20, brow_arch=-0.01, eye_open=0.66, lid_slant=0.15, squint=0.05, pupil=0.85,
            mouth_width=0.33, mouth_smile=-0.13, mouth_open=0.17, mouth_round=0.75, mouth_y=0.50, teeth=1.0,
        ),
        Emotion.DISGUST: Expression(
            brow_lift=-0.06, brow_slant=0.09, brow_arch=0.0, brow_cock=0.03, eye_open=0.42, squint=0.05, pupil=0.7,
            gaze_x=-0.03, mouth_width=0.34, mouth_smile=-0.15, mouth_open=0.15, mouth_drop=0.9, mouth_skew=-0.06,
            mouth_round=0.6, mouth_y=0.46, tongue=1.0, wrinkle=1.0,
        ),
        Emotion.FEAR: Expression(
            brow_lift=0.12, brow_slant=-0.15, brow_arch=0.0, eye_size=1.16, eye_open=1.0, pupil=0.48, mouth_width=0.38,
            mouth_smile=-0.06, mouth_open=0.19, mouth_round=0.9, mouth_wave=0.022, mouth_y=0.47, teeth=1.0,
        ),
        Emotion.CONTEMPT: Expression(
            brow_lift=-0.02, brow_slant=0.05, brow_cock=0.15, eye_open=0.44, squint=0.02, gaze_x=0.07,
            mouth_width=0.30, mouth_smile=0.02, mouth_skew=0.17,
        ),
    }
)  # fmt: skip
"""The face of each emotion at its clearest."""

ASLEEP = Expression(brow_lift=-0.02, eye_open=0.0, eye_arc=0.10, mouth_width=0.16, mouth_smile=0.05)
"""Nobody is there."""

DOUBT = Expression(brow_cock=0.13, gaze_x=-0.06, gaze_y=-0.06, mouth_width=0.24, mouth_smile=-0.02, mouth_skew=-0.05)
"""Somebody is there, and it is not sure."""

NOT_SURE_COLOR = (172, 180, 192)
"""RGB of what is not sure."""


class Pose(NamedTuple):
    """All that moves in the drawn face."""

    expression: Expression
    color: tuple[float, float, float]
    """RGB, 0..255."""


def pose_of(reading: Reading) -> Pose:
    """The face for the mood of `reading`: the emotions mixed by their smoothed probabilities."""
    if reading.mood.scores is None:
        return Pose(ASLEEP, STATUS_COLORS[reading.status])
    weights = [share**SHARPENING for share in reading.mood.scores.probabilities]
    poses = [Pose(EXPRESSIONS[emotion], EMOTION_COLORS[emotion]) for emotion in EMOTIONS]
    pose = _mixed(poses, weights)
    if reading.status is Status.WATCHING and reading.mood.emotion is None:
        return eased(pose, Pose(DOUBT, NOT_SURE_COLOR), 0.75)
    return pose


def eased(start: Pose, end: Pose, share: float) -> Pose:
    """The pose on the way from `start` (0) to `end` (1)."""
    return _mixed([start, end], [1 - share, share])


def _mixed(poses: list[Pose], weights: list[float]) -> Pose:
    expression = np.average([pose.expression for pose in poses], axis=0, weights=weights)
    red, green, blue = np.average([pose.color for pose in poses], axis=0, weights=weights).tolist()
    return Pose(Expression(*expression.tolist()), (red, green, blue))
