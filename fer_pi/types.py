"""The nouns: what travels from the camera to the light, and the protocols of who passes it on.

Everything here is frozen: a value is made once, by one stage, and read by all that follow.
Times are monotonic seconds (`time.monotonic`) unless a name says otherwise; pixels are pixels of the
frame in which the thing was found; left and right of a face are the subject's own.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(H, W) grey or (H, W, 3) BGR, uint8."""

CROP_SIZE = 48
"""Side in pixels of the square grey crop that the classifier sees (the size of a FER+ picture)."""


class Emotion(StrEnum):
    """The eight emotions of FER+ (Barsoum et al. 2016), in the order of its label columns."""

    NEUTRAL = "neutral"
    HAPPINESS = "happiness"
    SURPRISE = "surprise"
    SADNESS = "sadness"
    ANGER = "anger"
    DISGUST = "disgust"
    FEAR = "fear"
    CONTEMPT = "contempt"


EMOTIONS: tuple[Emotion, ...] = tuple(Emotion)
"""The emotions in the order of every score vector."""


class Status(StrEnum):
    """What the appliance as a whole is doing; the vocabulary of LED and screen."""

    STARTING = "starting"
    NO_CAMERA = "no camera"
    NOBODY = "nobody"
    WATCHING = "watching"
    PAUSED = "paused"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a camera, grey first: colour is made only for an output that shows it."""

    gray: Image
    """(H, W) uint8; whoever holds the frame may read it, nobody may write to it."""
    index: int
    """Counts every frame that the camera delivered, dropped ones included; starts at 0."""
    taken_at: float
    """Monotonic seconds at which the picture was taken (for a file: was due)."""
    position_s: float | None = None
    """Seconds from the start of the source, for files; None for a live camera."""
    source: str = ""
    """The file that the picture came from, or the camera's name."""
    make_color: Callable[[], Image] | None = field(default=None, repr=False)
    """Returns (H, W, 3) uint8 BGR; None if the source has no colour."""

    @property
    def width(self) -> int:
        return int(self.gray.shape[1])

    @property
    def height(self) -> int:
        return int(self.gray.shape[0])

    def color(self) -> Image:
        """The picture as (H, W, 3) uint8 BGR, made anew at each call; the caller owns it."""
        if self.make_color is not None:
            return self.make_color()
        return np.repeat(self.gray[:, :, None], 3, axis=2)


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle in pixels; its edges may lie outside of the frame."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def center(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height / 2

    @property
    def area(self) -> float:
        return self.width * self.height

    def iou(self, other: "Box") -> float:
        """Intersection over union with `other`, 0..1."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        return shared / (self.area + other.area - shared)


Point = tuple[float, float]
"""x and y in pixels."""

LANDMARK_NAMES = ("right eye", "left eye", "nose tip", "right mouth corner", "left mouth corner")
"""The order of `Face.landmarks`; right and left are the subject's."""


@dataclass(frozen=True, slots=True)
class Face:
    """One face as the detector found it."""

    box: Box
    """Tight: forehead to chin, as YuNet draws it."""
    landmarks: tuple[Point, ...]
    """Five points in the order of `LANDMARK_NAMES`; empty if the detector finds none (Haar, Res10)."""
    confidence: float
    """0..1, comparable only within one detector."""


@dataclass(frozen=True, slots=True)
class Scores:
    """One calibrated probability for each emotion."""

    probabilities: tuple[float, ...]
    """Eight, in the order of `EMOTIONS`, each 0..1, summing to 1."""

    def __post_init__(self) -> None:
        if len(self.probabilities) != len(EMOTIONS):
            raise ValueError(f"Scores need {len(EMOTIONS)} probabilities, got {len(self.probabilities)}")
        total = math.fsum(self.probabilities)
        if not (abs(total - 1) < 1e-3 and min(self.probabilities) >= 0):
            raise ValueError(f"Scores need probabilities that sum to 1, got {self.probabilities}")

    @classmethod
    def of(cls, values: NDArray[np.floating[Any]]) -> "Scores":
        """Scores from an array of shape (8,), scaled to sum to 1."""
        total = float(values.sum())
        return cls(tuple(float(value) / total for value in values))

    def __getitem__(self, emotion: Emotion) -> float:
        return self.probabilities[EMOTIONS.index(emotion)]

    @property
    def top(self) -> Emotion:
        """The most probable emotion; the earlier in `EMOTIONS` on a tie."""
        return EMOTIONS[self.probabilities.index(max(self.probabilities))]

    @property
    def entropy(self) -> float:
        """Shannon entropy over its maximum: 0 for certainty, 1 for no idea."""
        return -sum(p * math.log(p) for p in self.probabilities if p > 0) / math.log(len(EMOTIONS))

    def as_dict(self) -> dict[str, float]:
        return {emotion.value: p for emotion, p in zip(EMOTIONS, self.probabilities, strict=True)}


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a face can be read."""

    size_px: float
    """The shorter side of the face box, in pixels."""
    sharpness: float
    """Variance of the Laplacian of the crop; below about 30 a crop is blurred."""
    brightness: float
    """Mean grey of the face before normalisation, 0..255."""
    contrast: float
    """Standard deviation of grey of the face before normalisation, 0..127."""
    yaw: float
    """How far the face is turned, estimated from the landmarks: -1 to its right, 0 frontal, 1 to its left."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One person, now: the face, who it is within this session, and its smoothed scores."""

    track: int
    """Counts up from 1 as new faces come; the same person keeps it through short occlusions."""
    face: Face
    scores: Scores
    """Smoothed in time; this is what is shown."""
    raw: Scores
    """Of this frame alone."""
    quality: Quality
    emotion: Emotion | None = None
    """The settled emotion of this face; None for not sure."""


