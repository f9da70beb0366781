"""Puts the lights out when the program is gone: run by the service manager after every end, even a crash.

The kernel of Raspberry Pi OS lets a pin that was an output keep its last level when its owner dies (raspberrypi/linux,
pull requests 6117 and 6150), so that the light would go on showing the last mood. As an input a pin drives nothing;
that is dark for a common cathode and for a common anode, and right for a button too.

Needs nothing but Python's own modules, for it stands between a crash and the next start.
"""

import os
import sys
from collections.abc import Iterable
from fcntl import ioctl
from pathlib import Path

from fer_pi.device.header import DEV, Ioctl, as_input, header

NAME = "pins"
"""The name, in the runtime folder, of the note that says which pins are ours: their numbers, with blanks between."""


def note_pins(folder: Path, pins: Iterable[int]) -> None:
    """Say in `folder` which pins are to be let go at the end. Raises OSError."""
    (folder / NAME).write_text(" ".join(str(pin) for pin in sorted(set(pins))))


def noted_pins(folder: Path) -> list[int]:
    """What was noted there; nothing if nothing was."""
    try:
        return [int(word) for word in (folder / NAME).read_text().split() if word.isdecimal()]
    except FileNotFoundError:
        return []


def let_go(pins: Iterable[int], dev: Path = DEV, ioctl: Ioctl = ioctl) -> list[int]:
    """Make `pins` (BCM numbers) of the board's own chip inputs; returns those that somebody else holds, and keeps."""
    chip = header(dev, ioctl)
    return [pin for pin in pins if not _made_input(chip, pin, ioctl)] if chip else []


def _made_input(chip: Path, pin: int, ioctl: Ioctl) -> bool:
    try:
        os.close(as_input(chip, pin, b"fer-pi lights out", ioctl))
    except OSError:
        return False
    return True


if __name__ == "__main__":
    busy = let_go(noted_pins(Path(sys.argv[1])))
    if busy:
        print("could not be let go:", ", ".join(f"GPIO{pin}" for pin in busy), file=sys.stderr)
