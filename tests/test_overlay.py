"""The overlay is what was looked at, at every size, and tells the truth about the picture it shows."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_pi.drawing.labels import Tagged, placed_tags
from fer_pi.drawing.layout import Rect, layout_for
from fer_pi.drawing.overlay import draw_overlay
from fer_pi.drawing.palette import EMOTION_COLORS, bgr
from fer_pi.drawing.text import CAP_HEIGHT, draw_text, shortened, text_width, typeset, wrapped
from fer_pi.drawing.theme import TEXT
from fer_pi.drawing.words import duration
from fer_pi.testing.readings import reading_of, sighting_at
from fer_pi.testing.scenes import HD, OVERLAY_PICTURES, READINGS, SMALL, TINY, assert_like_picture, crowd, reading_with
from fer_pi.types import Box, Emotion, Frame, Status

PICTURES = Path(__file__).parent / "pictures"


@pytest.mark.parametrize("name", OVERLAY_PICTURES)
def test_overlay_is_the_picture_that_was_looked_at(name: str) -> None:
    assert_like_picture(OVERLAY_PICTURES[name](), PICTURES / f"{name}.png")


def test_the_comparison_of_pictures_sees_a_changed_word() -> None:
    changed = replace(READINGS["one"], message="x")
    with pytest.raises(AssertionError, match="differ"):
        assert_like_picture(draw_overlay(changed, TINY), PICTURES / "overlay_one_320x240.png")


@pytest.mark.parametrize(
    "size",
    [(240, 135), (135, 240), (320, 240), (640, 360), (800, 480), (480, 800), (1280, 400), (1920, 1080), (3840, 2160)],
)
@pytest.mark.parametrize("picture", [(640, 480), (1280, 720), (1, 1), (12000, 40)])
def test_parts_stay_on_the_screen_and_apart(size: tuple[int, int], picture: tuple[int, int]) -> None:
    layout = layout_for(size, picture)
    parts = [layout.picture, layout.panel, *([layout.strip] if layout.strip else [])]
    for part in parts:
        assert part.left >= 0 and part.top >= 0 and part.right <= size[0] and part.bottom <= size[1], part
        assert part.width > 0 and part.height > 0
    for one, other in combinations(parts, 2):
        apart = one.right <= other.left or other.right <= one.left or one.bottom <= other.top or other.bottom <= one.top
        assert apart, (one, other)


@pytest.mark.parametrize("size", [(240, 135), (3840, 2160), (480, 800)])
@pytest.mark.parametrize("picture", [(1, 1), (12000, 40), (30, 2000)])
def test_any_picture_fits_on_any_screen(size: tuple[int, int], picture: tuple[int, int]) -> None:
    color = np.full((picture[1], picture[0], 3), 90, np.uint8)
    reading = reading_of([sighting_at(picture[0] / 2, picture[1] / 2, picture[0], Emotion.FEAR)], color)
    image = draw_overlay(reading, size)
    assert image.shape == (size[1], size[0], 3)
    assert image.dtype == np.uint8


@pytest.mark.parametrize("size", [TINY, SMALL, HD])
def test_mirroring_moves_faces_and_leaves_words_alone(size: tuple[int, int]) -> None:
    """In a scene that is its own mirror image, nothing at all may change."""
    half = reading_with(sighting_at(319.5, 240, 160, Emotion.ANGER))
    assert half.frame is not None
    color = half.frame.color()
    color[:, 320:] = color[:, :320][:, ::-1]
    reading = reading_of(half.sightings, color)
    difference = cv2.absdiff(draw_overlay(reading, size, mirrored=True), draw_overlay(reading, size, mirrored=False))
    assert (difference.max(axis=2) > 40).mean() < 0.005


def test_mirroring_shows_the_face_on_the_other_side() -> None:
    reading = reading_of([sighting_at(120, 240, 100, Emotion.ANGER)])
    red = np.array(bgr(EMOTION_COLORS[Emotion.ANGER]))
    picture = layout_for(SMALL, (640, 480)).picture
    where = {}
    for mirrored in (False, True):
        image = draw_overlay(reading, SMALL, mirrored=mirrored)
        columns = np.nonzero((np.abs(image.astype(int) - red).max(axis=2) < 6)[:, : picture.right].any(axis=0))[0]
        where[mirrored] = (columns.mean() - picture.left) / picture.width
    assert where[False] == pytest.approx(120 / 640, abs=0.05)
    assert where[True] == pytest.approx(1 - 120 / 640, abs=0.05)


@pytest.mark.parametrize("size", [TINY, SMALL, HD])
def test_tags_of_thirty_people_lie_on_the_picture_and_not_on_each_other(size: tuple[int, int]) -> None:
    within = layout_for(size, (640, 480)).picture
    scale = within.width / 640
    faces = [
        Tagged(_scaled(person.face.box, scale, within), ("Happiness 88%", "Happiness"), (0, 0, 0)) for person in crowd()
    ]
    tags = placed_tags(faces, within, max(0.02 * within.height, 10), max(0.034 * within.height, 13))
    assert len(tags) >= (8 if size == TINY else 29)
    for tag in tags:
        assert tag.rect.left >= within.left and tag.rect.right <= within.right
        assert tag.rect.top >= within.top and tag.rect.bottom <= within.bottom
    for one, other in combinations([tag.rect for tag in tags], 2):
        assert one.right <= other.left or other.right <= one.left or one.bottom <= other.top or other.bottom <= one.top


def _scaled(box: Box, scale: float, within: Rect) -> Rect:
    left, top = round(within.left + box.left * scale), round(within.top + box.top * scale)
    return Rect(left, top, round(box.width * scale), round(box.height * scale))


@pytest.mark.parametrize("size", [TINY, SMALL, (1280, 720), HD, (3840, 2160)])
def test_the_mood_can_be_read_from_afar(size: tuple[int, int]) -> None:
    """Capitals of the mood's word are at least 1/25 of the screen high: 12 mm at 3 m on a 24-inch screen."""
    red = np.array(bgr(EMOTION_COLORS[Emotion.SADNESS]))
    image = draw_overlay(reading_of([sighting_at(320, 240, 100, Emotion.SADNESS)]), size, show_numbers=False)
    layout = layout_for(size, (640, 480))
    place = layout.strip or Rect(*layout.panel[:2], layout.panel.width, round(9 * layout.text))
    card = image[place.top : place.bottom, place.left : place.right].astype(int)
    # The word is dark on the card; its letters are the lowest, and to the right of the face on a small screen.
    card = card[:, round(1.2 * place.height) :] if layout.strip else card[round(0.55 * place.height) :]
    rows = np.nonzero((np.abs(card - red).max(axis=2) > 100)[:, : round(card.shape[1] * 0.95)].sum(axis=1) > 1)[0]
    assert rows.max() - rows.min() + 1 >= size[1] / 25


