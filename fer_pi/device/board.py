"""How warm the board is, and whether its power supply keeps up, as its kernel tells."""

from dataclasses import dataclass
from pathlib import Path

SYSFS = Path("/sys")

FLAGS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
"""Bits 0 to 3 of the Raspberry Pi firmware's get_throttled are now, bits 16 to 19 since the start."""

UNDER_VOLTAGE = 1 << 0
SLOWED = 1 << 1 | 1 << 2 | 1 << 3
"""The firmware slows the processor down by itself."""


@dataclass(frozen=True, slots=True)
class BoardState:
    """The board at one moment."""

    temperature_c: float | None = None
    """Of the processor, in degrees Celsius; None if nothing tells."""
    flags: int | None = None
    """The bits of get_throttled; None where there is no such thing, as on a PC."""

    @property
    def now(self) -> tuple[str, ...]:
        """What is wrong right now, in words."""
        return _words(self.flags or 0)

    @property
    def since_start(self) -> tuple[str, ...]:
        """What has been wrong at any time since the board was switched on."""
        return _words((self.flags or 0) >> 16)


def board_state(sysfs: Path = SYSFS) -> BoardState:
    """What the files under `sysfs` say; what they do not say is None."""
    return BoardState(_temperature_c(sysfs), _flags(sysfs))


def _temperature_c(sysfs: Path) -> float | None:
    """Of the zone of the processor, else of the first one."""
    zones = sorted((sysfs / "class/thermal").glob("thermal_zone*"))
    zones.sort(key=lambda zone: "cpu" not in _read(zone / "type"))
    for zone in zones:
        text = _read(zone / "temp")
        if text.removeprefix("-").isdecimal():
            return int(text) / 1000
    return None


def _flags(sysfs: Path) -> int | None:
    for path in sorted((sysfs / "devices/platform").glob("*/*firmware*/get_throttled")):
        try:
            return int(_read(path), 16)
        except ValueError:
            continue
    # Where the firmware's word is not shown, the kernel's driver of the supply still knows of under-voltage.
    for monitor in sorted((sysfs / "class/hwmon").glob("hwmon*")):
        if _read(monitor / "name") == "rpi_volt" and (alarm := _read(monitor / "in0_lcrit_alarm")):
            return UNDER_VOLTAGE if alarm == "1" else 0
    return None


def _words(bits: int) -> tuple[str, ...]:
    return tuple(word for bit, word in enumerate(FLAGS) if bits & 1 << bit)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
