"""systemd hears when the appliance is ready, what it does, and that it makes progress."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_pi.device.service_manager import ServiceManager
from fer_pi.types import Emotion, Mood, Reading, Status


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(1)
        yield listening


def reading(status: Status, emotion: Emotion | None = None, message: str = "") -> Reading:
    return Reading(status, Mood(emotion, 0.0, 0.0), 0.0, message=message)


def heard(systemd: socket.socket, count: int) -> list[list[str]]:
    return [systemd.recv(4096).decode().split("\n") for _ in range(count)]


def test_ready_is_said_once_and_not_while_starting(systemd: socket.socket, tmp_path: Path) -> None:
    manager = ServiceManager(str(tmp_path / "notify"))
    for status in (Status.STARTING, Status.NO_CAMERA, Status.WATCHING, Status.WATCHING):
        manager.offer(reading(status))
    manager.close()
    assert heard(systemd, 5) == [
        ["WATCHDOG=1", "STATUS=starting"],
        ["WATCHDOG=1", "READY=1", "STATUS=no camera"],
        ["WATCHDOG=1", "STATUS=watching"],
        ["WATCHDOG=1"],
        ["STOPPING=1"],
    ]


def test_the_status_names_mood_and_message_in_one_line(systemd: socket.socket, tmp_path: Path) -> None:
    manager = ServiceManager(str(tmp_path / "notify"))
    manager.offer(reading(Status.WATCHING, Emotion.FEAR, "screen:\nunplugged"))
    manager.close()
    assert heard(systemd, 1)[0][-1] == "STATUS=watching: fear (screen: unplugged)"


def test_a_service_manager_that_has_gone_stops_nothing(tmp_path: Path) -> None:
    manager = ServiceManager(str(tmp_path / "nobody listens here"))
    manager.offer(reading(Status.WATCHING))
    manager.close()
    manager.close()


def test_an_abstract_address_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0fer-pi-test-notify")
        listening.settimeout(1)
        manager = ServiceManager("@fer-pi-test-notify")
        manager.offer(reading(Status.NOBODY))
        manager.close()
        assert b"READY=1" in listening.recv(4096)


def test_what_a_busy_service_manager_did_not_hear_is_said_again(systemd: socket.socket, tmp_path: Path) -> None:
    """Its queue holds few messages; that it is ready must not be lost, or the start is taken to have failed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as other:
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                other.sendto(b"WATCHDOG=1", str(tmp_path / "notify"))
                sent += 1
    manager = ServiceManager(str(tmp_path / "notify"))
    manager.offer(reading(Status.WATCHING))
    heard(systemd, sent)
    manager.offer(reading(Status.WATCHING))
    said = heard(systemd, 1)
    manager.close()
    assert said == [["WATCHDOG=1", "READY=1", "STATUS=watching"]]
