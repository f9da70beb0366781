"""What must be right for the appliance to work: each thing looked at by one small function over what it is given."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from fer_pi.device.board import BoardState
from fer_pi.errors import FerPiError
from fer_pi.sources.v4l2 import CameraNode


class Verdict(StrEnum):
    """How a check ended."""

    GOOD = "good"
    WARNING = "warning"
    """It works, but something is not as it should be."""
    BAD = "bad"
    """It cannot work so."""
    MISSING = "missing"
    """Bad, for want of hardware."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    about: str
    verdict: Verdict
    text: str
    cure: str = ""
    """What to do about it; empty where there is nothing to do."""


GROUPS = ("video", "render", "gpio", "input")
"""The groups that systemd/fer-pi.service asks for; it does not start where one does not exist."""

_INTERFACES = (
    ("i2c-1", "I2C", (2, 3)),
    ("spidev0.0", "SPI", (8, 9, 10, 11)),
    ("spidev0.1", "SPI", (7,)),
    ("serial0", "the serial port", (14, 15)),
)
"""Device, name and pins (BCM) of what can be turned on in a Pi's config.txt."""

_LITTLE_ROOM = 50_000_000
_HOT_C = 80.0
"""At 80 to 85 °C the firmware of a Pi begins to slow the processor down."""


def processor(machine: str, bits: int) -> Finding:
    """`machine` as `uname -m` has it, `bits` of this Python."""
    about = "processor"
    if bits == 64:
        return Finding(about, Verdict.GOOD, f"{machine}, 64 bit")
    cure = "install Raspberry Pi OS (64-bit); there is no inference library for 32 bit"
    return Finding(about, Verdict.BAD, f"{machine} with a {bits}-bit system", cure)


def python(version: tuple[int, int]) -> Finding:
    """Python's version."""
    said = "Python {}.{}".format(*version)
    if version >= (3, 11):
        return Finding("python", Verdict.GOOD, said)
    return Finding(
        "python", Verdict.BAD, f"{said} is too old", "use Python 3.11 or newer, as Bookworm and Trixie have it"
    )


def packages(versions: Mapping[str, str | None], imports: Callable[[str], str]) -> Iterator[Finding]:
    """Which installed packages do not go together.

    `versions` has None for those that are not installed; `imports` tries to import a module and returns what is wrong.
    """
    there = {name: _version(version) for name, version in versions.items() if version}
    clashes = list(_clashes(there))
    for package, module in {"opencv": "cv2", "simplejpeg": "simplejpeg", "picamera2": "picamera2"}.items():
        installed = any(name.startswith(package) for name in there)
        if installed and (problem := imports(module)):
            cure = "make the versions those of deploy/constraints-*.txt"
            if "dtype size changed" in problem or "NumPy 1.x" in problem or "multiarray" in problem:
                cure = f"{module} was built for another NumPy: pip install 'numpy<2' beside apt's python3-picamera2"
            clashes.append(Finding("packages", Verdict.BAD, f"{module} cannot be imported: {problem}", cure))
    yield from clashes
    if not clashes:
        named = (f"{name} {version}" for name, version in versions.items() if version)
        yield Finding("packages", Verdict.GOOD, ", ".join(named))


def _clashes(there: Mapping[str, tuple[int, ...]]) -> Iterator[Finding]:
    about, bad = "packages", Verdict.BAD
    numpy = there.get("numpy", (0,))
    opencvs = sorted(name for name in there if name.startswith("opencv"))
    if len(opencvs) > 1:
        cure = f"pip uninstall {' '.join(opencvs)}, then pip install opencv-python-headless"
        yield Finding(about, bad, f"{' and '.join(opencvs)} overwrite each other", cure)
    if any(there[name] >= (4, 12) for name in opencvs) and numpy < (2,):
        yield Finding(about, bad, "OpenCV 4.12 and later need NumPy 2", "pip install 'opencv-python-headless<4.12'")
    if not {"ai-edge-litert", "tflite-runtime"} & set(there):
        yield Finding(about, bad, "no runtime for the emotion model", "pip install ai-edge-litert")
    elif "ai-edge-litert" not in there and numpy >= (2,):
        cure = "pip install ai-edge-litert, or 'numpy<2'"
        yield Finding(about, bad, "tflite-runtime was built for NumPy 1", cure)
    if (0,) < there.get("lgpio", (0,)) < (0, 2):
        cure = "pip uninstall lgpio; sudo apt install python3-lgpio, with a venv made by --system-site-packages"
        yield Finding(about, bad, "this lgpio is an empty shell of the real one", cure)


