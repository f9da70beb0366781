"""Measures of a face's shape: distances, angles and fitted ellipses around eyes and mouth, free of size and roll.

Points are in pixels, x to the right, y down; right and left are the subject's. Lengths are in units of the distance
between the eyes, angles in radians.
"""

import math
from itertools import combinations
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_pi.types import LANDMARK_NAMES
from fer_pi.vision.align import TEMPLATE

Floats = NDArray[np.float64]

POINTS_68 = 68
RIGHT_BROW, LEFT_BROW = slice(17, 22), slice(22, 27)
RIGHT_EYE, LEFT_EYE = slice(36, 42), slice(42, 48)
LIPS, GAP = slice(48, 60), slice(60, 68)
"""Where the 68 points of iBUG 300-W (Sagonas et al. 2013) lie: the lips' outer edge, and the gap between them."""

REGIONS = {"right eye": (TEMPLATE[0], 8, 5), "left eye": (TEMPLATE[1], 8, 5), "mouth": ((23.5, 36.5), 12, 7)}
"""Middle and half width and height of what surrounds eyes and mouth in an aligned crop, in its pixels."""


def of_5_points(points: Floats) -> dict[str, float]:
    """Distances between the detector's five points (5, 2), and the angles of their triangles."""
    straight = upright(points, points[0], points[1])
    measures = {
        f"{LANDMARK_NAMES[one]} to {LANDMARK_NAMES[other]}": float(np.linalg.norm(straight[one] - straight[other]))
        for one, other in combinations(range(len(points)), 2)
    }
    nose, right, left = straight[2], straight[3], straight[4]
    measures["angle at the nose, mouth"] = _angle(right, nose, left)
    measures["angle at the nose, eyes"] = _angle(straight[0], nose, straight[1])
    measures["angle at the right corner"] = _angle(nose, right, left)
    measures["angle at the left corner"] = _angle(nose, left, right)
    measures["tilt of the mouth"] = _slope(right, left)
    return measures


def of_68_points(points: Floats) -> dict[str, float]:
    """Distances, angles and the ellipses fitted to both eyes, the lips and the gap between them, of (68, 2) points."""
    middles = points[RIGHT_EYE].mean(axis=0), points[LEFT_EYE].mean(axis=0)
    p = upright(points, *middles)
    measures: dict[str, float] = {}
    sides = (("right", RIGHT_EYE, RIGHT_BROW, (17, 19, 21)), ("left", LEFT_EYE, LEFT_BROW, (26, 24, 22)))
    for side, eye, brow, (outer, middle, inner) in sides:
        measures |= _ellipse(f"{side} eye", p[eye])
        center = p[eye].mean(axis=0)
        measures |= {
            f"{side} brow, outer end above the eye": float(center[1] - p[outer, 1]),
            f"{side} brow, middle above the eye": float(center[1] - p[middle, 1]),
            f"{side} brow, inner end above the eye": float(center[1] - p[inner, 1]),
            f"{side} brow, slope": _slope(*sorted((p[outer], p[inner]), key=lambda point: float(point[0]))),
            f"{side} brow, bend": _angle(p[outer], p[middle], p[inner]),
            f"{side} brow, length": float(np.linalg.norm(p[brow][0] - p[brow][-1])),
        }
    measures["between the brows"] = float(np.linalg.norm(p[21] - p[22]))
    measures |= _ellipse("lips", p[LIPS]) | _ellipse("gap", p[GAP])
    right, left, top, bottom = p[48], p[54], p[51], p[57]
    corners = (right + left) / 2
    measures |= {
        "mouth, width": float(np.linalg.norm(right - left)),
        "mouth, height": float(np.linalg.norm(top - bottom)),
        "mouth, gap": float(np.linalg.norm(p[62] - p[66])),
        "corners below the upper lip": float(corners[1] - top[1]),
        "corners above the lower lip": float(bottom[1] - corners[1]),
        "mouth below the nose": float(corners[1] - p[33, 1]),
        "chin below the mouth": float(p[8, 1] - corners[1]),
        "angle at the right corner": _angle(top, right, bottom),
        "angle at the left corner": _angle(top, left, bottom),
        "angle at the upper lip": _angle(right, top, left),
        "angle at the lower lip": _angle(right, bottom, left),
        "width of the nostrils": float(np.linalg.norm(p[31] - p[35])),
    }
    return measures


