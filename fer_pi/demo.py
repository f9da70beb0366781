"""The demonstration: the whole appliance on an embedded scene, with no camera, no board and no screen."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
from rich.console import Console as Terminal
from rich.table import Table
from rich.text import Text

from fer_pi.app import Appliance, obeying_signals
from fer_pi.config import checked_config
from fer_pi.drawing.overlay import draw_overlay
from fer_pi.drawing.words import outcome
from fer_pi.errors import OutputError
from fer_pi.outputs.rgb_led import RgbLedOptions
from fer_pi.outputs.video_file import VideoFile
from fer_pi.testing.pins import MockPins, mock_pins
from fer_pi.types import Emotion, Image, Reading

SIZE = (1280, 720)
"""Width and height of the video."""
RATE_HZ = 30.0
LED = RgbLedOptions()


def run_demo(folder: Path, seconds: float | None = None) -> None:
    """Show the embedded scene in the terminal for `seconds` (None: all of it); leave demo.mp4 and demo.png in `folder`.

    The light is a gpiozero RGB LED on mock pins, and its colour is read back from them. Raises OutputError if the
    files cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: the folder cannot be made: {error.strerror}; name another with --out") from error
    config = checked_config({"camera": {"kind": "demo"}, "outputs": [{"kind": "console"}, LED.model_dump(mode="json")]})
    with ExitStack() as closing:
        pins = closing.enter_context(mock_pins())
        video = VideoFile(folder / "demo.mp4", RATE_HZ, _drawn)
        closing.callback(video.close)
        diary = Diary(pins)
        appliance = Appliance(config, [video, diary])
        diary.stop_after(seconds, appliance)
        closing.enter_context(obeying_signals(appliance))
        appliance.run()
    if diary.best is not None:
        picture = folder / "demo.png"
        if not cv2.imwrite(str(picture), _drawn(diary.best)):
            raise OutputError(f"{picture}: the picture cannot be written; name another folder with --out")
    _print_diary(diary)
    Terminal().print(f"{video.path}: {video.frames} frames with the overlay; {folder / 'demo.png'}: one of them")


@dataclass(slots=True)
class Entry:
    """One mood, from its beginning to its end."""

    began_s: float
    mood: str
    people: int = 0
    strength: float = 0.0
    led: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Red, green and blue at the pins, 0..1 of the time high, when they shone brightest."""


class Diary:
    """Takes readings: what the mood was and what the pins of the light did meanwhile."""

    def __init__(self, pins: MockPins) -> None:
        self.entries: list[Entry] = []
        self.best: Reading | None = None
        """The reading with the most to see."""
        self._pins = pins
        self._end_s: float | None = None
        self._appliance: Appliance | None = None

    def stop_after(self, seconds: float | None, appliance: Appliance) -> None:
        """Stop `appliance` after so much of the scene."""
        self._end_s, self._appliance = seconds, appliance

    def offer(self, reading: Reading) -> None:
        """Note what has changed."""
        if reading.frame is None:
            return
        now_s = reading.frame.position_s or 0.0
        mood = outcome(reading)
        if not self.entries or self.entries[-1].mood != mood:
            self.entries.append(Entry(now_s, mood))
        entry = self.entries[-1]
        entry.people = max(entry.people, len(reading.sightings))
        entry.strength = max(entry.strength, reading.mood.strength)
        red, green, blue = (self._pins.level(pin) for pin in (LED.red, LED.green, LED.blue))
        if time.monotonic() - reading.mood.since > LED.fade_s:
            entry.led = max(entry.led, (red, green, blue), key=sum)
        if self.best is None or _interest(reading) > _interest(self.best):
            self.best = reading
        if self._appliance and self._end_s is not None and now_s >= self._end_s:
            self._appliance.request_stop()

    def close(self) -> None:
        """Nothing to release."""


def _drawn(reading: Reading) -> Image:
    return draw_overlay(reading, SIZE, mirrored=False)


def _interest(reading: Reading) -> float:
    """How much there is to see: faces that are read, the larger the better, and a strong mood."""
    plain = reading.mood.emotion in (None, Emotion.NEUTRAL)
    faces = sum(seen.face.box.width for seen in reading.sightings if seen.emotion)
    return faces * (0.3 if plain else 1.0) * (0.1 + reading.mood.strength)


def _print_diary(diary: Diary) -> None:
    table = Table(title="What was seen, and what the light did", title_justify="left")
    for name in ("from", "mood", "at most", "people", "light", "red green blue at the pins"):
        table.add_column(name, justify="right" if name in ("from", "at most", "people") else "left")
    for entry in diary.entries:
        levels = [level ** (1 / LED.gamma) for level in entry.led]  # as the eye sees them
        red, green, blue = (round(255 * level) for level in levels)
        swatch = Text("      ", style=f"on rgb({red},{green},{blue})")
        duty = " ".join(f"{level:.2f}" for level in entry.led)
        strength = f"{entry.strength:.2f}" if entry.strength else ""
        table.add_row(f"{entry.began_s:.1f} s", entry.mood, strength, str(entry.people), swatch, duty)
    Terminal().print(table)
