"""What a light looks like for each mood and state, and which look a reading asks for.

A mood is told by its colour, never goes dark, and shines brighter the surer it is. A state of the appliance is
told by its rhythm, which no mood has, so that it can be read without seeing colours:

    starting    a pulse a second                  no camera   one flash every two seconds
    nobody      a slow breath, down to dark       fault       two flashes a second
    paused      a faint steady light              not sure    a dim steady white

Where something is wrong and the mood goes on all the same (the reading has a message), the rhythm of a fault
interrupts it for a moment, again and again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fer_pi.drawing.palette import EMOTION_COLORS, RGB, STATUS_COLORS
from fer_pi.outputs.effects import Color, Effect, Look
from fer_pi.types import Emotion, Reading, Status

MOOD_FLOOR = 0.5
"""Moods move between this and full brightness; that they never go dark sets them apart from states."""

INTERRUPTED_EVERY_S = 10.0
INTERRUPTED_FOR_S = 1.65
"""So often, and for so long, a fault shows its rhythm in between while the mood goes on: while the mood fades out, and
then for three flashes."""


def light_color(rgb: RGB) -> Color:
    """0..255 to 0..1."""
    red, green, blue = (channel / 255 for channel in rgb)
    return red, green, blue


def _mood(emotion: Emotion, effect: Effect, period_s: float | None = None) -> Look:
    return Look(light_color(EMOTION_COLORS[emotion]), effect, period_s, floor=MOOD_FLOOR)


def _state(status: Status, effect: Effect, period_s: float | None = None, brightness: float = 1.0) -> Look:
    return Look(light_color(STATUS_COLORS[status]), effect, period_s, brightness=brightness)


EMOTION_LOOKS: Mapping[Emotion, Look] = {
    Emotion.NEUTRAL: _mood(Emotion.NEUTRAL, Effect.SOLID),
    Emotion.HAPPINESS: _mood(Emotion.HAPPINESS, Effect.BREATHE, 3.0),
    Emotion.SURPRISE: _mood(Emotion.SURPRISE, Effect.PULSE, 1.5),
    Emotion.SADNESS: _mood(Emotion.SADNESS, Effect.BREATHE, 6.0),
    Emotion.ANGER: _mood(Emotion.ANGER, Effect.PULSE, 0.8),
    Emotion.DISGUST: _mood(Emotion.DISGUST, Effect.SOLID),
    Emotion.FEAR: _mood(Emotion.FEAR, Effect.FLICKER),
    Emotion.CONTEMPT: _mood(Emotion.CONTEMPT, Effect.SOLID),
}

STATUS_LOOKS: Mapping[Status, Look] = {
    Status.STARTING: _state(Status.STARTING, Effect.PULSE, 1.0),
    Status.NO_CAMERA: _state(Status.NO_CAMERA, Effect.STROBE, 2.0),
    Status.NOBODY: _state(Status.NOBODY, Effect.BREATHE, 6.0),
    Status.PAUSED: _state(Status.PAUSED, Effect.SOLID, brightness=0.2),
    Status.FAULT: _state(Status.FAULT, Effect.STROBE, 0.5),
}
"""For every state but `watching`, which shows the mood."""

NOT_SURE_LOOK = Look((1.0, 1.0, 1.0), brightness=0.15)


@dataclass(frozen=True, slots=True)
class Looks:
    """The looks that one light uses."""

    emotions: Mapping[Emotion, Look]
    statuses: Mapping[Status, Look]
    not_sure: Look = NOT_SURE_LOOK
    min_strength: float = 0.35
    """The brightness 0..1 of a mood of strength 0; at strength 1 it is that of its look."""


DEFAULT_LOOKS = Looks(EMOTION_LOOKS, STATUS_LOOKS)


def shown_status(reading: Reading) -> Status:
    """The state that a light is to tell of: that of `reading`, now and then interrupted by what is wrong."""
    goes_on = reading.status in (Status.WATCHING, Status.NOBODY)
    interrupted = reading.message and reading.made_at % INTERRUPTED_EVERY_S < INTERRUPTED_FOR_S
    return Status.FAULT if goes_on and interrupted else reading.status


def look_of(reading: Reading, looks: Looks = DEFAULT_LOOKS) -> Look:
    """The look that a light takes on for `reading`."""
    status = shown_status(reading)
    if status is not Status.WATCHING:
        return looks.statuses[status]
    if reading.mood.emotion is None:
        return looks.not_sure
    look = looks.emotions[reading.mood.emotion]
    return replace(look, brightness=look.brightness * by_strength(reading.mood.strength, looks.min_strength))


def by_strength(strength: float, min_strength: float) -> float:
    """The share of full brightness, 0..1, for a mood of `strength` 0..1."""
    return min_strength + (1 - min_strength) * min(max(strength, 0.0), 1.0)
