"""One line of JSON for each change of mood or state, to stdout or to a file that rotates.

A line tells of the room, never of a person: no pictures, no tracks, no boxes, only how many people there are.

    {"time": "2026-11-21T06:01:02.345+00:00", "status": "watching", "mood": "happiness", "strength": 0.83,
     "previous_status": "watching", "previous_mood": "neutral", "lasted_s": 12.4, "people": 2, "age_ms": 41.2,
     "message": ""}

`lasted_s` is how long the previous status and mood held, `age_ms` how old the picture was when the reading was
complete; both are monotonic, so that a step of the wall clock changes only `time`.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field

from fer_pi.config import Options
from fer_pi.errors import OutputError
from fer_pi.outputs.lines import Lines, RotatingLines, StdoutLines
from fer_pi.types import Emotion, Reading, Status


class EventLogOptions(Options):
    """A log of moods."""

    kind: Literal["event_log"] = "event_log"
    """One line of JSON for each change of mood or state."""
    path: Path | None = None
    """File to append to; its folder must exist. Default: standard output."""
    max_bytes: int = Field(default=1_000_000, ge=1_000, le=1_000_000_000)
    """Bytes after which a new file is begun, 1000..1000000000."""
    keep: int = Field(default=3, ge=0, le=100)
    """How many full files are kept beside the one being written, 0..100: moods.jsonl.1 is the newest of them."""


def local_time() -> datetime:
    """Now, in the zone of this machine."""
    return datetime.now(UTC).astimezone()


class EventLog:
    """Writes the lines. Making it raises OutputError if the file cannot be written."""

    Options = EventLogOptions
    refresh_s: float | None = None

    def __init__(
        self,
        options: EventLogOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = local_time,
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._last: tuple[Status, Emotion | None] | None = None
        self._since = clock()
        self._lines: Lines | None = (
            StdoutLines() if options.path is None else RotatingLines(options.path, options.max_bytes, options.keep)
        )

    def show(self, reading: Reading) -> None:
        """Write a line if the mood or the state is another than before."""
        if self._lines is None:
            raise OutputError("the event log is closed; make a new one")
        now, what = self._clock(), (reading.status, reading.mood.emotion)
        if what == self._last:
            return
        status, mood = self._last or (None, None)
        event = {
            "time": self._wall().isoformat(timespec="milliseconds"),
            "status": reading.status,
            "mood": reading.mood.emotion,
            "strength": round(reading.mood.strength, 3),
            "previous_status": status,
            "previous_mood": mood,
            "lasted_s": None if status is None else round(now - self._since, 3),
            "people": len(reading.sightings),
            "age_ms": None if reading.frame is None else round(reading.age_s * 1000, 1),
            "message": reading.message,
        }
        self._lines.write(json.dumps(event))
        self._last, self._since = what, now

    def close(self) -> None:
        lines, self._lines = self._lines, None
        if lines is not None:
            lines.close()