@pytest.mark.parametrize("focus", [0, 1])
def test_advice_is_for_whom_the_mood_is_read_from(focus: int) -> None:
    near, far = sighting_at(200, 240, 130, Emotion.FEAR), sighting_at(450, 240, 120, Emotion.FEAR, track=2)
    dark = replace(near, quality=replace(near.quality, brightness=20.0))
    seen, dim = (draw_overlay(reading_of([one, far], focus=focus), SMALL) for one in (near, dark))
    assert np.array_equal(seen, dim) == (focus == 1)


def test_an_old_picture_is_marked_and_grey() -> None:
    reading = READINGS["one"]
    assert reading.frame is not None
    fresh = draw_overlay(reading, SMALL, at=reading.frame.taken_at + 0.9)
    stale = draw_overlay(reading, SMALL, at=reading.frame.taken_at + 1.1)
    place = layout_for(SMALL, (640, 480)).picture
    corner = (slice(place.top + 20, place.top + 60), slice(place.left + 20, place.left + 60))
    assert np.ptp(fresh[corner].astype(int), axis=2).max() > 20
    assert np.ptp(stale[corner].astype(int), axis=2).max() == 0
    assert stale[corner].mean() < 0.6 * fresh[corner].mean()


def test_a_recording_is_not_called_old() -> None:
    """Its pictures were taken at its own times, which have nothing to do with the clock."""
    reading = replace(READINGS["one"], made_at=1e6)
    assert np.array_equal(draw_overlay(reading, TINY), draw_overlay(READINGS["one"], TINY))


