"""How the appliance is doing, in a file that `fer-pi status` and other programs read; nothing of any person or picture.

    {"format": 1, "fer_pi": "0.1.0", "pid": 612, "told_at_s": 8123.4, "uptime_s": 7201.0,
     "status": "watching", "mood": "happiness", "strength": 0.83, "message": "",
     "rate_hz": 27.9, "dropped": 12, "latency_ms": {"p50": 41.0, "p95": 55.2},
     "camera": {"name": "webcam /dev/video0 (C920)", "problem": ""},
     "outputs": [{"name": "rgb_led", "ok": true, "problem": "", "ended": false, "shown": 190211, "dropped": 3,
                  "failures": 0, "stuck_s": 0.0}],
     "board": {"temperature_c": 51.2, "now": [], "since_start": []},
     "config": {"path": "/etc/fer-pi/config.yaml", "fault": ""}}

`told_at_s` is on the kernel's monotonic clock, which all processes share and no correction of the time moves. The
latency is from the taking of a picture to its reading, over the last minute; null while there are no pictures.
"""

import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fer_pi import __version__
from fer_pi.atomic_file import replace_file
from fer_pi.device.board import BoardState
from fer_pi.outputs.latency import Latencies, Spread
from fer_pi.outputs.runner import RunnerState
from fer_pi.types import Emotion, Reading, Status

log = logging.getLogger(__name__)

FORMAT = 1
NAME = "status.json"
"""The name of the file in the runtime folder."""

EVERY_S = 1.0
LATENCIES_S = 60.0
"""Seconds over which the percentiles of the latency are taken."""

_NOT_SHOWN = ("since",)


@dataclass(frozen=True, slots=True)
class Facts:
    """What readings do not tell."""

    camera: str = ""
    """Its name."""
    camera_problem: str = ""
    outputs: tuple[tuple[str, RunnerState], ...] = ()
    """Each with its name."""
    board: BoardState = field(default_factory=BoardState)
    config: str = ""
    """The file in use."""
    config_fault: str = ""
    """What is wrong with the file that was meant."""


class StatusFile:
    """Takes readings from the loop, and writes the file about once a second and on each change."""

    def __init__(self, path: Path, facts: Callable[[], Facts], clock: Callable[[], float] = time.monotonic) -> None:
        """`facts` is called when the file is written, in the thread of the loop."""
        self._path = path
        self._facts = facts
        self._clock = clock
        self._began_at = clock()
        self._written_at = float("-inf")
        self._said: tuple[Status, Emotion | None, str] | None = None
        self._latencies = Latencies(LATENCIES_S)
        self._problem = ""

    def offer(self, reading: Reading) -> None:
        """Write the file if it is time; a disk that cannot be written is a warning, no more."""
        now = self._clock()
        if reading.frame is not None:
            self._latencies.add(reading.age_s, now)
        saying = reading.status, reading.mood.emotion, reading.message
        if saying == self._said and now - self._written_at < EVERY_S:
            return
        self._said, self._written_at = saying, now
        try:
            content = json.dumps(self._content(reading, now), indent=1).encode()
            replace_file(self._path, content, mode=0o644, durable=False)
            self._problem = ""
        except OSError as error:
            problem = error.strerror or str(error)
            if self._problem != problem:
                log.warning("%s cannot be written: %s", self._path, problem)
            self._problem = problem

    def close(self) -> None:
        """Remove the file: what ended has no status. Twice is fine."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            log.debug("%s cannot be removed: %s", self._path, error)

    def _content(self, reading: Reading, now: float) -> dict[str, Any]:
        facts = self._facts()
        return {
            "format": FORMAT,
            "fer_pi": __version__,
            "pid": os.getpid(),
            "told_at_s": round(now, 3),
            "uptime_s": round(now - self._began_at, 1),
            "status": reading.status,
            "mood": reading.mood.emotion,
            "strength": round(reading.mood.strength, 3),
            "message": reading.message,
            "rate_hz": round(reading.timings.rate_hz, 1),
            "dropped": reading.timings.dropped,
            "latency_ms": _in_ms(self._latencies.spread(now)),
            "camera": {"name": facts.camera, "problem": facts.camera_problem},
            "outputs": [{"name": name, **_shown(state)} for name, state in facts.outputs],
            "board": {
                "temperature_c": facts.board.temperature_c,
                "now": facts.board.now,
                "since_start": facts.board.since_start,
            },
            "config": {"path": facts.config, "fault": facts.config_fault},
        }


def _in_ms(latency: Spread | None) -> dict[str, float] | None:
    return {"p50": round(1000 * latency.p50_s, 1), "p95": round(1000 * latency.p95_s, 1)} if latency else None


def _shown(state: RunnerState) -> dict[str, Any]:
    return {name: value for name, value in asdict(state).items() if name not in _NOT_SHOWN}
