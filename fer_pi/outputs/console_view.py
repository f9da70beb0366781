"""What the console shows: a reading as text with colours. Pure: time and colour are arguments."""

from collections.abc import Mapping

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fer_pi.drawing.palette import EMOTION_COLORS, RGB, STATUS_COLORS
from fer_pi.drawing.words import people
from fer_pi.outputs.effects import Color
from fer_pi.outputs.latency import Spread
from fer_pi.types import EMOTIONS, Emotion, Reading, Status

GLYPHS: Mapping[Emotion, str] = {
    Emotion.NEUTRAL: ":|",
    Emotion.HAPPINESS: ":)",
    Emotion.SURPRISE: ":o",
    Emotion.SADNESS: ":(",
    Emotion.ANGER: ">:(",
    Emotion.DISGUST: ":/",
    Emotion.FEAR: "D:",
    Emotion.CONTEMPT: ":^",
}
"""A face for each emotion, in letters that every terminal has."""

BAR_CELLS = 32
"""Width of a full bar, in letters."""

_EIGHTHS = " ▏▎▍▌▋▊▉█"


class Terminal(Console):
    """rich's terminal, but a reader who has gone is an error like any other and not the end of the process."""

    def on_broken_pipe(self) -> None:
        raise  # rich calls this while it handles the BrokenPipeError


def live_view(reading: Reading, latency: Spread | None, light: Color) -> RenderableType:
    """The whole view: mood, bars of what it is decided on, figures and a swatch of `light`, the colour of the LED.

    `latency` is that of the last few seconds' readings, None if there were none.
    """
    return Padding(Group(headline(reading), Text(), _bars(reading), Text(), _figures(reading, latency, light)), (1, 2))


def headline(reading: Reading) -> Text:
    """The mood, or the state where that is what matters, in its colour."""
    if reading.status is not Status.WATCHING:
        return Text(f"{reading.status}", style=f"bold {_hex(STATUS_COLORS[reading.status])}")
    emotion = reading.mood.emotion
    if emotion is None:
        return Text(":?  not sure", style="bold")
    text = f"{GLYPHS[emotion]:<3} {emotion}  {reading.mood.strength:.0%}"
    return Text(text, style=f"bold {_hex(EMOTION_COLORS[emotion])}")


def plain_line(reading: Reading, time: str) -> str:
    """The same in one line without colours: "12:00:01 watching: happiness 83%, 2 people, 41 ms"."""
    if reading.status is not Status.WATCHING:
        return f"{time} {reading.status}{f': {reading.message}' if reading.message else ''}"
    mood = f"{reading.mood.emotion} {reading.mood.strength:.0%}" if reading.mood.emotion else "not sure"
    return f"{time} {reading.status}: {mood}, {people(len(reading.sightings))}, {reading.age_s * 1000:.0f} ms"


def _bars(reading: Reading) -> Table:
    table = Table.grid(padding=(0, 1))
    scores = reading.mood.scores
    for emotion in EMOTIONS:
        share = scores[emotion] if scores else 0.0
        bar = Text(_bar(share), style=_hex(EMOTION_COLORS[emotion]))
        table.add_row(str(emotion), bar, f"{share:4.0%}" if scores else "")
    return table


def _bar(share: float) -> str:
    full, eighths = divmod(round(min(max(share, 0.0), 1.0) * BAR_CELLS * 8), 8)
    return (_EIGHTHS[8] * full + (_EIGHTHS[eighths] if eighths else "")).ljust(BAR_CELLS)


def _figures(reading: Reading, latency: Spread | None, light: Color) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("people", people(len(reading.sightings)))
    table.add_row("rate", f"{reading.timings.rate_hz:.1f} a second, {reading.timings.dropped} frames dropped")
    if latency:
        table.add_row("latency", f"{1000 * latency.p50_s:.0f} ms (95% within {1000 * latency.p95_s:.0f} ms)")
    else:
        table.add_row("latency", "no picture")
    # Text, not str: rich would read [brackets] in a camera's name or a message as markup.
    table.add_row("camera", Text(reading.frame.source if reading.frame else "no picture"))
    table.add_row("LED", Text.assemble((" " * 8, f"on {_hex(_bytes(light))}")))
    table.add_row("status", Text(f"{reading.status}{f': {reading.message}' if reading.message else ''}"))
    return table


def _bytes(color: Color) -> RGB:
    red, green, blue = (round(255 * min(max(channel, 0.0), 1.0)) for channel in color)
    return red, green, blue


def _hex(color: RGB) -> str:
    return "#" + bytes(color).hex()
