"""What the screen says: the words for emotions, states and figures."""

from fer_pi.types import Emotion, Reading, Status

NOT_SURE = "Not sure"

TITLES = {
    Status.STARTING: "Starting",
    Status.NO_CAMERA: "No camera",
    Status.NOBODY: "Nobody here",
    Status.WATCHING: "Watching",
    Status.PAUSED: "Paused",
    Status.FAULT: "Something is wrong",
}
"""The large word of each state."""

EXPLANATIONS = {
    Status.STARTING: "It takes a few seconds.",
    Status.NO_CAMERA: "Plug one in: it is found by itself.",
    Status.NOBODY: "Step in front of the camera.",
    Status.WATCHING: "",
    Status.PAUSED: "The camera is not looking.",
    Status.FAULT: "The log of fer-pi says what.",
}
"""The small line of each state where the reading brings no message."""


def name(emotion: Emotion | None) -> str:
    """The word for `emotion`, capitalised; None is not sure."""
    return NOT_SURE if emotion is None else emotion.value.capitalize()


def mood_word(reading: Reading) -> str:
    """The large word: the mood of the room, or what the appliance is doing."""
    return name(reading.mood.emotion) if reading.status is Status.WATCHING else TITLES[reading.status]


def outcome(reading: Reading) -> str:
    """What was made of a picture: the emotion, "not sure", or "nobody"."""
    return reading.mood.emotion or ("not sure" if reading.sightings else "nobody")


def percent(probability: float) -> str:
    return f"{100 * probability:.0f}%"


def duration(seconds: float) -> str:
    """In the largest sensible unit: "46 ms", "3.2 s", "5 min", "2 h"."""
    if seconds < 0.9995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3570 else f"{seconds / 3600:.0f} h"


def people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"
