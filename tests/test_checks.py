"""Each check finds its fault and names the cure, and is silent about what is right."""

from datetime import date
from pathlib import Path

import pytest

from fer_pi import checks
from fer_pi.checks import GROUPS, Finding, Verdict
from fer_pi.device.board import BoardState
from fer_pi.errors import ConfigError
from fer_pi.sources.v4l2 import CameraNode, Format

BOOKWORM = {"numpy": "1.26.4", "opencv-python-headless": "4.11.0.86", "ai-edge-litert": "2.3.0", "lgpio": "0.2.2.0"}
TRIXIE = {"numpy": "2.4.6", "opencv-python-headless": "4.12.0.88", "ai-edge-litert": "2.3.0", "picamera2": None}
CAMERA = CameraNode("/dev/video0", "C920", "uvcvideo", formats=(Format("MJPG", 1920, 1080, (30.0,)),))


def verdicts(found: list[Finding]) -> list[Verdict]:
    return [finding.verdict for finding in found]


def well(module: str) -> str:
    return ""


def test_a_32_bit_system_is_told_to_go() -> None:
    assert checks.processor("aarch64", 64).verdict is Verdict.GOOD
    found = checks.processor("aarch64", 32)
    assert (found.verdict, found.text) == (Verdict.BAD, "aarch64 with a 32-bit system")
    assert "64-bit" in found.cure


def test_an_old_python_is_too_old() -> None:
    assert [checks.python(version).verdict for version in ((3, 9), (3, 11), (3, 13))] == [
        Verdict.BAD,
        Verdict.GOOD,
        Verdict.GOOD,
    ]


@pytest.mark.parametrize("stack", [BOOKWORM, TRIXIE])
def test_both_tested_stacks_are_good(stack: dict[str, str | None]) -> None:
    (found,) = checks.packages(stack, well)
    assert found.verdict is Verdict.GOOD
    assert f"numpy {stack['numpy']}" in found.text


@pytest.mark.parametrize(
    ("changes", "text", "cure"),
    [
        ({"opencv-python-headless": "4.12.0.88"}, "need NumPy 2", "<4.12"),
        ({"opencv-python": "4.11.0.86"}, "overwrite each other", "pip uninstall opencv-python opencv-python-headless"),
        ({"ai-edge-litert": None}, "no runtime", "pip install ai-edge-litert"),
        ({"ai-edge-litert": None, "tflite-runtime": "2.14.0", "numpy": "2.1.0"}, "NumPy 1", "pip install ai-edge-l"),
        ({"lgpio": "0.0.0.2"}, "empty shell", "apt install python3-lgpio"),
    ],
)
def test_packages_that_clash_are_named_with_the_cure(changes: dict[str, str | None], text: str, cure: str) -> None:
    (found,) = checks.packages(BOOKWORM | changes, well)
    assert found.verdict is Verdict.BAD
    assert text in found.text
    assert cure in found.cure


def test_a_library_built_for_another_numpy_is_recognised_by_what_it_says() -> None:
    def imports(module: str) -> str:
        return "numpy.dtype size changed, may indicate binary incompatibility" if module == "simplejpeg" else ""

    (found,) = checks.packages(BOOKWORM | {"simplejpeg": "1.8.1"}, imports)
    assert found.text.startswith("simplejpeg cannot be imported")
    assert "pip install 'numpy<2'" in found.cure
    (found,) = checks.packages(BOOKWORM, imports)
    assert found.verdict is Verdict.GOOD


def test_every_complaint_about_the_configuration_is_shown() -> None:
    path = Path("config.yaml")
    assert checks.configuration(path, None).verdict is Verdict.GOOD
    assert checks.configuration(path, ConfigError("a:1:1: x", "a:2:1: y")).text == "a:1:1: x\na:2:1: y"


def test_groups_that_the_service_asks_for_must_exist() -> None:
    assert checks.groups([*GROUPS, "users"]).verdict is Verdict.GOOD
    found = checks.groups(["video", "input", "render"])
    assert (found.verdict, found.cure) == (Verdict.WARNING, "sudo groupadd --system gpio")


def test_the_groups_are_those_of_the_unit() -> None:
    unit = (Path(__file__).parent.parent / "systemd/fer-pi.service").read_text()
    assert f"SupplementaryGroups={' '.join(GROUPS)}\n" in unit