@dataclass(frozen=True, slots=True)
class Mood:
    """The mood of the room."""

    emotion: Emotion | None
    """None: nobody is there, or it is not sure."""
    strength: float
    """0..1: the smoothed probability of `emotion`; 0 where that is None."""
    since: float
    """When this emotion (or its absence) began; seconds on the clock of the frames."""
    scores: Scores | None = None
    """What it is decided on: smoothed scores of one person or of all; None if nobody is there."""
    track: int | None = None
    """Whose mood it is, whether or not in sight just now; None if it is everyone's, or nobody is there."""


@dataclass(frozen=True, slots=True)
class Timings:
    """What one reading cost, in seconds."""

    detect: float = 0.0
    align: float = 0.0
    classify: float = 0.0
    mood: float = 0.0
    rate_hz: float = 0.0
    """Readings a second, smoothed over about a second."""
    dropped: int = 0
    """Frames that the camera delivered and nobody read, since the start."""

    @property
    def total(self) -> float:
        return self.detect + self.align + self.classify + self.mood


@dataclass(frozen=True, slots=True)
class Reading:
    """All that is known at one moment; the only thing an output ever receives."""

    status: Status
    mood: Mood
    made_at: float
    """Monotonic seconds at which the reading was complete."""
    frame: Frame | None = None
    """None while there is no picture to speak of."""
    sightings: tuple[Sighting, ...] = ()
    """Largest face first."""
    timings: Timings = Timings()
    message: str = ""
    """One line for a person: why there is no camera, what is at fault; empty when all is well."""

    @property
    def focus(self) -> Sighting | None:
        """The one whose mood it is, or the largest face if it is everyone's; None if they are not in sight."""
        if self.mood.track is None:
            return self.sightings[0] if self.sightings else None
        return next((sighting for sighting in self.sightings if sighting.track == self.mood.track), None)

    @property
    def age_s(self) -> float:
        """Seconds from the taking of the picture to the completion of the reading."""
        return 0.0 if self.frame is None else self.made_at - self.frame.taken_at


@runtime_checkable
class Camera(Protocol):
    """Where frames come from. Its making returns at once: a live camera is opened, and reopened, in its own thread."""

    @property
    def name(self) -> str:
        """For people: "webcam /dev/video0"; may change when another device is found."""

    @property
    def problem(self) -> str:
        """Why no frames come, in one line for people; empty while they do."""

    def read(self, timeout_s: float) -> Frame | None:
        """The newest frame not yet read; None if none came within `timeout_s`. Raises EOFError at the end of a file."""

    def close(self) -> bool | None:
        """Release the device; twice is fine. False while its driver holds it fast: then ask again."""


@runtime_checkable
class Detector(Protocol):
    """Finds faces."""

    def detect(self, gray: Image) -> list[Face]:
        """The faces in a (H, W) uint8 picture, largest first."""


@runtime_checkable
class Classifier(Protocol):
    """Reads emotions."""

    def classify(self, crops: Sequence[Image]) -> list[Scores]:
        """One `Scores` for each (48, 48) uint8 crop made by `vision.align`."""


@runtime_checkable
class Output(Protocol):
    """A light, a screen, a log. It may take its time: `outputs.runner` gives each its own thread and one slot."""

    refresh_s: float | None
    """The last reading is shown again after this long without a newer one (for what moves by itself); None: never."""

    def show(self, reading: Reading) -> None:
        """Show it. Raises OutputError when the device is gone."""

    def close(self) -> None:
        """Go dark and release the device; twice is fine."""