def configuration(path: Path, error: FerPiError | None) -> Finding:
    """`error` is what reading it and opening its models raised."""
    if error is None:
        return Finding("configuration", Verdict.GOOD, f"{path}, models intact")
    return Finding("configuration", Verdict.BAD, str(error), "mend it; `fer-pi check` says whether it is good")


def groups(known: Collection[str]) -> Finding:
    """Whether the groups of the service exist; `known` are those of this machine."""
    lacking = [name for name in GROUPS if name not in known]
    if not lacking:
        return Finding("groups", Verdict.GOOD, f"{', '.join(GROUPS)} exist")
    cure = "; ".join(f"sudo groupadd --system {name}" for name in lacking)
    return Finding("groups", Verdict.WARNING, f"no group {', '.join(lacking)}: the service would not start", cure)


def permissions(dev: Path, may: Callable[[Path], bool], owner: Callable[[Path], str]) -> Finding:
    """Whether this user may open the devices; `owner` is the name of a file's group. The service has its own groups."""
    nodes = [path for kind in ("video*", "gpiochip*", "dri/card*", "fb0") for path in sorted(dev.glob(kind))]
    refused = [path for path in nodes if not may(path)]
    if not refused:
        return Finding("permissions", Verdict.GOOD, f"{len(nodes)} devices may be opened" if nodes else "no devices")
    wanted = sorted({owner(path) for path in refused})
    text = f"you may not open {', '.join(map(str, refused))}"
    return Finding(
        "permissions", Verdict.WARNING, text, f"sudo usermod -aG {','.join(wanted)} $USER, then log in again"
    )


def cameras(found: Collection[CameraNode], wants_one: bool, busy: Callable[[CameraNode], bool]) -> Iterator[Finding]:
    """The cameras with what they can give; `wants_one`: the configuration looks at a camera, not at a file."""
    if not found:
        verdict = Verdict.MISSING if wants_one else Verdict.GOOD
        cure = "plug in a webcam; for a ribbon cable: sudo apt install python3-picamera2, `rpicam-hello --list-cameras`"
        yield Finding("camera", verdict, "no camera is there", cure if wants_one else "")
    for node in found:
        best = max(node.formats, key=lambda one: one.width * one.height, default=None)
        text = f"{node.title}{f', up to {best}' if best else ''}"
        if busy(node):
            cure = f"`fuser -v {node.path}` names the program; that is right if it is the running fer-pi"
            yield Finding("camera", Verdict.WARNING, f"{text}: in use", cure)
        else:
            yield Finding("camera", Verdict.GOOD, text)


def gpio(dev: Path, pins: Mapping[int, str], user: Callable[[int], str]) -> Iterator[Finding]:
    """The GPIO chip and the configured `pins` (BCM number -> option); `user` names who holds a pin, "" for nobody."""
    about = "gpio"
    if not pins:
        yield Finding(about, Verdict.GOOD, "not used by the configuration")
        return
    if not list(dev.glob("gpiochip*")):
        options = ", ".join(pins.values())
        cure = f"is this a Raspberry Pi? else take what has pins out of the configuration: {options}"
        yield Finding(about, Verdict.MISSING, f"there is no {dev}/gpiochip*", cure)
        return
    good = True
    for device, name, taken in _INTERFACES:
        shared = [f"GPIO{pin} ({pins[pin]})" for pin in taken if pin in pins]
        if shared and (dev / device).exists():
            good = False
            cure = "choose other pins, or turn it off with `sudo raspi-config`, Interface Options"
            yield Finding(about, Verdict.BAD, f"{', '.join(shared)} belongs to {name}, which is turned on", cure)
    for pin, option in pins.items():
        if holder := user(pin):
            good = False
            cure = "stop that program, or choose another pin; that is right if it is the running fer-pi"
            yield Finding(about, Verdict.WARNING, f"GPIO{pin} ({option}) is in use by {holder!r}", cure)
    if good:
        yield Finding(about, Verdict.GOOD, f"{', '.join(f'GPIO{pin}' for pin in pins)} are free")


