"""The palette can be told apart by everybody, on a screen and as light."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_pi.drawing.palette import EMOTION_COLORS, STATUS_COLORS, bgr
from fer_pi.types import Emotion, Status

MINIMUM_DELTA_E = 19.0
"""CIE76 between the closest pair of emotions, whoever looks."""

# Machado, Oliveira & Fernandes, "A physiologically-based model for simulation of color vision deficiency" (2009),
# severity 1.0, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
SRGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def linear(rgb: tuple[int, int, int]) -> NDArray[np.float64]:
    value = np.array(rgb) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB under D65 of linear sRGB."""
    ratio = SRGB_TO_XYZ @ np.clip(light, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    x, y, z = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eyes", VISION)
def test_any_two_emotions_can_be_told_apart(eyes: str) -> None:
    seen = {emotion: lab(VISION[eyes] @ linear(color)) for emotion, color in EMOTION_COLORS.items()}
    distances = {pair: float(np.linalg.norm(seen[pair[0]] - seen[pair[1]])) for pair in combinations(seen, 2)}
    closest = min(distances, key=lambda pair: distances[pair])
    assert distances[closest] >= MINIMUM_DELTA_E, closest


def test_lab_agrees_with_known_values() -> None:
    """sRGB red, from Lindbloom's calculator."""
    assert lab(linear((255, 0, 0))) == pytest.approx([53.24, 80.09, 67.20], abs=0.02)


def test_every_emotion_and_every_status_has_a_color() -> None:
    assert list(EMOTION_COLORS) == list(Emotion)
    assert list(STATUS_COLORS) == list(Status)
    assert all(0 <= part <= 255 for color in (*EMOTION_COLORS.values(), *STATUS_COLORS.values()) for part in color)


def test_every_emotion_stands_out_from_a_dark_screen() -> None:
    """WCAG's contrast for graphics, 3:1, on the darkest panel that is drawn (18, 20, 24)."""
    panel = float(SRGB_TO_XYZ[1] @ linear((18, 20, 24)))
    for emotion, color in EMOTION_COLORS.items():
        contrast = (float(SRGB_TO_XYZ[1] @ linear(color)) + 0.05) / (panel + 0.05)
        assert contrast >= 3, (emotion, contrast)


@pytest.mark.parametrize(
    ("emotion", "strongest"),
    [(Emotion.ANGER, 0), (Emotion.HAPPINESS, 0), (Emotion.DISGUST, 1), (Emotion.SADNESS, 2)],
)
def test_colors_follow_what_people_expect(emotion: Emotion, strongest: int) -> None:
    assert int(np.argmax(EMOTION_COLORS[emotion])) == strongest


def test_bgr_swaps_red_and_blue() -> None:
    assert bgr((1, 2, 3)) == (3, 2, 1)


def test_a_palette_cannot_be_changed_by_those_who_use_it() -> None:
    with pytest.raises(TypeError):
        EMOTION_COLORS[Emotion.ANGER] = (0, 0, 0)  # type: ignore[index]
