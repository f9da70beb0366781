"""Whatever ends the program, its pins drive nothing afterwards, and nobody else's are touched."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_pi.device.lights_out import let_go, note_pins, noted_pins
from fer_pi.testing.chips import Chips


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