def display(sysfs: Path, dev: Path, wanted: bool, desktop: bool) -> Finding:
    """Something to show pictures on; `desktop`: there is one that this user is logged in to."""
    about = "display"
    if not wanted:
        return Finding(about, Verdict.GOOD, "not used by the configuration")
    sockets = sorted((sysfs / "class/drm").glob("card*-*/status"))
    plugged = [path.parent.name.partition("-")[2] for path in sockets if _text(path) == "connected"]
    if plugged or desktop:
        return Finding(about, Verdict.GOOD, ", ".join(plugged) or "a desktop")
    if (dev / "fb0").exists():
        return Finding(about, Verdict.GOOD, f"{dev}/fb0")
    cure = "plug the display in and turn it on; on a Pi dtoverlay=vc4-kms-v3d must stand in /boot/firmware/config.txt"
    return Finding(about, Verdict.MISSING, "no display is plugged in" if sockets else "there is no display", cure)


def power(state: BoardState) -> Iterator[Finding]:
    """Supply and heat."""
    about = "power"
    if "under-voltage" in state.since_start or "under-voltage" in state.now:
        when = "now" if "under-voltage" in state.now else "since the start"
        cure = "use the official supply with its own cable, and take power-hungry devices off the USB sockets"
        yield Finding(about, Verdict.WARNING, f"under-voltage {when}", cure)
    elif state.flags is None:
        yield Finding(about, Verdict.GOOD, "nothing here tells of the supply")
    else:
        yield Finding(about, Verdict.GOOD, "no under-voltage since the start")
    warm = "unknown" if state.temperature_c is None else f"{state.temperature_c:.0f} °C"
    slowed = [word for word in (*state.now, *state.since_start) if word != "under-voltage"]
    if slowed or (state.temperature_c or 0) >= _HOT_C:
        cure = "give it air: a heat sink or a fan, no closed box, no sun"
        yield Finding("heat", Verdict.WARNING, ", ".join(dict.fromkeys([warm, *slowed])), cure)
    else:
        yield Finding("heat", Verdict.GOOD, warm)


def room(folder: Path, free_bytes: int, may_write: bool) -> Finding:
    """Room for the last good configuration; the appliance goes on without."""
    if not may_write:
        cure = "nothing to do if the root is read-only on purpose; else see `dmesg` for errors of the card"
        return Finding("disk", Verdict.WARNING, f"{folder} cannot be written", cure)
    if free_bytes < _LITTLE_ROOM:
        cure = "sudo apt clean; sudo journalctl --vacuum-size=50M"
        return Finding("disk", Verdict.WARNING, f"only {free_bytes / 1e6:.0f} MB free at {folder}", cure)
    return Finding("disk", Verdict.GOOD, f"{free_bytes / 1e9:.1f} GB free at {folder}")


def clock(today: date, installed: date, synchronized: bool) -> Finding:
    """The time of day, which only the event log uses; `installed` is when fer_pi was, and no day before it can be."""
    if today < installed:
        cure = "connect it to a network once, or add a real-time clock; moods do not depend on it"
        return Finding("clock", Verdict.WARNING, f"it is {today}, before fer-pi was installed", cure)
    return Finding("clock", Verdict.GOOD, f"{today}, {'' if synchronized else 'not '}synchronized")


def exit_status(findings: Iterable[Finding]) -> int:
    """69 when hardware is missing, 1 for anything else that is bad, 0 if it can work."""
    verdicts = {finding.verdict for finding in findings}
    return 69 if Verdict.MISSING in verdicts else int(Verdict.BAD in verdicts)


def may_open(path: Path) -> bool:
    """Whether this user may read and write `path`."""
    return os.access(path, os.R_OK | os.W_OK)


def _version(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: "4.11.0.86" -> (4, 11, 0, 86)."""
    numbers = []
    for part in text.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
