"""The light shines before anything large is loaded, on the pins that were checked, and on no others."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fer_pi.config import checked_config
from fer_pi.config_choice import ConfigFiles
from fer_pi.device.first_light import NAME, FirstLight, levels_noted, noted
from fer_pi.device.lights_out import noted_pins
from fer_pi.testing.chips import Chips

RGB = {"kind": "rgb_led", "red": 5, "green": 6, "blue": 13}
EACH = {"kind": "emotion_leds", "leds": {"happiness": 20, "anger": 21}}


@pytest.fixture
def chips(tmp_path: Path) -> Chips:
    (tmp_path / "dev").mkdir()
    return Chips(tmp_path / "dev", ["raspberrypi-exp-gpio", "pinctrl-bcm2711"])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """One that ran well, with a light on three pins."""
    path = tmp_path / "config.yaml"
    path.write_text("outputs: [{kind: rgb_led, red: 5, green: 6, blue: 13}]\n")
    files = ConfigFiles(path, state=tmp_path)
    files.keep(files.at_start())
    return path


def shining(chips: Chips, config: Path) -> FirstLight:
    return FirstLight(config.parent, config, config.parent, chips.dev, chips.ioctl)


def test_the_light_of_what_ran_well_shines_until_it_is_ended(chips: Chips, config: Path) -> None:
    light = shining(chips, config)
    assert chips.outputs == {5: False, 6: False, 13: True}, "the blue of the starting pulse"
    assert not chips.released()
    assert noted_pins(config.parent) == [5, 6, 13], "should the program be killed before it has noted them itself"
    light.end()
    light.end()
    assert chips.released()


def test_a_configuration_that_has_changed_is_not_trusted_with_pins(chips: Chips, config: Path) -> None:
    config.write_text(config.read_text() + "# a word\n")
    shining(chips, config).end()
    assert not chips.outputs


def test_one_that_has_not_run_well_has_no_first_light(chips: Chips, tmp_path: Path, config: Path) -> None:
    (tmp_path / NAME).unlink()
    shining(chips, config).end()
    FirstLight(None, config, None, chips.dev, chips.ioctl)
    FirstLight(tmp_path, tmp_path / "missing.yaml", None, chips.dev, chips.ioctl)
    assert not chips.outputs


@pytest.mark.parametrize("note", ["", "abc", "%s +5 x", "%s 5 +", "\xff"])
def test_a_note_that_is_broken_lights_nothing(chips: Chips, config: Path, note: str) -> None:
    whole = (config.parent / NAME).read_text()
    (config.parent / NAME).write_bytes((note.replace("%s", whole.split()[0])).encode("latin-1"))
    shining(chips, config)
    assert not chips.outputs


def test_pins_that_somebody_else_holds_are_left_to_them(chips: Chips, config: Path) -> None:
    chips.held = {6}
    shining(chips, config).end()
    assert not chips.outputs


def test_it_shines_once_the_pins_can_be_had(chips: Chips, config: Path) -> None:
    """While the board starts, the driver's chip may come after us."""
    chips.held = {6}
    light = shining(chips, config)
    assert not chips.outputs
    chips.held = set()
    give_up_at = time.monotonic() + 10
    while not chips.outputs and time.monotonic() < give_up_at:
        time.sleep(0.01)
    assert chips.outputs
    light.end()
    assert chips.released()


def test_without_a_header_there_is_no_light(tmp_path: Path, config: Path) -> None:
    FirstLight(tmp_path, config, None, tmp_path / "no such folder").end()


@pytest.mark.parametrize(
    ("light", "levels"),
    [
        (RGB, {5: False, 6: False, 13: True}),
        (RGB | {"common": "anode"}, {5: True, 6: True, 13: False}),
        (RGB | {"statuses": {"starting": {"color": "white"}}}, {5: True, 6: True, 13: True}),
        (RGB | {"statuses": {"starting": {"effect": "off"}}}, {}),
        (RGB | {"statuses": {"starting": {"color": "black"}}}, {}),
        (RGB | {"brightness": 0.0}, {}),
        (EACH, {20: True, 21: True}),
        (EACH | {"common": "anode"}, {20: False, 21: False}),
        (EACH | {"status_pin": 26}, {26: True}),
        (EACH | {"brightness": 0.0}, {}),
        ({"kind": "console"}, {}),
    ],
)
def test_it_looks_like_starting_as_far_as_that_goes_without_dimming(
    light: dict[str, object], levels: dict[int, bool]
) -> None:
    assert checked_config({"outputs": [light]}).outputs[0].first_light() == levels


def test_what_is_noted_is_read_again(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(noted({0: True, 17: False, 27: True}, b"content"))
    assert levels_noted(tmp_path, b"content") == {0: True, 17: False, 27: True}
    assert levels_noted(tmp_path, b"other") == {}


def test_it_comes_before_anything_large_is_loaded(tmp_path: Path) -> None:
    """Where `fer-pi run` lights it, neither NumPy nor OpenCV nor what checks the configuration is there yet."""
    code = (
        "import sys, fer_pi.cli, fer_pi.device.first_light as module\n"
        "def report(*_):\n"
        "    print(sorted(set(sys.modules) & {'numpy', 'pydantic', 'yaml', 'cv2', 'fer_pi.config'}))\n"
        "    sys.exit(7)\n"
        "module.FirstLight = report\n"
        "fer_pi.cli.commands(['run', '--state-dir', sys.argv[1]])"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert (done.stdout, done.returncode) == ("[]\n", 7), done.stderr
