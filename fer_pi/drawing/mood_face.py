"""The mood as a drawn face and a colour that fill the screen, with no picture of anybody."""

import math

import cv2
import numpy as np

from fer_pi.drawing.blend import gradient
from fer_pi.drawing.expression import Pose, pose_of
from fer_pi.drawing.face_shape import deepened, draw_face
from fer_pi.drawing.glow import glow
from fer_pi.drawing.notice import draw_notice
from fer_pi.drawing.text import Weight, draw_text, fitting_size, shortened
from fer_pi.drawing.theme import QUIET, TEXT
from fer_pi.drawing.words import EXPLANATIONS, mood_word, people, percent
from fer_pi.types import Image, Reading, Status

BREATH_S, SLEEPING_BREATH_S = 4.0, 6.0
"""One breath, awake and asleep."""
BREATH = 0.014
"""How far the face grows and shrinks, in its radius."""
LARGEST = (1920, 1080)
"""Larger screens show this size scaled up: a drawn face has no finer detail to lose."""


def draw_mood(
    reading: Reading,
    size: tuple[int, int],
    at: float,
    *,
    pose: Pose | None = None,
    show_numbers: bool = True,
    notice: str = "",
) -> Image:
    """The screen at time `at` (seconds, any clock) as (H, W, 3) uint8 BGR; `size` is (width, height) in pixels.

    `pose` replaces the face that `reading` calls for, so that a caller may ease from one to the next (`eased`).
    `notice` is a line for the people in front of the camera, at the bottom.
    """
    if reading.status not in (Status.WATCHING, Status.NOBODY):
        return draw_notice(reading, size)
    scale = max(size) / max(LARGEST)
    inner = size if scale <= 1 else (round(size[0] / scale), round(size[1] / scale))
    image = _drawn(reading, inner, at, pose or pose_of(reading), show_numbers, notice)
    return image if scale <= 1 else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _drawn(reading: Reading, size: tuple[int, int], at: float, pose: Pose, show_numbers: bool, notice: str) -> Image:
    width, height = size
    asleep = reading.status is Status.NOBODY
    radius = min(0.325 * height, 0.40 * width)
    middle = 0.385 * height
    breath = math.sin(2 * math.pi * at / (SLEEPING_BREATH_S if asleep else BREATH_S))
    image = gradient(
        glow(size, round(middle)), deepened(pose.color, 0.12), deepened(pose.color, 0.45 if asleep else 0.62)
    )
    draw_face(image, pose, width / 2, middle - 0.3 * BREATH * breath * radius, radius * (1 + BREATH * breath))
    word = mood_word(reading)
    word_size = fitting_size(word, 0.92 * width, 0.12 * height)
    draw_text(image, word, width / 2, 0.803 * height, word_size, TEXT, Weight.BOLD, "center")
    small = max(0.038 * height, 10.0)
    line = _small_line(reading, show_numbers)
    draw_text(image, shortened(line, 0.94 * width, small), width / 2, 0.899 * height, small, TEXT, align="center")
    if notice and height >= 320:
        smallest = 0.026 * height
        text = shortened(notice, 0.96 * width, smallest)
        draw_text(image, text, width / 2, 0.963 * height, smallest, QUIET, align="center")
    return image


def _small_line(reading: Reading, show_numbers: bool) -> str:
    if reading.message:
        return reading.message
    if reading.status is Status.NOBODY:
        return EXPLANATIONS[reading.status]
    if not show_numbers:
        return ""
    count = people(len(reading.sightings))
    return f"{percent(reading.mood.strength)}   {count}" if reading.mood.emotion else count