def of_dark_spots(crop: NDArray[np.uint8]) -> dict[str, float]:
    """The ellipses of what is dark around eyes and mouth of an aligned, normalised (48, 48) crop.

    Five points have no outline to fit an ellipse to, so it is that of the second moments (Hu 1962) of the darkness
    below the region's mean. Lengths are in units of the distance between the eyes here too.
    """
    unit = TEMPLATE[1][0] - TEMPLATE[0][0]
    measures: dict[str, float] = {}
    for name, ((x, y), reach_x, reach_y) in REGIONS.items():
        left, top = round(x) - reach_x, round(y) - reach_y
        region = crop[max(top, 0) : top + 2 * reach_y + 1, left : left + 2 * reach_x + 1].astype(np.float64)
        dark = np.maximum(region.mean() - region, 0)
        mass = dark.sum()
        if mass == 0:  # nothing but one grey: a circle of no size in the middle
            offset_x = offset_y = xx = yy = xy = 0.0
        else:
            rows, columns = np.mgrid[: region.shape[0], : region.shape[1]]
            offset_x, offset_y = (dark * columns).sum() / mass, (dark * rows).sum() / mass
            xx = (dark * (columns - offset_x) ** 2).sum() / mass
            yy = (dark * (rows - offset_y) ** 2).sum() / mass
            xy = (dark * (columns - offset_x) * (rows - offset_y)).sum() / mass
            offset_x, offset_y = offset_x - reach_x, offset_y - reach_y
        turn, spread = math.hypot(xx - yy, 2 * xy), xx + yy
        major, minor = (2 * math.sqrt(max((spread + sign * turn) / 2, 0.0)) / unit for sign in (1, -1))
        measures |= {
            f"{name}, aside": offset_x / unit,
            f"{name}, down": offset_y / unit,
            f"{name}, major axis": major,
            f"{name}, minor axis": minor,
            f"{name}, roundness": minor / major if major > 0 else 1.0,
            f"{name}, lies": (xx - yy) / spread if spread > 0 else 0.0,
            f"{name}, leans": 2 * xy / spread if spread > 0 else 0.0,
            f"{name}, darkness": mass / region.size,
        }
    return measures


def upright(points: Floats, right_eye: Floats, left_eye: Floats) -> Floats:
    """The points turned, moved and scaled so that the eyes lie level, 1 apart, about (0, 0)."""
    across = left_eye - right_eye
    length = max(float(np.hypot(*across)), 1e-6)
    cos, sin = across / length
    turned = (points - (right_eye + left_eye) / 2) @ np.array([[cos, -sin], [sin, cos]])
    return np.asarray(turned / length, np.float64)


def _angle(one: Floats, corner: Floats, other: Floats) -> float:
    """Between the two arms from `corner`, 0 to pi; 0 where an arm has no length."""
    a, b = one - corner, other - corner
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return math.acos(min(1.0, max(-1.0, float(a @ b) / lengths))) if lengths > 0 else 0.0


def _slope(start: Floats, end: Floats) -> float:
    """Of the line from `start` to `end`, downwards positive, -pi to pi."""
    return math.atan2(float(end[1] - start[1]), float(end[0] - start[0]))


def _ellipse(name: str, outline: Floats) -> dict[str, float]:
    """The ellipse through an outline, by least squares (Fitzgibbon and Fisher 1995)."""
    fitted: Any = cv2.fitEllipseDirect(outline.astype(np.float32).reshape(-1, 1, 2))
    (_, (width, height), degrees) = fitted
    if not all(map(math.isfinite, (width, height, degrees))):  # points in one line have no ellipse
        width, height, degrees = float(np.ptp(outline[:, 0])), 0.0, 0.0
    major, minor = max(width, height), min(width, height)
    lean = math.radians(2 * (degrees if width >= height else degrees + 90))  # an axis has no direction: twice the angle
    return {
        f"{name}, major axis": major,
        f"{name}, minor axis": minor,
        f"{name}, roundness": minor / major if major > 0 else 1.0,
        f"{name}, lies": math.cos(lean),
        f"{name}, leans": math.sin(lean),
    }