def test_devices_that_this_user_may_not_open_are_named_with_their_groups(tmp_path: Path) -> None:
    for name in ("video0", "gpiochip0", "dri/card0", "null"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    owners = {"video0": "video", "gpiochip0": "gpio", "card0": "video"}
    found = checks.permissions(tmp_path, lambda path: path.name == "card0", lambda path: owners[path.name])
    assert found.verdict is Verdict.WARNING
    assert found.cure.startswith("sudo usermod -aG gpio,video $USER")
    assert checks.permissions(tmp_path, lambda path: True, lambda path: "root").text == "3 devices may be opened"


def test_a_camera_is_told_with_its_best_format_and_a_missing_one_only_if_it_is_wanted() -> None:
    (found,) = checks.cameras([CAMERA], True, lambda node: False)
    assert (found.verdict, found.text) == (Verdict.GOOD, "/dev/video0 (C920), up to MJPG 1920x1080 at 30 Hz")
    (found,) = checks.cameras([CAMERA], True, lambda node: True)
    assert (found.verdict, found.cure[:22]) == (Verdict.WARNING, "`fuser -v /dev/video0`")
    assert verdicts(list(checks.cameras([], True, lambda node: False))) == [Verdict.MISSING]
    assert verdicts(list(checks.cameras([], False, lambda node: False))) == [Verdict.GOOD]


def test_pins_are_looked_at_for_the_chip_for_interfaces_and_for_other_programs(tmp_path: Path) -> None:
    pins = {2: "rgb_led.red", 10: "rgb_led.green", 17: "rgb_led.blue"}
    assert verdicts(list(checks.gpio(tmp_path, pins, well_pin))) == [Verdict.MISSING]
    (tmp_path / "gpiochip0").touch()
    (found,) = checks.gpio(tmp_path, pins, well_pin)
    assert (found.verdict, found.text) == (Verdict.GOOD, "GPIO2, GPIO10, GPIO17 are free")
    (tmp_path / "i2c-1").touch()
    (tmp_path / "spidev0.0").touch()
    i2c, spi, other = checks.gpio(tmp_path, pins, lambda pin: "gpioset" if pin == 17 else "")
    assert i2c.text == "GPIO2 (rgb_led.red) belongs to I2C, which is turned on"
    assert spi.text == "GPIO10 (rgb_led.green) belongs to SPI, which is turned on"
    assert other.text == "GPIO17 (rgb_led.blue) is in use by 'gpioset'"
    assert verdicts([i2c, spi, other]) == [Verdict.BAD, Verdict.BAD, Verdict.WARNING]
    assert verdicts(list(checks.gpio(tmp_path / "none", {}, well_pin))) == [Verdict.GOOD]


def well_pin(pin: int) -> str:
    return ""


def test_a_display_is_what_is_plugged_in_or_a_desktop_or_a_framebuffer(tmp_path: Path) -> None:
    sysfs, dev = tmp_path / "sys", tmp_path / "dev"
    dev.mkdir()
    assert checks.display(sysfs, dev, True, False).verdict is Verdict.MISSING
    assert checks.display(sysfs, dev, False, False).verdict is Verdict.GOOD
    assert checks.display(sysfs, dev, True, True).verdict is Verdict.GOOD
    for socket, status in {"card1-HDMI-A-1": "disconnected", "card1-HDMI-A-2": "connected"}.items():
        (sysfs / "class/drm" / socket).mkdir(parents=True)
        (sysfs / "class/drm" / socket / "status").write_text(f"{status}\n")
    assert checks.display(sysfs, dev, True, False).text == "HDMI-A-2"
    (sysfs / "class/drm/card1-HDMI-A-2/status").write_text("disconnected\n")
    assert checks.display(sysfs, dev, True, False).text == "no display is plugged in"
    (dev / "fb0").touch()
    assert checks.display(sysfs, dev, True, False).verdict is Verdict.GOOD


@pytest.mark.parametrize(
    ("state", "supply", "heat"),
    [
        (BoardState(50.0, 0), Verdict.GOOD, Verdict.GOOD),
        (BoardState(None, None), Verdict.GOOD, Verdict.GOOD),
        (BoardState(50.0, 0x1), Verdict.WARNING, Verdict.GOOD),
        (BoardState(50.0, 0x10000), Verdict.WARNING, Verdict.GOOD),
        (BoardState(50.0, 0x80000), Verdict.GOOD, Verdict.WARNING),
        (BoardState(80.0, 0), Verdict.GOOD, Verdict.WARNING),
    ],
)
def test_supply_and_heat_are_told_apart(state: BoardState, supply: Verdict, heat: Verdict) -> None:
    assert verdicts(list(checks.power(state))) == [supply, heat]


def test_room_and_time_are_warnings_at_most() -> None:
    folder = Path("/var/lib/fer-pi")
    assert checks.room(folder, 10**9, True).text == "1.0 GB free at /var/lib/fer-pi"
    assert checks.room(folder, 10**7, True).verdict is Verdict.WARNING
    assert checks.room(folder, 10**9, False).verdict is Verdict.WARNING
    assert checks.clock(date(2026, 11, 22), date(2026, 11, 21), True).verdict is Verdict.GOOD
    assert checks.clock(date(2024, 1, 1), date(2026, 11, 21), False).verdict is Verdict.WARNING


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ([], 0),
        ([Verdict.GOOD, Verdict.WARNING], 0),
        ([Verdict.WARNING, Verdict.BAD], 1),
        ([Verdict.BAD, Verdict.MISSING, Verdict.GOOD], 69),
    ],
)
def test_the_exit_status_tells_missing_hardware_from_the_rest(found: list[Verdict], status: int) -> None:
    assert checks.exit_status(Finding("x", verdict, "") for verdict in found) == status


def test_whatever_is_not_good_has_a_cure(tmp_path: Path) -> None:
    """A complaint without a remedy helps nobody."""
    nothing = tmp_path / "none"
    found = [
        checks.processor("armv7l", 32),
        checks.python((3, 9)),
        *checks.packages({"numpy": "1.24"}, well),
        checks.configuration(nothing, ConfigError("x")),
        checks.groups([]),
        *checks.cameras([], True, lambda node: False),
        *checks.gpio(nothing, {17: "rgb_led.red"}, well_pin),
        checks.display(nothing, nothing, True, False),
        *checks.power(BoardState(90.0, 0xF000F)),
        checks.room(nothing, 0, True),
        checks.clock(date(1970, 1, 1), date(2026, 1, 1), False),
    ]
    assert all(finding.verdict is not Verdict.GOOD and finding.cure for finding in found)
