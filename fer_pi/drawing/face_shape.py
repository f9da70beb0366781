"""Draws the face of an expression: every line is a curve of its numbers, so that it can be any size and can move."""

from typing import NamedTuple

import numpy as np

from fer_pi.drawing.blend import Points, disc, polygon, stroke
from fer_pi.drawing.expression import Expression, Pose
from fer_pi.drawing.palette import RGB
from fer_pi.types import Image

_EYE_X, _EYE_Y = 0.35, -0.13
_EYE_WIDTH, _EYE_HEIGHT = 0.165, 0.215
_IRIS = 0.118
_LINE = 0.052
"""Thickness of the lines of lids and lips."""
_ACROSS = np.linspace(-1, 1, 41)
"""Along a lid or a lip, from its left to its right end on the screen."""

_WHITE: RGB = (252, 252, 252)
_MOUTH: RGB = (38, 22, 70)
_TONGUE: RGB = (105, 95, 232)
_TEAR: RGB = (250, 216, 150)


class _Canvas(NamedTuple):
    """A place on the picture: points in radii of the face become pixels."""

    image: Image
    x: float
    y: float
    radius: float

    def polygon(self, points: Points, color: RGB) -> None:
        polygon(self.image, points * self.radius + (self.x, self.y), color)

    def stroke(self, points: Points, width: float | Points, color: RGB) -> None:
        # A line thinner than a pixel would fade away on a small screen.
        wide = np.maximum(np.asarray(width) * self.radius, 1.2)
        stroke(self.image, points * self.radius + (self.x, self.y), wide, color)

    def disc(self, x: float, y: float, radius: float, color: RGB) -> None:
        disc(self.image, self.x + x * self.radius, self.y + y * self.radius, radius * self.radius, color)


def draw_face(image: Image, pose: Pose, x: float, y: float, radius: float) -> None:
    """Draw the face into `image` (BGR), its middle at (x, y); all in pixels."""
    canvas = _Canvas(image, x, y, radius)
    expression, skin, ink = pose.expression, mixed(pose.color), mixed(pose.color, 0.84)
    canvas.disc(0, 0, 1, deepened(pose.color, 0.80))
    canvas.disc(0, -0.022, 0.975, skin)
    for side in (-1, 1):
        if expression.blush > 0.02:
            canvas.disc(side * 0.62, 0.18, 0.13, mixed(pose.color, 0.5 * min(expression.blush, 1), (255, 110, 70)))
        _draw_eye(canvas, expression, side, ink)
        _draw_brow(canvas, expression, side, ink)
    if expression.wrinkle > 0.02:
        _draw_wrinkle(canvas, mixed(pose.color, 0.6 * min(expression.wrinkle, 1)))
    _draw_mouth(canvas, expression, ink)
    if expression.tear > 0.2:
        _draw_tear(canvas, expression)


def mixed(color: tuple[float, float, float], share: float = 0.0, other: RGB = (0, 0, 0)) -> RGB:
    """`color` (RGB) with `share` (0..1) of it replaced by `other` (RGB), as BGR."""
    red, green, blue = (round(mine + (its - mine) * share) for mine, its in zip(color, other, strict=True))
    return blue, green, red


def deepened(color: tuple[float, float, float], share: float) -> RGB:
    """`color` (RGB) with `share` (0..1) of its light, as BGR, and purer the darker: dark yellow would look like mud."""
    red, green, blue = (round(255 * share * (part / 255) ** (2 - share)) for part in color)
    return blue, green, red


def _draw_eye(canvas: _Canvas, expression: Expression, side: int, ink: RGB) -> None:
    width, height = _EYE_WIDTH * expression.eye_size, _EYE_HEIGHT * expression.eye_size
    openness = min(max(expression.eye_open, 0.0), 1.0)
    bow = np.sqrt(1 - _ACROSS**2)
    closed = expression.eye_arc * (bow**2 - 0.5) * (1 - openness)
    # The slant moves the lid along the eye (1 at the nose, -1 at the temple) and leaves its ends where they are.
    lid = closed - bow * (height * openness - expression.lid_slant * openness * -side * _ACROSS)
    lower = closed + bow * np.maximum(height * openness**0.5 - expression.squint, 0)
    x = side * _EYE_X + width * _ACROSS
    upper_line = np.stack([x, _EYE_Y + np.minimum(lid, lower)], axis=1)
    lower_line = np.stack([x, _EYE_Y + lower], axis=1)
    if openness > 0.02:
        canvas.polygon(np.concatenate([upper_line, lower_line[::-1]]), _WHITE)
        _draw_iris(canvas, expression, side, upper_line, lower_line, ink)
        canvas.stroke(lower_line, 0.018, ink)
    canvas.stroke(upper_line, _LINE, ink)


