"""What the mood engine says of whole sequences of faces and scores."""

from collections.abc import Sequence
from typing import Any

from fer_pi.mood.engine import MoodEngine
from fer_pi.mood.options import MoodOptions
from fer_pi.testing.faces import GOOD
from fer_pi.types import Emotion, Face, Mood, Quality, Scores, Sighting

Shown = tuple[tuple[Sighting, ...], Mood]
"""Who is in sight, and the mood of the room."""
Frames = Sequence[Sequence[tuple[Face, Scores]]]
"""The faces of each frame with what the classifier makes of them."""


def shown(frames: Frames, rate_hz: float = 30, quality: Quality = GOOD, **options: Any) -> list[Shown]:
    """What a mood engine with these options says of each frame."""
    engine = MoodEngine(MoodOptions.model_validate(options))
    return [
        engine.update(
            [face for face, _ in seen], [scores for _, scores in seen], [quality] * len(seen), index / rate_hz
        )
        for index, seen in enumerate(frames)
    ]


def moods(frames: Frames, rate_hz: float = 30, **options: Any) -> list[Emotion | None]:
    """The mood of each frame."""
    return [mood.emotion for _, mood in shown(frames, rate_hz, **options)]


def changes(of: Sequence[Emotion | None]) -> list[Emotion | None]:
    """The moods one after the other, each once."""
    return [each for index, each in enumerate(of) if index == 0 or each is not of[index - 1]]
