"""Measures how well a face can be read: size, sharpness, light and pose."""

from typing import Any

import cv2
from numpy.typing import NDArray

from fer_pi.types import Face, Image, Point, Quality

SAMPLES = 32
"""The light is measured on at most about this many rows and columns of the face, whatever its size."""


def quality(gray: Image, face: Face, crop: Image) -> Quality:
    """How well `face`, found in the (H, W) uint8 `gray`, can be read.

    `crop` is its (48, 48) uint8 crop before normalisation, on which the sharpness is measured: all faces alike are
    48 pixels there. The light is that of the face box inside the picture; a box wholly outside of it is black.
    """
    box = face.box
    top, bottom = max(0, int(box.top)), max(0, int(box.bottom))
    left, right = max(0, int(box.left)), max(0, int(box.right))
    step = max(1, int(min(box.width, box.height)) // SAMPLES)
    inside = gray[top:bottom:step, left:right:step]
    brightness, contrast = _mean_and_deviation(inside) if inside.size else (0.0, 0.0)
    # The sum of the four neighbours less four times the pixel; its variance falls with blur (Pech-Pacheco et al. 2000).
    _, deviation = _mean_and_deviation(cv2.Laplacian(crop, cv2.CV_16S, ksize=1))
    return Quality(min(box.width, box.height), deviation**2, brightness, contrast, yaw(face.landmarks))


def yaw(landmarks: tuple[Point, ...]) -> float:
    """How far a face is turned: -1 to its right, 0 frontal or without landmarks, 1 to its left.

    How far the tip of the nose lies from the middle between the sides of the face (an eye and a corner of the mouth
    each), measured along the line from side to side, in half its length. A nose stands out about as far as the sides
    are from the middle, so this is about the tangent of the angle: 0.6 at 30 degrees, 1 from 45 degrees on.
    """
    if not landmarks:
        return 0.0
    (right_eye_x, right_eye_y), (left_eye_x, left_eye_y), (nose_x, nose_y), right_mouth, left_mouth = landmarks
    right_x, right_y = (right_eye_x + right_mouth[0]) / 2, (right_eye_y + right_mouth[1]) / 2
    left_x, left_y = (left_eye_x + left_mouth[0]) / 2, (left_eye_y + left_mouth[1]) / 2
    across, down = left_x - right_x, left_y - right_y
    length_squared = across * across + down * down
    if length_squared == 0:
        return 0.0
    offset = (nose_x - (right_x + left_x) / 2) * across + (nose_y - (right_y + left_y) / 2) * down
    return max(-1.0, min(1.0, 2 * offset / length_squared))


def _mean_and_deviation(values: NDArray[Any]) -> tuple[float, float]:
    mean, deviation = cv2.meanStdDev(values)
    return float(mean[0, 0]), float(deviation[0, 0])
