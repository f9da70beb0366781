"""A calm card that fills the screen when there is no mood to show: a sign, a word and a line."""

from fer_pi.drawing.blend import gradient
from fer_pi.drawing.glow import glow
from fer_pi.drawing.icons import draw_icon
from fer_pi.drawing.palette import STATUS_COLORS, bgr
from fer_pi.drawing.text import Weight, draw_text, fitting_size, wrapped
from fer_pi.drawing.theme import QUIET, TEXT
from fer_pi.drawing.words import EXPLANATIONS, TITLES
from fer_pi.types import Image, Reading


def draw_notice(reading: Reading, size: tuple[int, int]) -> Image:
    """What the appliance is doing, as (H, W, 3) uint8 BGR; `size` is (width, height) in pixels.

    The small line is the message of `reading`, or what one may do about its status.
    """
    width, height = size
    unit = min(height, 0.75 * width)
    color = bgr(STATUS_COLORS[reading.status])
    middle = round(height / 2 - 0.14 * unit)
    image = gradient(glow(size, middle), _dimmed(color, 0.07), _dimmed(color, 0.26))
    draw_icon(image, reading.status, width / 2, middle, 0.175 * unit, color, _dimmed(color, 0.16))
    title = TITLES[reading.status]
    title_size = fitting_size(title, 0.9 * width, 0.115 * unit)
    draw_text(image, title, width / 2, middle + 0.29 * unit, title_size, TEXT, Weight.BOLD, "center")
    small = max(0.05 * unit, 11.0)
    lines = wrapped(reading.message or EXPLANATIONS[reading.status], 0.84 * width, small, 3)
    for row, line in enumerate(lines):
        draw_text(image, line, width / 2, middle + 0.405 * unit + 1.4 * row * small, small, QUIET, align="center")
    return image


def _dimmed(color: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    blue, green, red = (round(part * share) + 8 for part in color)
    return blue, green, red
