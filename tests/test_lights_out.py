"""Whatever ends the program, its pins drive nothing afterwards, and nobody else's are touched."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from struct import pack_into, unpack_from

import pytest

from fer_pi.device.lights_out import let_go, note_pins, noted_pins


class Chips:
    """/dev with gpiochips, and the kernel behind them: refuses what it would refuse."""

    def __init__(self, dev: Path, labels: list[str], held: set[int] = frozenset()) -> None:  # type: ignore[assignment]
        self.dev, self.labels, self.held = dev, labels, held
        for number in range(len(labels)):
            (dev / f"gpiochip{number}").touch()
        self.inputs: list[tuple[str, int]] = []
        self.lines: list[int] = []

    def ioctl(self, handle: int, code: int, argument: bytearray) -> int:
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
        offsets = unpack_from("=64I", argument, 0)
        flags, attributes, *padding = unpack_from("=QI5I", argument, 288)
        attribute_bytes = argument[320:560]
        lines, buffer, *more = unpack_from("=II5I", argument, 560)
        assert (flags, attributes, lines, buffer) == (4, 0, 1, 0)
        assert not any((*padding, *more, *offsets[1:], *attribute_bytes))
        if offsets[0] in self.held:
            raise OSError(16, "Device or resource busy")
        self.inputs.append((label, offsets[0]))
        line = os.open("/dev/null", os.O_RDONLY)
        self.lines.append(line)
        pack_into("=i", argument, 588, line)
        return 0

    def released(self) -> bool:
        """Whether every line that was handed out was given back."""
        return not any(Path(f"/proc/self/fd/{line}").exists() for line in self.lines)


@pytest.fixture(params=["pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1"])
def chips(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Chips]:
    """A board's header, behind a chip of something else that has as many lines."""
    yield Chips(tmp_path, ["raspberrypi-exp-gpio", request.param])


def test_every_pin_of_ours_becomes_an_input_of_the_header_and_is_given_back(chips: Chips) -> None:
    assert let_go([17, 27, 22], chips.dev, chips.ioctl) == []
    assert chips.inputs == [(chips.labels[1], pin) for pin in (17, 27, 22)]
    assert chips.released()


def test_a_pin_that_somebody_else_holds_is_left_to_them(chips: Chips) -> None:
    chips.held = {27}
    assert let_go([17, 27, 22], chips.dev, chips.ioctl) == [27]
    assert [pin for _, pin in chips.inputs] == [17, 22]


def test_without_a_header_there_is_nothing_to_do_or_say(tmp_path: Path) -> None:
    assert let_go([17], tmp_path) == []
    (tmp_path / "gpiochip0").touch()  # a plain file: the kernel itself refuses the question
    assert let_go([17], tmp_path) == []


def test_the_pins_are_those_that_were_noted(tmp_path: Path) -> None:
    assert noted_pins(tmp_path) == []
    note_pins(tmp_path, [27, 17, 27])
    assert noted_pins(tmp_path) == [17, 27]


def test_it_needs_nothing_but_python(tmp_path: Path) -> None:
    """It stands between a crash and the next start: nothing large is imported, and it ends well with nothing to do."""
    code = (
        "import runpy, sys; runpy.run_module('fer_pi.device.lights_out', run_name='__main__');"
        "print(sorted(set(sys.modules) & {'numpy', 'click', 'pydantic', 'yaml', 'cv2'}))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
