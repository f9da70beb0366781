"""Lights the LED as soon as Python runs: what shows the mood takes seconds to load, and a dark light looks dead.

Which pins that takes was noted when the configuration was kept as the last good one. If its file has changed since, it
stays dark until that was checked: what was a light may be a button now.

Needs nothing but Python's own modules.
"""

import hashlib
import os
from collections.abc import Mapping
from fcntl import ioctl
from pathlib import Path
from threading import Event, Thread

from fer_pi.device.header import DEV, Ioctl, as_outputs, header
from fer_pi.device.lights_out import note_pins

NAME = "first-light"
"""The name of the note in the state folder: the SHA-256 of the configuration, then each pin with a sign, + for high."""

AGAIN_S = 0.1
"""How often it is tried until the pins can be had."""


def noted(levels: Mapping[int, bool], content: bytes) -> bytes:
    """The note that with a file of this `content` pins (BCM numbers) at these levels say "starting"."""
    signed = [f"{'+' if high else '-'}{pin}" for pin, high in levels.items()]
    return " ".join([hashlib.sha256(content).hexdigest(), *signed]).encode() + b"\n"


def levels_noted(folder: Path, content: bytes) -> dict[int, bool]:
    """The levels noted in `folder` for a configuration file of this `content`; none if it was another one."""
    try:
        about, *signed = (folder / NAME).read_text("ascii").split()
        levels = {abs(int(word)): word[0] == "+" for word in signed}
    except (OSError, ValueError):
        return {}
    return levels if about == hashlib.sha256(content).hexdigest() else {}


class FirstLight:
    """Drives the noted pins, as soon as they may be had; of trouble it says nothing, the real light will."""

    def __init__(
        self,
        folder: Path | None,
        config: Path,
        runtime: Path | None = None,
        dev: Path = DEV,
        ioctl: Ioctl = ioctl,
    ) -> None:
        """`folder` is that of the note, `config` the configuration file that the program is about to use.

        The pins are noted in `runtime` for `lights_out`, before they shine.
        """
        self._line: int | None = None
        self._ended = Event()
        self._waiting: Thread | None = None
        try:
            self._levels = levels_noted(folder, config.read_bytes()) if folder else {}
            if self._levels and runtime:
                note_pins(runtime, self._levels)
        except OSError:
            self._levels = {}
        if not self._levels or self._lit(dev, ioctl):
            return
        # While the board starts, the chip's driver or the right to open it may come later than this.
        self._waiting = Thread(target=self._wait, args=(dev, ioctl), name="first light", daemon=True)
        self._waiting.start()

    @property
    def pins(self) -> tuple[int, ...]:
        """Which it drives, or would."""
        return tuple(self._levels)

    def end(self) -> None:
        """Let go of the pins; twice is fine."""
        self._ended.set()
        if self._waiting is not None:
            self._waiting.join()
        line, self._line = self._line, None
        if line is not None:
            os.close(line)

    def _wait(self, dev: Path, ioctl: Ioctl) -> None:
        while not self._ended.wait(AGAIN_S) and not self._lit(dev, ioctl):
            pass

    def _lit(self, dev: Path, ioctl: Ioctl) -> bool:
        try:
            chip = header(dev, ioctl)
            if chip is not None:
                self._line = as_outputs(chip, self._levels, b"fer-pi first light", ioctl)
        except OSError:
            return False
        return self._line is not None
