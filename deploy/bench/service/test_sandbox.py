"""The service is closed in: even if the code were wrong, there is no place for a picture and no way out for it."""

import errno
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.bench.container import Container
from deploy.bench.machine import CommandError
from deploy.bench.service.appliance import Appliance

PROBE = Path(__file__).parent / "probe.py"


def told(said: str) -> dict[str, Any]:
    """What the probe has found."""
    (line,) = (line for line in said.splitlines() if line.startswith("{"))
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.fixture
def network(machine: Container) -> Iterator[None]:
    """A cable from the machine to this computer, and somebody here who takes calls."""
    machine.connect("10.93.0.2/30", "10.93.0.1/30")
    with socket.socket() as somebody:
        try:
            somebody.bind(("10.93.0.1", 22))
            somebody.listen()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:  # this computer's sshd does as well
                raise
        yield


@pytest.fixture
def inside(appliance: Appliance, network: None) -> dict[str, Any]:
    """What a program finds that runs in the place of fer-pi, as its unit has it."""
    machine = appliance.machine
    machine.put(PROBE.read_bytes(), "/etc/fer-pi/probe.py")
    machine.run("mknod --mode=666 /dev/unlisted c 10 200; mknod --mode=666 /dev/listed c 10 229")
    machine.run("systemctl stop fer-pi; journalctl --rotate --vacuum-time=1s --quiet")
    appliance.alter(
        "Type=oneshot\nRestart=no\nWatchdogSec=0\nDeviceAllow=/dev/listed rw\n"
        "ExecStart=\nExecStart=/opt/fer-pi/bin/python /etc/fer-pi/probe.py"
    )
    return told(appliance.journal())


def test_a_picture_can_be_written_nowhere(inside: dict[str, Any]) -> None:
    """But in its own two folders, of which one is in memory; and even there not one of a useful size."""
    assert inside["written"] == {"16": ["/run/fer-pi", "/var/lib/private/fer-pi"], "32": []}


def test_there_is_no_way_out(inside: dict[str, Any]) -> None:
    assert inside["user"] != 0
    assert inside["passwords"] == "Permission denied"
    assert inside["unlisted device"] == "Operation not permitted"
    assert inside["listed device"] == "yes"
    assert "yes" not in (inside["network"], inside["this computer"])


def test_an_open_unit_would_be_found_out(appliance: Appliance, network: None) -> None:
    """The probe itself works: without the sandbox it does write, and does get out."""
    machine = appliance.machine
    machine.put(PROBE.read_bytes(), "/root/probe.py")
    machine.run("mknod --mode=666 /dev/unlisted c 1 3")
    outside = told(machine.run("cd / && python3 /root/probe.py"))
    assert {"/tmp", "/var/tmp", "/run", "/dev/shm", "/etc"} <= set(outside["written"]["32"])
    assert [outside[what] for what in ("passwords", "unlisted device", "network", "this computer")] == ["yes"] * 4


def test_systemd_finds_it_closed_in(appliance: Appliance) -> None:
    """The command fails if the unit is more open than 25 of 100."""
    said = appliance.machine.run("systemd-analyze security --no-pager --threshold=25 fer-pi.service")
    assert "Overall exposure level" in said


def test_the_state_is_for_the_service_alone(appliance: Appliance) -> None:
    with pytest.raises(CommandError, match="Permission denied"):
        appliance.machine.run("runuser -u pi -- ls /var/lib/fer-pi/")
