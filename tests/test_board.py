"""Temperature and power supply are read from where kernels show them, and missing ones are no error."""

from pathlib import Path

import pytest

from fer_pi.device.board import BoardState, board_state


def sysfs(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


def test_a_pi_tells_its_temperature_and_its_flags(tmp_path: Path) -> None:
    files = {
        "class/thermal/thermal_zone0/type": "gpu-thermal",
        "class/thermal/thermal_zone0/temp": "40000",
        "class/thermal/thermal_zone1/type": "cpu-thermal",
        "class/thermal/thermal_zone1/temp": "61850",
        "devices/platform/soc/soc:firmware/get_throttled": "50005",
    }
    state = board_state(sysfs(tmp_path, files))
    assert state == BoardState(61.85, 0x50005)
    assert state.now == ("under-voltage", "throttled")
    assert state.since_start == ("under-voltage", "throttled")


def test_what_was_wrong_once_is_not_wrong_now() -> None:
    assert BoardState(50.0, 0xD0000).now == ()
    assert BoardState(50.0, 0xD0000).since_start == ("under-voltage", "throttled", "soft temperature limit")


@pytest.mark.parametrize(("alarm", "flags"), [("1", 1), ("0", 0)])
def test_without_the_firmware_s_word_the_supply_s_driver_is_asked(tmp_path: Path, alarm: str, flags: int) -> None:
    files = {"class/hwmon/hwmon0/name": "cpu", "class/hwmon/hwmon1/name": "rpi_volt"}
    assert board_state(sysfs(tmp_path, files | {"class/hwmon/hwmon1/in0_lcrit_alarm": alarm})).flags == flags


def test_a_machine_that_tells_nothing_or_nonsense_is_unknown(tmp_path: Path) -> None:
    assert board_state(tmp_path) == BoardState(None, None)
    files = {
        "class/thermal/thermal_zone0/temp": "hot",
        "devices/platform/soc/soc:firmware/get_throttled": "none",
    }
    assert board_state(sysfs(tmp_path, files)) == BoardState(None, None)
    assert BoardState(None, None).now == ()


def test_frost_is_a_temperature(tmp_path: Path) -> None:
    assert board_state(sysfs(tmp_path, {"class/thermal/thermal_zone0/temp": "-5000"})).temperature_c == -5.0
