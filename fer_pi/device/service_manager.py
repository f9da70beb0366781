"""Tells systemd that the appliance is ready, what it is doing, and, with every reading, that it makes progress.

The protocol is that of sd_notify(3): datagrams of KEY=value lines to a Unix socket.
"""

import logging
import socket

from fer_pi.types import Reading, Status

log = logging.getLogger(__name__)


class ServiceManager:
    """Takes readings from the loop; a loop that makes none lets the watchdog of the unit expire."""

    def __init__(self, address: str) -> None:
        """`address` is what systemd puts into NOTIFY_SOCKET: a path, or a name in the abstract namespace after "@"."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        self._ready = False
        self._said = ""

    def offer(self, reading: Reading) -> None:
        """Report progress; readiness with the first reading that is more than "starting"."""
        lines = ["WATCHDOG=1"]
        ready = self._ready or reading.status is not Status.STARTING
        if ready and not self._ready:
            lines.append("READY=1")
        saying = _sentence(reading)
        if saying != self._said:
            lines.append(f"STATUS={saying}")
        if self._send(lines):  # else it is said again with the next reading
            self._ready, self._said = ready, saying

    def close(self) -> None:
        """Report that the end has begun; twice is fine."""
        if self._socket.fileno() >= 0:
            self._send(["STOPPING=1"])
            self._socket.close()

    def _send(self, lines: list[str]) -> bool:
        """Whether it was sent."""
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
            return True
        except OSError as error:  # the light must not go out because the service manager is busy or gone
            log.debug("the service manager was not reached: %s", error)
            return False


def _sentence(reading: Reading) -> str:
    """One line for `systemctl status`."""
    mood = f": {reading.mood.emotion}" if reading.mood.emotion else ""
    message = f" ({reading.message})" if reading.message else ""
    return f"{reading.status}{mood}{message}".replace("\n", " ")
