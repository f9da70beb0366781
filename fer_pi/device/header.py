"""The pins of the board's header, asked of the kernel directly, for moments that cannot wait for a library.

Needs nothing but Python's own modules. Structures and numbers are those of <linux/gpio.h>.
"""

import os
from collections.abc import Callable, Mapping
from fcntl import ioctl
from pathlib import Path
from struct import pack_into, unpack_from

DEV = Path("/dev")

_CHIP_INFO = 0x8044B401
"""GPIO_GET_CHIPINFO_IOCTL: name, label (32 bytes each), number of lines (32 bit)."""
_GET_LINES = 0xC250B407
"""GPIO_V2_GET_LINE_IOCTL: offsets[64], consumer (32 bytes), flags (64 bit), number of attributes and padding (32 bit
each, 5 of it), ten attributes of 24 bytes, number of lines."""
_INPUT, _OUTPUT = 1 << 2, 1 << 3
_OUTPUT_VALUES = 2
"""The attribute (id, padding, values, mask) that tells what outputs begin with, one bit a line."""

Ioctl = Callable[[int, int, bytearray], int]


def header(dev: Path = DEV, ioctl: Ioctl = ioctl) -> Path | None:
    """The chip that has the header's pins; None if there is none, or none that may be opened."""
    for path in sorted(dev.glob("gpiochip*")):
        try:
            with path.open("rb", buffering=0) as chip:
                if _is_header(chip.fileno(), ioctl):
                    return path
        except OSError:
            continue  # not ours to open, so it is none of ours
    return None


def as_input(chip: Path, pin: int, consumer: bytes, ioctl: Ioctl = ioctl) -> int:
    """A descriptor that holds `pin` (BCM number) as input until it is closed. Raises OSError
    if somebody else has it.
    """
    return _requested(chip, {pin: False}, _INPUT, consumer, ioctl)


def as_outputs(chip: Path, levels: Mapping[int, bool], consumer: bytes, ioctl: Ioctl = ioctl) -> int:
    """A descriptor that drives pins (BCM numbers) high or low until it is closed. Raises OSError."""
    return _requested(chip, levels, _OUTPUT, consumer, ioctl)


def _is_header(chip: int, ioctl: Ioctl) -> bool:
    """Whether these are the pins of the header, and not those of a display or a PoE hat."""
    info = bytearray(68)
    ioctl(chip, _CHIP_INFO, info)
    label: bytes = unpack_from("32s", info, 32)[0].rstrip(b"\0")
    return label.startswith((b"pinctrl-bcm", b"pinctrl-rp1"))


def _requested(chip: Path, levels: Mapping[int, bool], flags: int, consumer: bytes, ioctl: Ioctl) -> int:
    request = bytearray(592)
    pack_into(f"={len(levels)}I", request, 0, *levels)
    pack_into("=32s", request, 256, consumer)
    pack_into("=Q", request, 288, flags)
    if flags & _OUTPUT:
        values = sum(high << place for place, high in enumerate(levels.values()))
        pack_into("=I", request, 296, 1)
        pack_into("=IIQQ", request, 320, _OUTPUT_VALUES, 0, values, (1 << len(levels)) - 1)
    pack_into("=I", request, 560, len(levels))
    with chip.open("rb", buffering=0) as opened:
        ioctl(opened.fileno(), _GET_LINES, request)
    line: int = unpack_from("=i", request, 588)[0]
    os.set_inheritable(line, False)
    return line
