"""The camera's picture with what is read in it: a box and a name for each face, the mood of the room, bars, figures."""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np

from fer_pi.drawing.blend import blend, corner_masks, disc, filled, rounded_rect
from fer_pi.drawing.labels import Tagged, placed_tags
from fer_pi.drawing.layout import Layout, Rect, layout_for
from fer_pi.drawing.notice import draw_notice
from fer_pi.drawing.palette import EMOTION_COLORS, RGB, bgr
from fer_pi.drawing.panel import draw_panel
from fer_pi.drawing.text import Weight, draw_text, shortened, text_width
from fer_pi.drawing.theme import BACKGROUND, INK, TEXT, UNSURE, WARNING, ink_on
from fer_pi.drawing.words import NOT_SURE, duration, name, percent
from fer_pi.readability import hint
from fer_pi.types import Box, Frame, Image, Point, Reading, Sighting, Status

STALE_S = 1.0
"""A picture older than this is marked: what it shows may no longer be so."""

ToScreen = Callable[[Point], Point]


def draw_overlay(
    reading: Reading,
    size: tuple[int, int],
    *,
    mirrored: bool = True,
    at: float | None = None,
    show_numbers: bool = True,
    show_landmarks: bool = False,
    notice: str = "",
) -> Image:
    """The screen for `reading` as (H, W, 3) uint8 BGR; `size` is (width, height) in pixels.

    `mirrored` shows people as a mirror does; the words stay readable. `at` is the present time in monotonic seconds,
    from which the age of the picture follows; without it (a recording), the time that its reading took is shown.
    `notice` is a line for the people in front of the camera. Without a picture, or where there is nothing to look at
    in it (paused, fault), a card says what is the matter.
    """
    frame = reading.frame
    if frame is None or reading.status not in (Status.WATCHING, Status.NOBODY):
        return draw_notice(reading, size)
    layout = layout_for(size, (frame.width, frame.height))
    age_s = reading.timings.total if at is None else max(at - frame.taken_at, 0.0)
    image = filled(size, BACKGROUND)
    _draw_picture(image, frame, layout, mirrored, faded=at is not None and age_s > STALE_S)
    to_screen = partial(_on_screen, frame=frame, picture=layout.picture, mirrored=mirrored)
    _draw_faces(image, reading, layout, to_screen, show_numbers, show_landmarks)
    _draw_message(image, reading, layout, 0.0 if at is None else age_s)
    draw_panel(image, reading, layout, age_s, show_numbers, notice)
    return image


def _draw_picture(image: Image, frame: Frame, layout: Layout, mirrored: bool, faded: bool) -> None:
    place = layout.picture
    target = image[place.top : place.bottom, place.left : place.right]
    source = cv2.cvtColor(cv2.convertScaleAbs(frame.gray, alpha=0.5), cv2.COLOR_GRAY2BGR) if faded else frame.color()
    # Mirrored where it is smaller, and scaled straight into its place: this is most of the cost of an overlay.
    shrinks = place.width < frame.width
    if mirrored and not shrinks:
        source = cv2.flip(source, 1)
    how = cv2.INTER_AREA if place.width < 0.6 * frame.width else cv2.INTER_LINEAR
    cv2.resize(source, (place.width, place.height), dst=target, interpolation=how)
    if mirrored and shrinks:
        cv2.flip(target, 1, dst=target)
    if layout.radius:
        for mask, right, low in zip(corner_masks(layout.radius), (0, 1, 0, 1), (0, 0, 1, 1), strict=True):
            left = place.right - layout.radius if right else place.left
            blend(image, mask, BACKGROUND, left, place.bottom - layout.radius if low else place.top)


def _on_screen(point: Point, frame: Frame, picture: Rect, mirrored: bool) -> Point:
    """Where a point of the frame lies on the screen."""
    x = picture.width * point[0] / frame.width
    return (
        picture.left + (picture.width - x if mirrored else x),
        picture.top + picture.height * point[1] / frame.height,
    )


