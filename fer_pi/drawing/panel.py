"""What stands beside the picture: the mood of the room, what it is read from, and how fresh all this is."""

from fer_pi.drawing.blend import rounded_rect
from fer_pi.drawing.expression import pose_of
from fer_pi.drawing.face_shape import draw_face, mixed
from fer_pi.drawing.layout import Layout, Rect
from fer_pi.drawing.palette import EMOTION_COLORS, RGB, STATUS_COLORS, bgr
from fer_pi.drawing.text import Weight, draw_text, fitting_size, text_width, wrapped
from fer_pi.drawing.theme import QUIET, SURFACE, TEXT, UNSURE, ink_on
from fer_pi.drawing.words import duration, mood_word, name, percent
from fer_pi.types import EMOTIONS, Image, Reading, Status

_LONGEST = max((name(emotion) for emotion in EMOTIONS), key=lambda word: text_width(word, 100, Weight.BOLD))
"""Sets the size of the mood's word, so that it does not jump from mood to mood."""


def draw_panel(image: Image, reading: Reading, layout: Layout, age_s: float, show_numbers: bool, notice: str) -> None:
    """Draw mood, bars and figures into their places on `image`; `age_s` is the age of the picture in seconds."""
    if layout.strip is not None:
        _draw_strip(image, reading, layout, layout.strip, age_s, show_numbers)
        _draw_bars(image, reading, layout.panel, layout.text, captioned=False, show_numbers=False)
        return
    panel, text = layout.panel, layout.text
    wide = panel.width > 1.2 * panel.height
    card_width = (panel.width - layout.margin) // 2 if wide else panel.width
    card = Rect(panel.left, panel.top, card_width, round(9.0 * text))
    _draw_card(image, reading, card, text, layout.radius, show_numbers)
    figures = round(3.0 * text) if show_numbers else 0
    if wide:
        bars = Rect(panel.right - card_width, panel.top, card_width, panel.height)
        below = Rect(panel.left, card.bottom, card_width, panel.bottom - card.bottom)
    else:
        bars = Rect(panel.left, card.bottom + round(text), panel.width, round(17.2 * text))
        below = Rect(panel.left, bars.bottom, panel.width, panel.bottom - bars.bottom)
    _draw_bars(image, reading, bars, text, captioned=True, show_numbers=show_numbers)
    lines = wrapped(notice, below.width, 0.72 * text, 3) if notice else []
    foot = below.bottom - 1.05 * text * len(lines)
    for row, line in enumerate(lines):
        draw_text(image, line, below.left, foot + 1.05 * text * (row + 0.5), 0.72 * text, QUIET)
    if show_numbers:
        middle = min(foot - figures / 2 - 0.4 * text, below.bottom - figures / 2)
        _draw_figures(image, reading, Rect(below.left, round(middle - figures / 2), below.width, figures), text, age_s)


def mood_color(reading: Reading) -> RGB:
    """The colour (BGR) of the room's mood, or of what is in its place."""
    if reading.mood.emotion is not None:
        return bgr(EMOTION_COLORS[reading.mood.emotion])
    return UNSURE if reading.status is Status.WATCHING else bgr(STATUS_COLORS[reading.status])


def _draw_card(image: Image, reading: Reading, card: Rect, text: float, radius: float, show_numbers: bool) -> None:
    """The mood of the room: a face, how sure, for how long, and the word."""
    color = mood_color(reading)
    ink = ink_on(color)
    rounded_rect(image, *card, radius, color)
    middle = card.top + 2.9 * text
    _draw_small_face(image, reading, card.left + 2.9 * text, middle, 2.0 * text)
    left = card.left + 5.7 * text
    draw_text(image, "Mood", left, middle - 0.95 * text, 0.9 * text, ink)
    if show_numbers and reading.mood.emotion is not None:
        draw_text(image, percent(reading.mood.strength), left, middle + 0.65 * text, 2.0 * text, ink, Weight.BOLD)
    word = mood_word(reading)
    largest = fitting_size(_LONGEST, 0.88 * card.width, 2.6 * text)
    size = fitting_size(word, 0.88 * card.width, largest)
    draw_text(image, word, card.left + 0.9 * text, card.top + 6.9 * text, size, ink, Weight.BOLD)


