"""How well a face can be read: what its scores are worth, and what to tell the person; these limits stand only here."""

from fer_pi.types import Quality

SMALL_PX = 24.0
"""A face smaller than this is worth a hint; at half of it nothing can be read."""
BLURRED = 30.0
"""Sharpness below which a face is blurred; at a third of it nothing can be read."""
DARK, BRIGHT = 40.0, 225.0
"""Mean grey below which a face is too dark, and above which it is too bright."""
FLAT = 12.0
"""Contrast below which a face is in the dark, in glare or in fog."""
TURNED = 0.6
"""Yaw beyond which a face is turned away; about 35 degrees."""


def trust(quality: Quality) -> float:
    """What the scores of such a face are worth, 0..1: 1 for a face that can be read well, 0 for one that cannot."""
    return (
        _rising(quality.size_px, SMALL_PX / 2, SMALL_PX)
        * _rising(quality.sharpness, BLURRED / 3, BLURRED)
        * _rising(quality.brightness, DARK / 2, DARK)
        * _rising(255 - quality.brightness, (255 - BRIGHT) / 2, 255 - BRIGHT)
        * _rising(quality.contrast, FLAT / 2, FLAT)
        * _rising(1 - abs(quality.yaw), 0.0, 1 - TURNED)
    )


def hint(quality: Quality) -> str:
    """What the person could do to be read better, in two or three words; empty when all is well."""
    if quality.brightness < DARK:
        return "too dark"
    if quality.brightness > BRIGHT:
        return "too bright"
    if quality.contrast < FLAT:
        return "more light"
    if quality.size_px < SMALL_PX:
        return "come closer"
    if abs(quality.yaw) > TURNED:
        return "look here"
    if quality.sharpness < BLURRED:
        return "hold still"
    return ""


def _rising(value: float, none: float, full: float) -> float:
    """0 up to `none`, 1 from `full`, straight in between."""
    return min(1.0, max(0.0, (value - none) / (full - none)))
