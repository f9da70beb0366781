"""/dev with gpiochips, and the kernel behind them, for what asks the kernel directly."""

import os
from pathlib import Path
from struct import pack_into, unpack_from

INPUT, OUTPUT = 4, 8


class Chips:
    """Files that stand for gpiochips; `ioctl` answers as the kernel does, and refuses what it would refuse."""

    def __init__(self, dev: Path, labels: list[str]) -> None:
        self.dev, self.labels = dev, labels
        self.held: set[int] = set()
        """Pins that somebody else has."""
        for number in range(len(labels)):
            (dev / f"gpiochip{number}").touch()
        self.inputs: list[tuple[str, int]] = []
        """Label and number of each pin that became an input."""
        self.outputs: dict[int, bool] = {}
        """The level of each pin that became an output."""
        self._lines: list[int] = []

    def ioctl(self, handle: int, code: int, argument: bytearray) -> int:
        """As fcntl.ioctl."""
        chip = Path(f"/proc/self/fd/{handle}").readlink().name
        label = self.labels[int(chip.removeprefix("gpiochip"))]
        # _IOC(direction, 0xB4, number, size) of <linux/gpio.h>
        direction, size, kind, number = code >> 30, code >> 16 & 0x3FFF, code >> 8 & 0xFF, code & 0xFF
        assert (kind, size) == (0xB4, len(argument))
        if (direction, number) == (2, 1):
            pack_into("=32s32sI", argument, 0, chip.encode(), label.encode(), 58)
            return 0
        assert (direction, number) == (3, 7)
        # struct gpio_v2_line_request, field by field
        flags, attributes, *padding = unpack_from("=QI5I", argument, 288)
        lines, buffer, *more = unpack_from("=II5I", argument, 560)
        offsets = unpack_from("=64I", argument, 0)
        identity, reserved, values, mask = unpack_from("=IIQQ", argument, 320)
        assert not any((*padding, *more, *offsets[lines:], buffer, reserved, *argument[344:560]))
        if self.held & set(offsets[:lines]):
            raise OSError(16, "Device or resource busy")
        if flags == OUTPUT:
            assert (attributes, identity, mask) == (1, 2, (1 << lines) - 1)
            self.outputs |= {pin: bool(values >> place & 1) for place, pin in enumerate(offsets[:lines])}
        else:
            assert (flags, attributes, identity, values, mask) == (INPUT, 0, 0, 0, 0)
            self.inputs += [(label, pin) for pin in offsets[:lines]]
        line = os.open("/dev/null", os.O_RDONLY)
        self._lines.append(line)
        pack_into("=i", argument, 588, line)
        return 0

    def released(self) -> bool:
        """Whether every line that was handed out was given back."""
        return not any(Path(f"/proc/self/fd/{line}").exists() for line in self._lines)
