"""Puts the lights out when the program is gone: run by the service manager after every end, even a crash.

The kernel of Raspberry Pi OS lets a pin that was an output keep its last level when its owner dies (raspberrypi/linux,
pull requests 6117 and 6150), so that the light would go on showing the last mood. As an input a pin drives nothing;
that is dark for a common cathode and for a common anode, and right for a button too.

Needs nothing but Python's own modules, for it stands between a crash and the next start.
"""

import sys
from collections.abc import Callable, Iterable
from fcntl import ioctl
from pathlib import Path
from struct import pack_into, unpack_from

NAME = "pins"
"""The name, in the runtime folder, of the note that says which pins are ours: their numbers, with blanks between."""

_CHIP_INFO = 0x8044B401
"""GPIO_GET_CHIPINFO_IOCTL of <linux/gpio.h>: name, label (32 bytes each), number of lines (32 bit)."""
_GET_LINE = 0xC250B407
"""GPIO_V2_GET_LINE_IOCTL: offsets[64], consumer (32 bytes), flags (64 bit) and 264 bytes more, number of lines."""
_INPUT = 1 << 2
"""GPIO_V2_LINE_FLAG_INPUT"""

Ioctl = Callable[[int, int, bytearray], int]


def note_pins(folder: Path, pins: Iterable[int]) -> None:
    """Say in `folder` which pins are to be let go at the end. Raises OSError."""
    (folder / NAME).write_text(" ".join(str(pin) for pin in sorted(set(pins))))


def noted_pins(folder: Path) -> list[int]:
    """What was noted there; nothing if nothing was."""
    try:
        return [int(word) for word in (folder / NAME).read_text().split() if word.isdecimal()]
    except FileNotFoundError:
        return []


def let_go(pins: Iterable[int], dev: Path = Path("/dev"), ioctl: Ioctl = ioctl) -> list[int]:
    """Make `pins` (BCM numbers) of the board's own chip inputs; returns those that somebody else holds, and keeps."""
    for path in sorted(dev.glob("gpiochip*")):
        try:
            with path.open("rb", buffering=0) as chip:
                if _is_header(chip.fileno(), ioctl):
                    return [pin for pin in pins if not _made_input(chip.fileno(), pin, ioctl)]
        except OSError:
            continue  # not ours to open, so it is none of ours
    return []


def _is_header(chip: int, ioctl: Ioctl) -> bool:
    """Whether these are the pins of the header, and not those of a display or a PoE hat."""
    info = bytearray(68)
    ioctl(chip, _CHIP_INFO, info)
    label: bytes = unpack_from("32s", info, 32)[0].rstrip(b"\0")
    return label.startswith((b"pinctrl-bcm", b"pinctrl-rp1"))


def _made_input(chip: int, pin: int, ioctl: Ioctl) -> bool:
    request = bytearray(592)
    pack_into("=I", request, 0, pin)
    pack_into("=32s", request, 256, b"fer-pi lights out")
    pack_into("=Q", request, 288, _INPUT)
    pack_into("=I", request, 560, 1)
    try:
        ioctl(chip, _GET_LINE, request)
    except OSError:
        return False
    line: int = unpack_from("=i", request, 588)[0]
    open(line, "rb", buffering=0).close()
    return True


if __name__ == "__main__":
    busy = let_go(noted_pins(Path(sys.argv[1])))
    if busy:
        print("could not be let go:", ", ".join(f"GPIO{pin}" for pin in busy), file=sys.stderr)
