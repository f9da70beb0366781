"""The units are good in systemd's eyes, closed in tightly, and start what there is to start."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from fer_pi.cli import commands
from fer_pi.config_choice import LAST_GOOD
from fer_pi.shipped import shipped

UNITS = Path(__file__).parent.parent / "systemd"
SERVICE = UNITS / "fer-pi.service"
NAMES = sorted(path.name for path in UNITS.glob("*.service"))

MOST_EXPOSED = 2.5
"""What `systemd-analyze security` may find at most, of 10."""

analyzes = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")


def lines(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


def analyzed(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What systemd-analyze says of the units, as if fer-pi were installed."""
    for name in NAMES:
        text = (UNITS / name).read_text()
        text = text.replace("/opt/fer-pi/bin/fer-pi", str(shutil.which("true")))
        (folder / name).write_text(text.replace("/usr/bin/systemctl", str(shutil.which("true"))))
    command = ["systemd-analyze", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@analyzes
@pytest.mark.parametrize("name", NAMES)
def test_systemd_has_nothing_to_complain_of(tmp_path: Path, name: str) -> None:
    done = analyzed(tmp_path, "verify", f"./{name}")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@analyzes
@pytest.mark.parametrize("name", NAMES)
def test_it_is_closed_in(tmp_path: Path, name: str) -> None:
    done = analyzed(tmp_path, "security", "--offline=yes", f"--threshold={10 * MOST_EXPOSED:.0f}", f"./{name}")
    assert "Overall exposure level" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout[-500:]


@analyzes
def test_an_open_one_is_found(tmp_path: Path) -> None:
    (tmp_path / "open.service").write_text("[Service]\nExecStart=/bin/true\n")
    assert analyzed(tmp_path, "security", "--offline=yes", "--threshold=25", "./open.service").returncode != 0


@pytest.mark.parametrize("name", NAMES)
def test_what_it_starts_is_a_command_with_options_that_exist(name: str) -> None:
    for line in lines(UNITS / name, "ExecStart"):
        program, *arguments = shlex.split(line)
        assert program == "/opt/fer-pi/bin/fer-pi"
        called = next(argument for argument in arguments if not argument.startswith("-"))
        rest = arguments[arguments.index(called) + 1 :]
        commands.commands[called].make_context(called, rest).close()  # raises UsageError for what it does not know


def test_a_picture_has_no_room_in_what_the_service_may_write_and_its_own_files_have() -> None:
    (limit,) = lines(SERVICE, "LimitFSIZE")
    assert limit.endswith("K")
    most = 1024 * int(limit.removesuffix("K"))
    assert most < 320 * 240
    assert shipped("config.yaml").stat().st_size < most / 2, f"{LAST_GOOD} would not fit"
    assert lines(SERVICE, "LimitCORE") == ["0"]
    assert lines(SERVICE, "ProtectSystem") == ["strict"]
    # What ProtectSystem=strict leaves open to everybody; the bench tries every folder there is.
    (closed,) = lines(SERVICE, "ReadOnlyPaths")
    assert {"/tmp", "/var/tmp", "/run", "-/dev/shm", "-/dev/mqueue"} <= set(closed.split())
    assert not lines(SERVICE, "ReadWritePaths")


def test_what_it_may_open_is_known_before_it_starts() -> None:
    """systemd looks up the number of a class when the service starts; that of an absent driver is never allowed."""
    drivers = {
        "video4linux": "videodev",
        "media": "videodev",
        "drm": "drm",
    }  # the media class comes along with videodev
    built_in = {"dma_heap", "gpiochip", "fb"}
    classes = {line.removeprefix("char-").split()[0] for line in lines(SERVICE, "DeviceAllow") if line[0] != "/"}
    assert classes == {*drivers, *built_in}
    for line in lines(SERVICE, "Wants"), lines(SERVICE, "After"):
        assert {f"modprobe@{drivers[name]}.service" for name in classes - built_in} <= set(" ".join(line).split())


def test_an_appliance_never_gives_up() -> None:
    assert lines(SERVICE, "StartLimitIntervalSec") == ["0"]
    assert lines(SERVICE, "Restart") == ["always"]
    assert lines(SERVICE, "RestartPreventExitStatus") == ["78"]
    assert "network-online" not in SERVICE.read_text()


def test_what_it_keeps_and_tells_lies_where_the_commands_look() -> None:
    assert lines(SERVICE, "StateDirectory") == lines(SERVICE, "RuntimeDirectory") == ["fer-pi"]
