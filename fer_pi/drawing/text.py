"""Words on a picture: antialiased, in one typeface, from masks that are made once.

The typeface is Aileron, which Pillow carries inside itself, so no font file has to be found on the machine.
It knows Latin letters without accents: `typeset` says what is shown in place of others.
"""

import unicodedata
from bisect import bisect_right
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from fer_pi.drawing.blend import blend
from fer_pi.drawing.palette import RGB
from fer_pi.types import Image

CAP_HEIGHT = 0.716
"""Height of a capital letter over the size of the type."""

_OVERSAMPLING = 4
"""Letters are drawn this much larger and averaged down: even at 10 px they keep their weight and spacing."""


_LONGEST = 1000
"""Letters of one line that are looked at; no screen has room for so many."""


class Weight(Enum):
    """Thickness of the letters: what is added around each, over the size of the type (the typeface has one weight)."""

    REGULAR = 0.004
    BOLD = 0.02


class _Ink(NamedTuple):
    mask: Image
    """(h, w) uint8."""
    baseline: int
    """Rows from the top of the mask to the foot of the letters."""
    border: int
    """Columns from the left of the mask to where the text begins."""
    advance: float
    """Width in pixels of the text."""


def draw_text(
    image: Image,
    text: str,
    x: float,
    y: float,
    size: float,
    color: RGB,
    weight: Weight = Weight.REGULAR,
    align: str = "left",
) -> None:
    """Write `text` into `image`: `y` is the middle of its capital letters, `x` its left end, middle or right end.

    `size` is the size of the type in pixels, `color` is BGR, `align` is "left", "center" or "right".
    """
    ink = _ink(typeset(text), max(round(size), 1), weight)
    left = x - {"left": 0.0, "center": 0.5, "right": 1.0}[align] * ink.advance
    blend(image, ink.mask, color, round(left) - ink.border, round(y + CAP_HEIGHT * round(size) / 2) - ink.baseline)


@lru_cache(maxsize=512)
def text_width(text: str, size: float, weight: Weight = Weight.REGULAR) -> float:
    """Width in pixels of `text` as `draw_text` would write it."""
    return _font(max(round(size), 1) * _OVERSAMPLING).getlength(typeset(text)) / _OVERSAMPLING


def fitting_size(text: str, width: float, largest: float) -> float:
    """The size of type at which `text` is at most `width` pixels wide, and no larger than `largest`."""
    return min(largest, largest * width / max(text_width(text, largest), 1))


def wrapped(text: str, width: float, size: float, most_lines: int) -> list[str]:
    """`text` broken into lines of at most `width` pixels; beyond `most_lines`, or in one long word, cut with "…"."""
    lines: list[str] = []
    for word in text[: _LONGEST * most_lines].split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > most_lines:
        lines = [*lines[: most_lines - 1], " ".join(lines[most_lines - 1 :])]
    return [shortened(line, width, size) for line in lines]


def shortened(text: str, width: float, size: float) -> str:
    """`text`, or as much of it with "…" as `width` pixels hold."""
    text = text[:_LONGEST]
    if text_width(text, size) <= width:
        return text
    kept = bisect_right(range(len(text)), width, key=lambda length: text_width(f"{text[:length]}…", size)) - 1
    return f"{text[: max(kept, 0)].rstrip()}…"


@lru_cache(maxsize=512)
def typeset(text: str) -> str:
    """`text` in letters that the typeface has: accents are dropped, unknown signs become "?"."""
    plain = unicodedata.normalize("NFKD", text.replace("…", "\0"))
    kept = (letter for letter in plain if not unicodedata.combining(letter))
    return "".join("…" if letter == "\0" else letter if " " <= letter <= "~" else "?" for letter in kept)


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size=size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType; install Pillow's own wheel from PyPI")
    return font


@lru_cache(maxsize=512)
def _ink(text: str, size: int, weight: Weight) -> _Ink:
    font = _font(size * _OVERSAMPLING)
    border = _OVERSAMPLING * (2 + size // 20)
    outline = max(round(weight.value * size * _OVERSAMPLING), 0)
    advance = font.getlength(text)
    ascent, descent = font.getmetrics()
    baseline = -(-(ascent + border) // _OVERSAMPLING) * _OVERSAMPLING
    width = -(-int(advance + 2 * border + 1) // _OVERSAMPLING) * _OVERSAMPLING
    height = -(-(baseline + descent + border) // _OVERSAMPLING) * _OVERSAMPLING
    large = Pillow.new("L", (width, height))
    ImageDraw.Draw(large).text(
        (border, baseline), text, 255, font=font, anchor="ls", stroke_width=outline, stroke_fill=255
    )
    mask = np.array(large.reduce(_OVERSAMPLING))
    mask.flags.writeable = False
    return _Ink(mask, baseline // _OVERSAMPLING, border // _OVERSAMPLING, advance / _OVERSAMPLING)
