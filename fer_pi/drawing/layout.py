"""Where things go on a screen of any size and shape: the picture first, the rest in what is left."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

SMALLEST_FOR_PANEL = 280
"""Shorter side in pixels below which the panel's words could not be read: the mood gets a strip of its own."""


class Rect(NamedTuple):
    """Whole pixels of the screen."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def bottom(self) -> int:
        return self.top + self.height


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of the overlay's parts on one screen."""

    picture: Rect
    """The camera's picture, in its own proportions."""
    panel: Rect
    """Beside or below the picture: mood, bars and figures."""
    strip: Rect | None
    """On a small screen: the bottom, for mood and figures; the panel then holds the bars only."""
    margin: int
    """Between the parts, and to the edge of the screen."""
    radius: int
    """Of round corners."""
    text: float
    """Size of type for names and figures."""


@lru_cache(maxsize=8)
def layout_for(size: tuple[int, int], picture_size: tuple[int, int]) -> Layout:
    """The layout of a screen of `size` for a picture of `picture_size`, each (width, height) in pixels.

    The panel goes to the right or to the bottom, where it leaves the larger picture.
    """
    width, height = size
    if min(width, height) < SMALLEST_FOR_PANEL:
        margin = max(round(min(width, height) / 48), 2)
        strip_height = round(height * 0.25)
        column = round(width * 0.25)
        picture = _fitted(picture_size, Rect(0, 0, width - column, height - strip_height))
        panel = Rect(
            picture.right + margin, margin, width - picture.right - 2 * margin, height - strip_height - 2 * margin
        )
        strip = Rect(0, height - strip_height, width, strip_height)
        return Layout(picture, panel, strip, margin, 0, max(height / 22, 9.0))
    margin = max(round(min(width, height) / 54), 6)
    beside = max(round(width * 0.25), 150)
    below = max(round(height * 0.34), 150)
    right = _fitted(picture_size, Rect(margin, margin, width - beside - 2 * margin, height - 2 * margin))
    upper = _fitted(picture_size, Rect(margin, margin, width - 2 * margin, height - below - 2 * margin))
    if right.width >= upper.width:
        # What the picture's shape leaves free goes to the panel, as far as that can use it.
        left_over = width - right.width - 3 * margin
        panel_width = min(left_over, round(max(width * 0.30, beside)))
        room = Rect(margin, margin, width - panel_width - 3 * margin, height - 2 * margin)
        panel = Rect(width - margin - panel_width, margin, panel_width, height - 2 * margin)
        return Layout(_fitted(picture_size, room), panel, None, margin, margin, _panel_text(panel))
    left_over = height - upper.height - 3 * margin
    panel_height = min(left_over, round(max(height * 0.45, below)))
    room = Rect(margin, margin, width - 2 * margin, height - panel_height - 3 * margin)
    panel = Rect(margin, height - margin - panel_height, width - 2 * margin, panel_height)
    return Layout(_fitted(picture_size, room), panel, None, margin, margin, _panel_text(panel))


def _panel_text(panel: Rect) -> float:
    """The type at which eight names fit into the panel, in height and width."""
    columns = 2 if panel.width > panel.height * 1.2 else 1
    return min(panel.width / columns / 13, panel.height / (34 if columns == 1 else 14))


def _fitted(size: tuple[int, int], room: Rect) -> Rect:
    """The largest rectangle of the proportions of `size` in the middle of `room`."""
    scale = min(room.width / size[0], room.height / size[1])
    width, height = max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)
    return Rect(room.left + (room.width - width) // 2, room.top + (room.height - height) // 2, width, height)
