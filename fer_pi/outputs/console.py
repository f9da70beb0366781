"""The mood live in a terminal; where standard output is no terminal, one plain line for each change."""

import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from fer_pi.config import Options
from fer_pi.errors import OutputError
from fer_pi.outputs.effects import Glow
from fer_pi.outputs.event_log import local_time
from fer_pi.outputs.latency import Latencies
from fer_pi.outputs.lines import StdoutLines, silence_stdout, unwritable
from fer_pi.outputs.looks import look_of
from fer_pi.outputs.rgb_led import RgbLedOptions
from fer_pi.types import Emotion, Reading, Status

REFRESH_S = 0.1
"""Seconds between two drawings; each costs 1.5 ms of a PC's processor, and several times that on a Pi."""

LATENCY_WINDOW_S = 5.0
"""The latency that is shown is that of the readings of so many seconds."""

LED_FADE_S = RgbLedOptions().fade_s
"""The swatch moves as an LED with default options does."""


class ConsoleOptions(Options):
    """The mood in a terminal."""

    kind: Literal["console"] = "console"
    """The mood, live in the terminal that the program runs in."""
    style: Literal["auto", "live", "lines"] = "auto"
    """live: a view that moves; lines: one line for each change; auto: live in a terminal that can, else lines."""


class Console:
    """Draws on standard output. While it is live, what others print to sys.stdout and sys.stderr appears above it."""

    Options = ConsoleOptions
    refresh_s: float | None = REFRESH_S

    def __init__(
        self,
        options: ConsoleOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = local_time,
    ) -> None:
        from fer_pi.outputs import console_view

        self._view = console_view
        self._clock = clock
        self._wall = wall
        self._glow = Glow(began_at=clock())
        self._latencies = Latencies(LATENCY_WINDOW_S)
        self._last_reading: Reading | None = None
        self._last: tuple[Status, Emotion | None] | None = None
        self._drawn_at = clock()
        self._lines: StdoutLines | None = None
        self._live: Any = None
        terminal = console_view.Terminal(file=sys.stdout)
        if options.style == "live" or (options.style == "auto" and _can_move(terminal)):
            self._live = self._drawn(lambda: _started(terminal))
        else:
            self._lines = StdoutLines()

    def show(self, reading: Reading) -> None:
        """Draw `reading`; call it again, with the same one, to let the swatch of the LED move on."""
        if self._live is not None:
            self._draw(reading)
        elif self._lines is not None:
            what = (reading.status, reading.mood.emotion)
            if what != self._last:
                self._lines.write(self._view.plain_line(reading, f"{self._wall():%H:%M:%S}"))
                self._last = what
        else:
            raise OutputError("the console is closed; make a new one")

    def close(self) -> None:
        """Leave the last view where it is and give the cursor back."""
        live, self._live, self._lines = self._live, None, None
        if live is not None:
            self._drawn(live.stop)

    def _draw(self, reading: Reading) -> None:
        now = self._clock()
        self._glow = self._glow.turned_to(look_of(reading), now, LED_FADE_S)
        if reading.frame is not None and reading is not self._last_reading:
            self._latencies.add(reading.age_s, reading.made_at)
        self._last_reading = reading
        what = (reading.status, reading.mood.emotion)
        if what == self._last and now - self._drawn_at < REFRESH_S:
            return
        self._last, self._drawn_at = what, now
        latency = self._latencies.spread(reading.made_at)
        view = self._view.live_view(reading, latency, self._glow.color_at(now, LED_FADE_S))
        self._drawn(lambda: self._live.update(view, refresh=True))

    def _drawn(self, draw: Callable[[], Any]) -> Any:
        """What `draw` returns; whatever the terminal refuses becomes OutputError."""
        try:
            return draw()
        except BrokenPipeError as error:
            silence_stdout()
            raise OutputError("standard output was closed by its reader") from error
        except (OSError, ValueError) as error:
            raise unwritable("the terminal", error) from error


def _can_move(terminal: Any) -> bool:
    utf8 = str(terminal.encoding).lower().replace("-", "").startswith("utf8")
    return terminal.is_terminal and not terminal.is_dumb_terminal and utf8


def _started(terminal: Any) -> Any:
    from rich.live import Live

    # A stderr that goes to a file stays there.
    live = Live(console=terminal, auto_refresh=False, redirect_stderr=sys.stderr.isatty())
    live.start()
    return live