@pytest.mark.parametrize("status", [Status.STARTING, Status.NO_CAMERA, Status.PAUSED, Status.FAULT])
def test_a_card_never_shows_the_picture(status: Status) -> None:
    reading = replace(READINGS["one"], status=status)
    assert np.array_equal(draw_overlay(reading, TINY), draw_overlay(replace(reading, frame=None), TINY))


def test_not_sure_claims_no_emotion() -> None:
    """No colour of any emotion, and no percentage, at a face or a mood that is not sure; the bars stay."""
    image = draw_overlay(reading_with(sighting_at(320, 240, 160, None)), SMALL)
    layout = layout_for(SMALL, (640, 480))
    bars_top = layout.panel.top + round(10 * layout.text)
    image[bars_top:, layout.panel.left :] = 0
    for emotion, color in EMOTION_COLORS.items():
        if emotion is not Emotion.NEUTRAL:  # nearly white, as eyes are
            close = np.abs(image.astype(int) - np.array(bgr(color))).max(axis=2) < 8
            assert close.sum() < 12, emotion


def test_landmarks_and_numbers_are_drawn_only_if_asked_for() -> None:
    reading = READINGS["one"]
    plain = draw_overlay(reading, SMALL)
    assert not np.array_equal(plain, draw_overlay(reading, SMALL, show_landmarks=True))
    faster = replace(reading, timings=replace(reading.timings, rate_hz=12))
    assert not np.array_equal(plain, draw_overlay(faster, SMALL))
    assert np.array_equal(
        draw_overlay(reading, SMALL, show_numbers=False), draw_overlay(faster, SMALL, show_numbers=False)
    )


def test_the_frame_is_left_as_it_was() -> None:
    gray = np.full((480, 640), 77, np.uint8)
    gray.flags.writeable = False
    reading = replace(READINGS["one"], frame=Frame(gray, 0, 0.0))
    assert draw_overlay(reading, SMALL).shape == (480, 800, 3)
    assert (gray == 77).all()


def test_capitals_stand_where_and_as_high_as_said() -> None:
    image = np.zeros((200, 400, 3), np.uint8)
    draw_text(image, "HEX", 50, 100, 100, TEXT)
    rows, columns = np.nonzero(image.max(axis=2) > 128)
    assert rows.min() == pytest.approx(100 - 50 * CAP_HEIGHT, abs=2)
    assert rows.max() == pytest.approx(100 + 50 * CAP_HEIGHT, abs=2)
    assert columns.min() >= 50
    assert columns.max() <= 50 + text_width("HEX", 100)


def test_text_off_the_picture_is_left_out() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    draw_text(image, "far", 100, 100, 12, TEXT)
    assert not image.any()
    draw_text(image, "near", -3, 0, 12, TEXT)
    assert image.any()


def test_long_messages_are_wrapped_and_cut() -> None:
    lines = wrapped("a camera that nobody has ever plugged in anywhere at all", 150, 16, 2)
    assert len(lines) == 2
    assert lines[1].endswith("…")
    assert all(text_width(line, 16) <= 150 for line in lines)
    assert wrapped("", 150, 16, 2) == []
    assert text_width(shortened("x" * 10_000, 80, 12), 12) <= 80


def test_letters_that_the_typeface_lacks_are_replaced() -> None:
    assert typeset("Kaméra Größe № 5 … 笑\n") == "Kamera Gro?e No 5 … ??"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 ms"),
        (0.0464, "46 ms"),
        (0.9996, "1.0 s"),
        (3.2, "3.2 s"),
        (59.96, "1 min"),
        (300, "5 min"),
        (7200, "2 h"),
    ],
)
def test_durations_are_short(seconds: float, words: str) -> None:
    assert duration(seconds) == words
