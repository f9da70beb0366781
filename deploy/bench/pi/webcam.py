"""A USB webcam for the emulated computer: it shows any pictures, can be pulled out, and can break as real ones do."""

import threading
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from deploy.bench.pi import uvc
from deploy.bench.pi.usbredir import Port, Setup, Wanted

Jpegs = Callable[[int], bytes]
"""The picture of that number, as JPEG of 640 x 480."""


class Fault(StrEnum):
    """What can be wrong with a webcam that is plugged in."""

    NONE = "none"
    SILENT = "silent"
    """It sends nothing any more."""
    GARBAGE = "garbage"
    """Its pictures are cut off and full of holes."""
    STILL = "still"
    """It sends the same picture for ever."""


class Webcam:
    """At the end of the cable to a `Port`; it is streamed from in a thread of its own."""

    identity = uvc.IDENTITY
    interfaces = uvc.INTERFACES
    bulk_in = uvc.BULK_IN
    bulk_packet = uvc.BULK_PACKET

    def __init__(self, socket: Path, jpegs: Jpegs, serial: str = "0001") -> None:
        """`socket` is where QEMU will look for it."""
        self.jpegs = jpegs
        """May be changed at any time."""
        self.fault = Fault.NONE
        """May be changed at any time."""
        self.sent = 0
        """Pictures sent so far."""
        self._rate_hz = 0.0
        self._closed = threading.Event()
        self._answers = uvc.Answers(serial, self._stream)
        self._port = Port(socket, self)
        threading.Thread(target=self._pump, name=f"webcam {serial}", daemon=True).start()

    @property
    def streaming(self) -> bool:
        """Whether the computer has asked for pictures."""
        return self._rate_hz > 0

    def plug(self) -> None:
        """Put the cable in."""
        self._port.plug()

    def unplug(self) -> None:
        """Pull the cable out."""
        self._port.unplug()

    def control(self, setup: Setup, data: bytes) -> bytes | None:
        """For the port: the answer to a request."""
        return self._answers.to(setup, data)

    def stopped(self) -> None:
        """For the port: nobody wants pictures any more."""
        self._rate_hz = 0.0

    def close(self) -> None:
        """Throw it away; twice is fine."""
        self._closed.set()
        self._port.close()

    def _stream(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz

    def _pump(self) -> None:
        """Send pictures at the rate that was agreed upon, as long as they are wanted."""
        due = time.monotonic()
        toggle = 0
        while not self._closed.is_set():
            rate_hz = self._rate_hz
            if not rate_hz or self.fault is Fault.SILENT:
                self._closed.wait(0.01)
                due = time.monotonic()
                continue
            # A computer that takes them too slowly gets fewer, not later ones.
            due = max(due + 1 / rate_hz, time.monotonic() - 1 / rate_hz)
            self._closed.wait(max(0.0, due - time.monotonic()))
            toggle ^= 1
            self._send(self._picture(), toggle)

    def _picture(self) -> bytes:
        number = self.sent
        if self.fault is not Fault.STILL:
            self.sent = number + 1
        jpeg = self.jpegs(number)
        return jpeg[: len(jpeg) // 3] + bytes(len(jpeg) // 8) if self.fault is Fault.GARBAGE else jpeg

    def _send(self, jpeg: bytes, toggle: int) -> None:
        room = uvc.PAYLOAD_MAX - 2
        pieces = [jpeg[at : at + room] for at in range(0, len(jpeg), room)]
        for piece in pieces:
            wanted = self._next_wanted()
            if wanted is None:
                return
            last = piece is pieces[-1]
            # Payload header (table 2-6): its length, then 0x80, whether the picture ends here, and which one it is.
            self._port.send_bulk(wanted, bytes([2, 0x80 | last << 1 | toggle]) + piece)

    def _next_wanted(self) -> Wanted | None:
        """The next piece that the computer waits for; None once it does not want any."""
        while self._rate_hz and not self._closed.is_set():
            if wanted := self._port.next_wanted(0.1):
                return wanted
        return None
