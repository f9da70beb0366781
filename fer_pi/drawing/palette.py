"""The colours of emotions and states, one set for the light and the screen.

The hues are those of Okabe and Ito's colour-blind-safe set (Okabe & Ito, "Color Universal Design", 2008), given
to the emotions as people expect them (anger red, happiness gold, sadness blue, disgust green, fear purple), then
moved within their hue until the closest pair was as far apart as it gets, for people with normal vision and for
protanopes, deuteranopes and tritanopes alike (simulated by Machado, Oliveira & Fernandes 2009, severity 1).
The closest pair is 19 apart in CIELAB (CIE76) and 16 by CIEDE2000; a just noticeable difference is about 2.
"""

from collections.abc import Mapping
from types import MappingProxyType

from fer_pi.types import Emotion, Status

RGB = tuple[int, int, int]
"""Red, green and blue of sRGB, 0..255."""

EMOTION_COLORS: Mapping[Emotion, RGB] = MappingProxyType(
    {
        Emotion.NEUTRAL: (255, 251, 240),
        Emotion.HAPPINESS: (255, 222, 27),
        Emotion.SURPRISE: (237, 123, 16),
        Emotion.SADNESS: (96, 163, 255),
        Emotion.ANGER: (209, 10, 30),
        Emotion.DISGUST: (35, 140, 103),
        Emotion.FEAR: (169, 53, 152),
        Emotion.CONTEMPT: (87, 240, 254),
    }
)
"""The colour of each emotion; saturated enough to be told apart as light, too."""

STATUS_COLORS: Mapping[Status, RGB] = MappingProxyType(
    {
        Status.STARTING: (120, 150, 255),
        Status.NO_CAMERA: (255, 150, 30),
        Status.NOBODY: (90, 104, 128),
        Status.WATCHING: (255, 251, 240),
        Status.PAUSED: (150, 120, 235),
        Status.FAULT: (255, 40, 40),
    }
)
"""The colour of each state. A light tells a state from an emotion by its rhythm, a screen by its words."""


def bgr(color: RGB) -> RGB:
    """The colour in OpenCV's order: blue, green, red."""
    return color[2], color[1], color[0]
