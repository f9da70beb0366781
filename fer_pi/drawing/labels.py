"""Name tags beside faces, placed so that they stay on the picture and do not hide one another."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_pi.drawing.layout import Rect
from fer_pi.drawing.palette import RGB
from fer_pi.drawing.text import Weight, text_width

MOST_HIDDEN = 0.15
"""A tag may lie on at most this share of another face; else a shorter one is tried, then none."""

_GAP = np.array([-2.0, -2.0, 2.0, 2.0])
"""Between two tags, in pixels."""

Rects = NDArray[np.float64]
"""(n, 4) left, top, right, bottom in pixels."""


class Tagged(NamedTuple):
    """A face on the screen, and what could be written beside it."""

    box: Rect
    texts: tuple[str, ...]
    """The longest first; the first that finds a place is written."""
    color: RGB
    """BGR."""


class Tag(NamedTuple):
    """A name tag in its place."""

    rect: Rect
    text: str
    size: float
    """Of the type, in pixels."""
    color: RGB
    """BGR."""


def placed_tags(faces: Sequence[Tagged], within: Rect, smallest: float, largest: float) -> list[Tag]:
    """The tags of `faces` (the most important first) that fit into `within` without lying on one another.

    The type grows with the face, from `smallest` to `largest` pixels.
    """
    boxes = np.array([_edges(face.box) for face in faces], float).reshape(-1, 4)
    hidden_px = MOST_HIDDEN * np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1)
    tags: list[Tag] = []
    obstacles, allowed_px = boxes, hidden_px
    for index, face in enumerate(faces):
        size = min(max(face.box.width * 0.17, smallest), largest)
        allowed_px[index], own = np.inf, allowed_px[index]
        for text in face.texts:
            places = _places(face.box, _tag_size(text, size), within)
            hides = _shared(np.array([_edges(place) for place in places], float), obstacles) > allowed_px
            free = [
                place
                for place, blocked in zip(places, hides.any(axis=1).tolist(), strict=True)
                if not blocked and within.left <= place.left and place.right <= within.right
            ]
            if free:
                tags.append(Tag(free[0], text, size, face.color))
                around = np.array([_edges(free[0])], float) + _GAP
                obstacles, allowed_px = np.vstack([obstacles, around]), np.append(allowed_px, 0)
                break
        allowed_px[index] = own
    return tags


def _tag_size(text: str, size: float) -> tuple[int, int]:
    return round(text_width(text, size, Weight.BOLD) + 0.9 * size), round(1.5 * size)


def _places(box: Rect, tag_size: tuple[int, int], within: Rect) -> list[Rect]:
    """Where a tag may go, best first: above, below, beside, and inside a face that fills the picture."""
    width, height = tag_size
    gap = max(height // 5, 2)
    middle = box.top + (box.height - height) // 2
    corners = [
        (box.left, box.top - gap - height),
        (box.right - width, box.top - gap - height),
        (box.left, box.bottom + gap),
        (box.right - width, box.bottom + gap),
        (box.right + gap, middle),
        (box.left - gap - width, middle),
        (box.left + gap, box.top + gap),
        (box.left + gap, box.bottom - gap - height),
    ]
    return list(_moved_inside(corners, width, height, within))


def _moved_inside(corners: list[tuple[int, int]], width: int, height: int, within: Rect) -> Iterator[Rect]:
    for left, top in corners:
        inside_left = max(min(left, within.right - width), within.left)
        inside_top = max(min(top, within.bottom - height), within.top)
        yield Rect(inside_left, inside_top, width, height)


def _edges(rect: Rect) -> tuple[int, int, int, int]:
    return rect.left, rect.top, rect.right, rect.bottom


def _shared(some: Rects, others: Rects) -> Rects:
    """The area that each of `some` (n, 4) shares with each of `others` (m, 4): (n, m)."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:], others[None, :, 2:])
    return np.asarray(np.prod(np.maximum(high - low, 0), axis=2))