def _draw_iris(
    canvas: _Canvas, expression: Expression, side: int, upper_line: Points, lower_line: Points, ink: RGB
) -> None:
    """The iris, cut off where the lids cover it."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = _IRIS * expression.pupil
    x = side * (_EYE_X - 0.012) + expression.gaze_x + radius * np.cos(turn)
    y = _EYE_Y + 0.01 + expression.gaze_y + radius * np.sin(turn)
    x = np.clip(x, upper_line[0, 0], upper_line[-1, 0])
    highest = np.interp(x, upper_line[:, 0], upper_line[:, 1])
    lowest = np.interp(x, lower_line[:, 0], lower_line[:, 1])
    canvas.polygon(np.stack([x, np.clip(y, highest, lowest)], axis=1), ink)
    glint_x, glint_y = side * (_EYE_X - 0.012) + expression.gaze_x + 0.035, _EYE_Y - 0.035 + expression.gaze_y
    if glint_y - 0.03 > np.interp(glint_x, upper_line[:, 0], upper_line[:, 1]):
        canvas.disc(glint_x, glint_y, 0.030 * min(expression.pupil, 1.0), _WHITE)


def _draw_brow(canvas: _Canvas, expression: Expression, side: int, ink: RGB) -> None:
    out = (1 + _ACROSS) / 2  # 0 at the nose, 1 at the temple
    cock = expression.brow_cock * (1.0 if side > 0 else -0.33)
    x = side * (0.155 + 0.40 * out)
    y = -0.47 - expression.brow_lift - cock - expression.brow_arch * (1 - _ACROSS**2)
    y = y + expression.brow_slant * (0.62 - out) + 0.05 * out**3
    canvas.stroke(np.stack([x, y], axis=1), 0.088 - 0.042 * out**1.5, ink)


def _draw_wrinkle(canvas: _Canvas, color: RGB) -> None:
    x = 0.075 * _ACROSS
    for y in (-0.10, -0.015):
        canvas.stroke(np.stack([x * (1 + (y + 0.10) * 4), y - 0.03 * (1 - _ACROSS**2)], axis=1), 0.034, color)


def _draw_mouth(canvas: _Canvas, expression: Expression, ink: RGB) -> None:
    x = expression.mouth_width * _ACROSS
    skew = expression.mouth_skew * (np.maximum(_ACROSS, 0) ** 2 + 0.15 * _ACROSS)
    wave = expression.mouth_wave * np.sin(_ACROSS * 3.5 * np.pi)
    line = expression.mouth_y + expression.mouth_smile * (0.5 - _ACROSS**2) - skew
    roundness = min(max(expression.mouth_round, 0.0), 1.0)
    gap = max(expression.mouth_open, 0.0) * (1 - _ACROSS**2) ** (1 - 0.5 * roundness)
    upper, lower = line - (1 - expression.mouth_drop) * gap + wave, line + expression.mouth_drop * gap + wave
    upper_line, lower_line = np.stack([x, upper], axis=1), np.stack([x, lower], axis=1)
    if expression.mouth_open > 0.01:
        canvas.polygon(np.concatenate([upper_line, lower_line[::-1]]), _MOUTH)
        if expression.tongue > 0.02:
            bulge = min(expression.tongue, 1) * 0.55 * gap * np.sqrt(np.clip(1 - (_ACROSS / 0.72) ** 2, 0, 1))
            canvas.polygon(np.concatenate([np.stack([x, lower - bulge], axis=1), lower_line[::-1]]), _TONGUE)
        if expression.teeth > 0.02:
            edge = upper + np.minimum(expression.teeth, 1) * gap
            canvas.polygon(np.concatenate([upper_line, np.stack([x, edge], axis=1)[::-1]]), _WHITE)
            if expression.teeth > 0.6:
                _draw_grit(canvas, x, upper, lower, ink)
    canvas.stroke(lower_line, _LINE, ink)
    canvas.stroke(upper_line, _LINE, ink)


def _draw_grit(canvas: _Canvas, x: Points, upper: Points, lower: Points, ink: RGB) -> None:
    """The line between two rows of clenched teeth, and those between neighbours."""
    middle = (upper + lower) / 2
    canvas.stroke(np.stack([x, middle], axis=1)[3:-3], 0.018, ink)
    for step in range(6, len(x) - 5, 7):
        canvas.stroke(np.array([[x[step], upper[step]], [x[step], lower[step]]]), 0.016, ink)


def _draw_tear(canvas: _Canvas, expression: Expression) -> None:
    """One drop under the eye on the right of the screen."""
    size = 0.085 * min((expression.tear - 0.2) / 0.8, 1)
    turn = np.linspace(0, 2 * np.pi, 40)
    drop = np.stack([np.sin(turn) * np.sin(turn / 2) ** 1.6, -np.cos(turn)], axis=1)
    canvas.polygon(drop * (size, size * 1.35) + (_EYE_X + 0.10, _EYE_Y + 0.30), _TEAR)
