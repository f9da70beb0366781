"""Readings that show all that a screen can be asked to draw; `python -m fer_pi.testing.scenes FOLDER` draws them.

The pictures in tests/pictures come from here. After a change of the drawing, make them anew and look at every one.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np

from fer_pi.drawing.mood_face import draw_mood
from fer_pi.drawing.overlay import draw_overlay
from fer_pi.testing.faces import GOOD
from fer_pi.testing.readings import reading_of, sighting_at
from fer_pi.types import EMOTIONS, Emotion, Image, Quality, Reading, Sighting, Status

NOTICE = "Expressions are estimated. No picture is stored."

TINY, SMALL, HD = (320, 240), (800, 480), (1920, 1080)

_DARK = Quality(size_px=60, sharpness=200, brightness=30, contrast=20, yaw=0)


def room(people: tuple[Sighting, ...], light: float = 1.0, size: tuple[int, int] = (640, 480)) -> Image:
    """A drawn room with plain figures where `people` are: (H, W, 3) uint8 BGR; `light` 0..1."""
    width, height = size
    down = np.linspace(0, 1, height)[:, None, None]
    wall = np.broadcast_to((1 - down) * (196, 176, 150) + down * (120, 108, 98), (height, width, 3))
    image: Image = np.ascontiguousarray(wall, np.uint8)
    for person in reversed(people):
        box = person.face.box
        x, y = round(box.center[0]), round(box.center[1])
        w, h = round(box.width), round(box.height)
        cv2.ellipse(
            image, (x, y + round(1.35 * h)), (round(1.05 * w), round(0.8 * h)), 0, 0, 360, (92, 74, 66), -1, cv2.LINE_AA
        )
        cv2.ellipse(image, (x, y), (round(0.5 * w), round(0.56 * h)), 0, 0, 360, (128, 156, 196), -1, cv2.LINE_AA)
        for point in person.face.landmarks:
            cv2.circle(image, (round(point[0]), round(point[1])), max(w // 22, 1), (60, 70, 90), -1, cv2.LINE_AA)
    return np.asarray(image * light, np.uint8)


def reading_with(*people: Sighting, light: float = 1.0, message: str = "", focus: int | None = 0) -> Reading:
    """A reading of the drawn room with these people; `focus` as `reading_of` has it."""
    return reading_of(people, room(people, light), message=message, focus=focus)


def crowd() -> tuple[Sighting, ...]:
    """Thirty people in five uneven rows."""
    rng = np.random.default_rng(1)
    people = []
    for n in range(30):
        x = 50 + 105 * (n % 6) + int(rng.integers(-12, 13))
        y = 50 + 92 * (n // 6) + int(rng.integers(-10, 11))
        emotion = EMOTIONS[n % 8] if n % 9 else None
        people.append(sighting_at(x, y, int(rng.integers(40, 62)), emotion, 0.5 + 0.015 * n, n + 1))
    return tuple(sorted(people, key=lambda person: -person.face.box.area))


_TWO = (
    sighting_at(470, 260, 130, Emotion.NEUTRAL, 0.88, 2),
    sighting_at(200, 240, 120, Emotion.HAPPINESS, 0.93),
)

READINGS: Mapping[str, Reading] = {
    "one": reading_with(sighting_at(340, 235, 170, Emotion.HAPPINESS, 0.93)),
    "three": reading_with(
        sighting_at(320, 220, 150, Emotion.HAPPINESS, 0.86),
        sighting_at(120, 200, 100, Emotion.ANGER, 0.71, 2),
        sighting_at(540, 260, 90, None, track=3),
    ),
    "second": reading_with(*_TWO, focus=1),
    "everyone": reading_with(*_TWO, focus=None),
    "thirty": reading_with(*crowd()),
    "border": reading_with(
        sighting_at(30, 60, 180, Emotion.SURPRISE, 0.77), sighting_at(620, 440, 150, Emotion.SADNESS, 0.6, 2)
    ),
    "not_sure": reading_with(sighting_at(340, 235, 170, None, quality=_DARK), light=0.35),
    "message": reading_with(
        sighting_at(340, 235, 170, Emotion.FEAR, 0.66, quality=GOOD),
        message="config.yaml:12:5: unknown option 'gren'; the last good one is used",
    ),
    "nobody": reading_with(),
    "starting": reading_of(status=Status.STARTING),
    "no_camera": reading_of(status=Status.NO_CAMERA, message="No webcam on /dev/video0; plug one in"),
    "paused": reading_of(status=Status.PAUSED),
    "fault": reading_of(
        status=Status.FAULT,
        message="The model file emotion.tflite is truncated (262 of 968 kB); install the package again",
    ),
}  # fmt: skip
"""By name; each is drawn at 320 x 240, some at other sizes, too."""

MOODS: Mapping[str, Reading] = {
    **{emotion.value: reading_of([sighting_at(320, 240, 150, emotion)]) for emotion in EMOTIONS},
    "not_sure": READINGS["not_sure"],
    "nobody": READINGS["nobody"],
}


def _overlay(reading: Reading, size: tuple[int, int], age_s: float = 0.046) -> Callable[[], Image]:
    taken_at = reading.frame.taken_at if reading.frame else 0.0
    return lambda: draw_overlay(reading, size, at=taken_at + age_s, notice=NOTICE)


def _mood(reading: Reading, size: tuple[int, int]) -> Callable[[], Image]:
    return lambda: draw_mood(reading, size, 0.0, notice=NOTICE)


OVERLAY_PICTURES: Mapping[str, Callable[[], Image]] = {
    **{f"overlay_{name}_320x240": _overlay(reading, TINY) for name, reading in READINGS.items()},
    **{
        f"overlay_{name}_800x480": _overlay(READINGS[name], SMALL)
        for name in ("one", "three", "second", "everyone", "thirty", "fault")
    },
    **{f"overlay_{name}_1920x1080": _overlay(READINGS[name], HD) for name in ("three", "not_sure")},
    "overlay_stale_800x480": _overlay(READINGS["one"], SMALL, age_s=3.2),
    "overlay_one_480x800": _overlay(READINGS["one"], (480, 800)),
    "overlay_one_240x135": _overlay(READINGS["one"], (240, 135)),
}

MOOD_PICTURES: Mapping[str, Callable[[], Image]] = {
    **{f"mood_{name}_320x240": _mood(reading, TINY) for name, reading in MOODS.items()},
    "mood_happiness_1920x1080": _mood(MOODS["happiness"], HD),
    "mood_anger_480x800": _mood(MOODS["anger"], (480, 800)),
}


def reduced(image: Image) -> Image:
    """`image` as it is kept, at most 480 pixels in height and width: large pictures are large files."""
    height, width = image.shape[:2]
    scale = 480 / max(height, width)
    if scale >= 1:
        return image
    size = (round(width * scale), round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def assert_like_picture(image: Image, path: Path) -> None:
    """`image` is the picture kept at `path`; the edges of letters may differ, as FreeType's versions do."""
    expected = cv2.imread(str(path))
    assert expected is not None, f"no picture {path.name}; make it: python -m fer_pi.testing.scenes {path.parent}"
    seen = reduced(image)
    assert seen.shape == expected.shape, f"{path.name} is {expected.shape}, not {seen.shape}"
    difference = cv2.absdiff(seen, expected)
    assert difference.mean() < 0.5, f"{path.name} differs by {difference.mean():.2f} levels on average"
    share = float((difference.max(axis=2) > 32).mean())
    assert share < 0.003, f"{path.name} differs by more than 32 levels in {100 * share:.2f} % of its pixels"


if __name__ == "__main__":
    for name, draw in {**OVERLAY_PICTURES, **MOOD_PICTURES}.items():
        cv2.imwrite(str(Path(sys.argv[1]) / f"{name}.png"), reduced(draw()), [cv2.IMWRITE_PNG_COMPRESSION, 9])