def _draw_bars(image: Image, reading: Reading, place: Rect, text: float, captioned: bool, show_numbers: bool) -> None:
    """A bar for each emotion: what the mood is decided on."""
    scores = reading.mood.scores
    caption = 1.6 * text if captioned else 0.0
    if captioned:
        draw_text(image, _whose(reading), place.left, place.top + 0.6 * text, 0.8 * text, QUIET)
    row_height = (place.height - caption) / len(EMOTIONS)
    named = row_height >= 12
    thickness = max(round(min(0.36 * text, 0.4 * row_height)), 2)
    best = scores.top if scores else None
    for row, emotion in enumerate(EMOTIONS):
        top = place.top + caption + row * row_height
        share = scores[emotion] if scores else 0.0
        bar_top = round(top + (row_height if named else 0.6 * row_height) - thickness - (1 if named else 0))
        if named:
            size = min(0.98 * text, 0.66 * row_height)
            middle = (top + bar_top) / 2
            color = TEXT if emotion is best else QUIET
            weight = Weight.BOLD if emotion is best else Weight.REGULAR
            draw_text(image, name(emotion), place.left, middle, size, color, weight)
            if show_numbers and scores:
                draw_text(image, percent(share), place.right, middle, size, color, weight, "right")
        rounded_rect(image, place.left, bar_top, place.width, thickness, thickness / 2, SURFACE)
        filled = round(share * place.width)
        if filled > 0:
            filled = max(filled, thickness)
            rounded_rect(image, place.left, bar_top, filled, thickness, thickness / 2, bgr(EMOTION_COLORS[emotion]))


def _whose(reading: Reading) -> str:
    """Whose expression the bars are."""
    if reading.mood.scores is None:
        return "No face"
    if len(reading.sightings) < 2:
        return "Face"
    return "Everyone" if reading.mood.track is None else "Face in focus"


def _draw_figures(image: Image, reading: Reading, place: Rect, text: float, age_s: float) -> None:
    """Age of the picture (camera to screen), readings a second, people."""
    figures = (
        (duration(age_s), "latency"),
        (f"{reading.timings.rate_hz:.0f}", "per second"),
        (str(len(reading.sightings)), "person" if len(reading.sightings) == 1 else "people"),
    )
    for (value, caption), left in zip(figures, (0.0, 0.43, 0.80), strict=True):
        x = place.left + left * place.width
        draw_text(image, value, x, place.top + 0.8 * text, 1.15 * text, TEXT, Weight.BOLD)
        draw_text(image, caption, x, place.top + 2.1 * text, 0.72 * text, QUIET)


def _draw_strip(image: Image, reading: Reading, layout: Layout, strip: Rect, age_s: float, show_numbers: bool) -> None:
    """On a small screen: face, word and figures in one line."""
    color = mood_color(reading)
    ink = ink_on(color)
    rounded_rect(image, *strip, 0, color)
    middle = strip.top + strip.height / 2
    _draw_small_face(image, reading, strip.left + 0.58 * strip.height, middle, 0.42 * strip.height)
    left = strip.left + 1.15 * strip.height
    right = strip.right - 2 * layout.margin
    if show_numbers:
        lines = (f"{duration(age_s)}", f"{reading.timings.rate_hz:.0f} /s")
        for row, line in enumerate(lines):
            draw_text(image, line, right, middle + (row - 0.5) * 1.35 * layout.text, layout.text, ink, align="right")
        right -= round(max(text_width(line, layout.text) for line in lines) + 2 * layout.margin)
    word = mood_word(reading)
    size = fitting_size(word, right - left, fitting_size(_LONGEST, right - left, 0.62 * strip.height))
    draw_text(image, word, left, middle, size, ink, Weight.BOLD)


def _draw_small_face(image: Image, reading: Reading, x: float, y: float, radius: float) -> None:
    """The drawn face on a ground of its colour, paler than that."""
    blue, green, red = mood_color(reading)
    blue, green, red = mixed((red, green, blue), 0.30, (255, 255, 255))
    draw_face(image, pose_of(reading)._replace(color=(red, green, blue)), x, y, radius)
