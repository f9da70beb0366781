"""`fer-pi doctor`: every check on this machine, with the cure for what it finds."""

import grp
import json
import os
import platform
import shutil
import struct
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import date
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fer_pi import checks
from fer_pi.chain import open_chain
from fer_pi.checks import Finding, Verdict
from fer_pi.config import Config, load_config
from fer_pi.device.board import SYSFS, board_state
from fer_pi.errors import CameraError, FerPiError
from fer_pi.paths import is_folder
from fer_pi.sources.listing import found_cameras
from fer_pi.sources.v4l2 import RUNNING, CameraNode

DEV = Path("/dev")

PACKAGES = (
    *("numpy", "opencv-python-headless", "opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless"),
    *("ai-edge-litert", "tflite-runtime", "pydantic", "pillow", "gpiozero", "lgpio", "simplejpeg", "picamera2"),
)

_SIGNS = {
    Verdict.GOOD: ("✓", "green"),
    Verdict.WARNING: ("!", "yellow"),
    Verdict.BAD: ("✗", "bold red"),
    Verdict.MISSING: ("✗", "bold red"),
}


def findings(config_path: Path, state: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    """What each check finds on this machine, for the configuration at `config_path`."""
    yield checks.processor(platform.machine(), 8 * struct.calcsize("P"))
    yield checks.python((sys.version_info.major, sys.version_info.minor))
    yield from checks.packages({name: _installed(name) for name in PACKAGES}, _import_problem)
    config: Config | None = None
    try:
        config = load_config(config_path)
        open_chain(config)
        yield checks.configuration(config_path, None)
    except FerPiError as error:
        yield checks.configuration(config_path, error)
    yield checks.groups([group.gr_name for group in grp.getgrall()])
    yield checks.permissions(DEV, checks.may_open, _group)
    kind = config.camera.kind if config else "auto"
    yield from checks.cameras(found_cameras(), kind in ("auto", "webcam", "pi_camera"), _is_busy)
    yield from checks.gpio(DEV, _pins(config), _pin_user)
    screen = any(output.kind == "screen" for output in config.outputs) if config else False
    desktop = any(environment.get(name) for name in ("WAYLAND_DISPLAY", "DISPLAY"))
    yield checks.display(SYSFS, DEV, screen, desktop)
    yield from checks.power(board_state())
    folder = nearest_folder(state)
    yield checks.room(folder, shutil.disk_usage(folder).free, not os.statvfs(folder).f_flag & os.ST_RDONLY)
    installed = date.fromtimestamp(Path(__file__).stat().st_mtime)
    synchronized = Path("/run/systemd/timesync/synchronized").exists()
    yield checks.clock(date.today(), installed, synchronized)


def nearest_folder(path: Path) -> Path:
    """The folder `path`, or the nearest above it that can be seen."""
    return next(folder for folder in (path, *path.parents) if is_folder(folder))


def print_findings(found: list[Finding], as_json: bool) -> None:
    """For people, in colour, or as JSON."""
    if as_json:
        print(json.dumps([asdict(finding) for finding in found], indent=2))
    else:
        Console(highlight=False).print(findings_table(found))


def findings_table(found: list[Finding]) -> Table:
    """A row each: sign, what it is about, what was found, and below it the cure."""
    table = Table.grid(padding=(0, 1))
    for finding in found:
        sign, style = _SIGNS[finding.verdict]
        text = Text(finding.text)
        if finding.cure:
            text.append(f"\n→ {finding.cure}", style="cyan")
        table.add_row(Text(sign, style=style), Text(finding.about, style="bold"), text)
    return table


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _import_problem(module: str) -> str:
    try:
        import_module(module)
    except Exception as error:  # whatever it is that keeps a library from loading is what is looked for
        return " ".join(str(error).split()) or type(error).__name__
    return ""


def _group(path: Path) -> str:
    with suppress(OSError, KeyError):
        return path.group()
    return "root"


def _is_busy(node: CameraNode) -> bool:
    if node.kind != "webcam":
        return False
    try:
        return RUNNING.is_busy(Path(node.path))
    except CameraError:
        return False


def _pins(config: Config | None) -> dict[int, str]:
    if config is None:
        return {}
    pins = {pin: f"{output.kind}.{option}" for output in config.outputs for pin, option in output.pins()}
    return pins | {pin: f"privacy.{option}" for pin, option in config.privacy.pins()}


def _pin_user(pin: int) -> str:
    """Who holds a pin of the first GPIO chip, as far as lgpio can tell."""
    with suppress(Exception):  # lgpio.error is a plain Exception; where it cannot tell, nothing is said
        lgpio: Any = import_module("lgpio")
        handle = lgpio.gpiochip_open(0)
        try:
            _, _, flags, _, user = lgpio.gpio_get_line_info(handle, pin)
            return str(user or "the kernel") if flags & 1 else ""
        finally:
            lgpio.gpiochip_close(handle)
    return ""