def _draw_faces(
    image: Image,
    reading: Reading,
    layout: Layout,
    to_screen: ToScreen,
    show_numbers: bool,
    show_landmarks: bool,
) -> None:
    picture = layout.picture
    window = image[picture.top : picture.bottom, picture.left : picture.right]
    tagged = []
    for sighting in reversed(reading.sightings):  # the largest last, on top
        box = _box_on_screen(sighting.face.box, to_screen, picture)
        color = UNSURE if sighting.emotion is None else bgr(EMOTION_COLORS[sighting.emotion])
        _draw_brackets(window, box, picture, color, bold=len(reading.sightings) > 1 and sighting is reading.focus)
        if show_landmarks:
            for point in sighting.face.landmarks:
                x, y = to_screen(point)
                disc(window, x - picture.left, y - picture.top, max(0.018 * box.width, 1.5), color)
        tagged.append(Tagged(box, _tag_texts(sighting, show_numbers), color))
    largest = max(0.034 * picture.height, 13.0)
    inset = max(layout.radius // 2, 2)
    within = Rect(picture.left + inset, picture.top + inset, picture.width - 2 * inset, picture.height - 2 * inset)
    for tag in placed_tags(tagged[::-1], within, max(0.6 * largest, 10.0), largest):
        rounded_rect(image, *tag.rect, 0.3 * tag.rect.height, tag.color)
        middle = tag.rect.left + tag.rect.width / 2, tag.rect.top + tag.rect.height / 2
        draw_text(image, tag.text, *middle, tag.size, ink_on(tag.color), Weight.BOLD, "center")


def _box_on_screen(box: Box, to_screen: ToScreen, picture: Rect) -> Rect:
    """The part of the box that lies on the picture: at the border, too, it has four corners."""
    (x0, y0), (x1, y1) = to_screen((box.left, box.top)), to_screen((box.right, box.bottom))
    edge = max(picture.height // 100, 2)
    left, right = sorted(min(max(round(x), picture.left + edge), picture.right - edge) for x in (x0, x1))
    top, bottom = (min(max(round(y), picture.top + edge), picture.bottom - edge) for y in (y0, y1))
    return Rect(left, top, max(right - left, 1), max(bottom - top, 1))


def _tag_texts(sighting: Sighting, show_numbers: bool) -> tuple[str, ...]:
    """What may stand beside a face, the longest first."""
    if sighting.emotion is None:
        return (NOT_SURE, "?")
    word = name(sighting.emotion)
    return (f"{word} {percent(sighting.scores[sighting.emotion])}", word) if show_numbers else (word,)


def _draw_brackets(window: Image, box: Rect, picture: Rect, color: RGB, bold: bool) -> None:
    """The four round corners of a box, on a dark rim that keeps them visible on any picture."""
    left, top = box.left - picture.left, box.top - picture.top
    side = min(box.width, box.height)
    arm = max(0.24 * side, 4.0)
    radius = 0.45 * arm
    turn = np.linspace(0, np.pi / 2, 7)
    arc = np.stack([radius - radius * np.sin(turn[::-1]), radius - radius * np.cos(turn[::-1])], axis=1)
    corner = np.concatenate([[[0.0, arm]], arc, [[arm, 0.0]]])
    size = np.array([box.width, box.height], float)
    offset = np.array([left, top])
    curves = []
    for flip in ((0, 0), (1, 0), (0, 1), (1, 1)):
        flipped = np.where(flip, size - corner, corner) + offset
        curves.append(np.rint(flipped * 16).astype(np.int32))
    thickness = min(max(round(0.028 * side), 2), max(round(0.006 * picture.height), 2))
    if bold:
        thickness = round(1.8 * thickness)
    cv2.polylines(window, curves, False, INK, thickness + 2, cv2.LINE_AA, 4)
    cv2.polylines(window, curves, False, color, thickness, cv2.LINE_AA, 4)


def _draw_message(image: Image, reading: Reading, layout: Layout, age_s: float) -> None:
    """At the foot of the picture, one of: it is old, something is wrong, what the person in focus could do."""
    advice = hint(reading.focus.quality) if reading.focus else ""
    if age_s > STALE_S:
        _draw_chip(image, f"Picture is {duration(age_s)} old", layout, WARNING)
    elif reading.message:
        _draw_chip(image, reading.message, layout, WARNING)
    elif advice:
        _draw_chip(image, advice.capitalize(), layout, TEXT)


def _draw_chip(image: Image, text: str, layout: Layout, color: RGB) -> None:
    picture = layout.picture
    size = max(0.038 * picture.height, 11.0)
    said = shortened(text, 0.94 * picture.width - 1.6 * size, size)
    width, height = round(text_width(said, size, Weight.BOLD) + 1.6 * size), round(1.9 * size)
    left = picture.left + (picture.width - width) // 2
    top = picture.bottom - round(1.5 * height)
    rounded_rect(image, left, top, width, height, height / 2, color)
    draw_text(image, said, left + width / 2, top + height / 2, size, INK, Weight.BOLD, "center")
