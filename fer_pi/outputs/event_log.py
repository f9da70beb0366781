"""One line of JSON for each change of mood or state, to stdout or to a file that rotates.

A line tells of the room, never of a person: no pictures, no tracks, no boxes, only how many people there are.

    {"time": "2026-11-21T06:01:02.345+00:00", "status": "watching", "mood": "happiness", "strength": 0.83,
     "previous_status": "watching", "previous_mood": "neutral", "lasted_s": 12.4, "people": 2, "age_ms": 41.2,
     "message": ""}

`lasted_s` is how long the previous status and mood held, `age_ms` how old the picture was when the reading was
complete; both are monotonic, so that a step of the wall clock changes only `time`.
"""

import errno
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from pydantic import Field

from fer_pi.config import Options
from fer_pi.errors import OutputError
from fer_pi.types import Emotion, Reading, Status

REMEDIES = {
    errno.ENOSPC: "free some space, or lower max_bytes and keep",
    errno.EDQUOT: "free some space, or lower max_bytes and keep",
    errno.EROFS: "name a path on a file system that can be written to",
    errno.EACCES: "give the user of this program the right to write there, or name another path",
    errno.EPERM: "give the user of this program the right to write there, or name another path",
    errno.ENOENT: "make the folder, or name another path",
    errno.ENOTDIR: "name a path whose folders are folders",
    errno.EIO: "check the disk or SD card",
}
"""What a person can do about an error of the file system."""


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


class Lines(Protocol):
    """Where lines go."""

    def write(self, line: str) -> None:
        """Write and flush one line, given without its end. Raises OutputError."""

    def close(self) -> None:
        """Release it; twice is fine."""


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
        self._lines.write(json.dumps(event))  # in ASCII, which every stdout can carry
        self._last, self._since = what, now

    def close(self) -> None:
        lines, self._lines = self._lines, None
        if lines is not None:
            lines.close()


class StdoutLines:
    """Lines on standard output, which stays open."""

    def write(self, line: str) -> None:
        try:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except BrokenPipeError as error:
            silence_stdout()
            raise OutputError("standard output was closed by its reader") from error
        except (OSError, ValueError) as error:
            raise _unwritable("standard output", error) from error

    def close(self) -> None:
        """Nothing to release."""


class RotatingLines:
    """Lines at the end of a file; when it is full it becomes path.1, what was path.1 becomes path.2, and so on."""

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._file: BinaryIO | None = None
        self._open()

    def write(self, line: str) -> None:
        data = line.encode() + b"\n"
        try:
            if self._file is None:
                self._open()
            assert self._file is not None
            if self._size > 0 and self._size + len(data) > self._max_bytes:
                self._rotate()
            written = self._file.write(data)
            self._size += written
            if written < len(data):  # the last bytes of a disk; the next write would say so
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self.close()
            raise _unwritable(f"event log {self._path}", error) from error

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _open(self) -> None:
        try:
            if self._path.exists() and not self._path.is_file():
                raise OutputError(f"cannot write event log {self._path}: it is no file; name another path")
            # Unbuffered: after a failed write nothing is left over that would fail once more on closing.
            self._file = self._path.open("ab", buffering=0)
            self._size = self._path.stat().st_size
            if self._size and not _ends_with_newline(self._path):  # the power failed, or the disk was full
                self._size += self._file.write(b"\n")
        except OutputError:
            raise
        except OSError as error:
            self.close()
            raise _unwritable(f"event log {self._path}", error) from error

    def _rotate(self) -> None:
        self.close()
        if self._keep == 0:
            self._path.unlink()
        else:
            names = [self._path, *(Path(f"{self._path}.{number}") for number in range(1, self._keep + 1))]
            for younger, older in reversed(list(pairwise(names))):
                if younger.exists():
                    younger.replace(older)
        self._open()


def silence_stdout() -> None:
    """Lead standard output nowhere, once its reader has gone, so that Python's flush at exit does not complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        with suppress(OSError, ValueError):  # a stdout that is no file needs no such care
            os.dup2(nowhere, sys.stdout.fileno())
    finally:
        os.close(nowhere)


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _unwritable(thing: str, error: OSError | ValueError) -> OutputError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    remedy = REMEDIES.get(error.errno or 0, "") if isinstance(error, OSError) else ""
    return OutputError(f"cannot write {thing}: {reason}{f'; {remedy}' if remedy else ''}")
