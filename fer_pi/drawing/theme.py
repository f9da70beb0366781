"""The greys of the screen, in OpenCV's order (blue, green, red), and which of them can be read on a colour."""

from fer_pi.drawing.palette import RGB

BACKGROUND: RGB = (24, 20, 18)
SURFACE: RGB = (44, 37, 33)
"""Of cards and of the tracks of bars."""
TEXT: RGB = (250, 247, 245)
QUIET: RGB = (178, 166, 158)
"""Of captions and of what is not the point."""
INK: RGB = (26, 20, 18)
"""Of words on a bright colour."""
WARNING: RGB = (60, 176, 255)
"""Amber."""
UNSURE: RGB = (192, 180, 172)
"""Of what is not sure."""


def ink_on(color: RGB) -> RGB:
    """The colour (BGR) of words on `color` (BGR): dark on bright ones, white on dark ones."""
    blue, green, red = ((part / 255) ** 2.2 for part in color)
    # At this luminance dark and white words have the same contrast (WCAG 2).
    return INK if 0.0722 * blue + 0.7152 * green + 0.2126 * red > 0.19 else TEXT
