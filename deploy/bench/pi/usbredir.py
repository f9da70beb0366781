"""A USB port of the emulated computer, and the cable to it: QEMU's side of usbredir, for a device made of Python.

The protocol is that of usbredir (docs/usb-redirection-protocol.md of its source): packets with a type, a length, an id
and a body, all little-endian.
"""

import logging
import queue
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Protocol

log = logging.getLogger(__name__)


class Packet(IntEnum):
    """What a packet is about."""

    HELLO = 0
    CONNECT = 1
    DISCONNECT = 2
    RESET = 3
    INTERFACES = 4
    ENDPOINTS = 5
    SET_CONFIGURATION = 6
    GET_CONFIGURATION = 7
    CONFIGURATION = 8
    SET_ALTERNATE = 9
    GET_ALTERNATE = 10
    ALTERNATE = 11
    CANCEL = 21
    CONTROL = 100
    BULK = 101


# Bits of what each side can do.
CONNECT_WITH_VERSION, ENDPOINTS_WITH_SIZE, LONG_IDS, LONG_BULK = 1 << 1, 1 << 4, 1 << 5, 1 << 6
ABILITIES = CONNECT_WITH_VERSION | ENDPOINTS_WITH_SIZE | LONG_IDS | LONG_BULK

DONE, CANCELLED, STALLED = 0, 1, 4
HIGH_SPEED = 2
CONTROL_TYPE, BULK_TYPE, NO_TYPE = 0, 2, 255


@dataclass(frozen=True, slots=True)
class Setup:
    """A control request, as chapter 9 of the USB specification has it."""

    kind: int
    """bmRequestType."""
    request: int
    value: int
    index: int
    length: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A piece of bulk data that the computer is ready to take."""

    id: int
    size: int


class Device(Protocol):
    """What is at the other end of the cable."""

    identity: tuple[int, int, int]
    """Vendor, product, version."""
    interfaces: tuple[tuple[int, int, int], ...]
    """Class, subclass and protocol of each."""
    bulk_in: int
    """The one endpoint beside the control endpoint, 0x81..0x8f, of the last interface."""
    bulk_packet: int
    """Its wMaxPacketSize."""

    def control(self, setup: Setup, data: bytes) -> bytes | None:
        """The answer to a request, b"" for one that sends `data`; None refuses it."""

    def stopped(self) -> None:
        """The computer has reset the device, or the cable is out."""


class Port:
    """Listens on a Unix socket for QEMU, and puts `device` into its port whenever `plugged` is set."""

    def __init__(self, path: Path, device: Device) -> None:
        self.path = path
        self._wanted: queue.Queue[Wanted] = queue.Queue()
        self._device = device
        self._plugged = False
        self._greeted = False
        self._long_ids = False
        self._cancelled: set[int] = set()
        self._link: socket.socket | None = None
        self._lock = threading.RLock()
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        threading.Thread(target=self._serve, name=f"usb {path.name}", daemon=True).start()

    @property
    def plugged(self) -> bool:
        """Whether the cable is in."""
        return self._plugged

    def plug(self) -> None:
        """Put the cable in; a computer that is switched off will find it."""
        with self._lock:
            if not self._plugged:
                self._plugged = True
                if self._greeted:
                    self._announce()

    def unplug(self) -> None:
        """Pull the cable out."""
        with self._lock:
            if self._plugged:
                self._plugged = False
                self._forget()
                self._send(Packet.DISCONNECT, b"")

    def next_wanted(self, timeout_s: float) -> Wanted | None:
        """The piece of data that the computer has been waiting for longest; None if there was none in that time."""
        try:
            return self._wanted.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def send_bulk(self, wanted: Wanted, data: bytes) -> None:
        """Give the computer a piece that it waits for."""
        with self._lock:
            if wanted.id in self._cancelled:
                self._cancelled.discard(wanted.id)
            elif self._plugged:
                self._answer_bulk(wanted.id, DONE, data)

    def close(self) -> None:
        """Stop listening; twice is fine."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._link:
            self._link.close()
        self.path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._link, self._greeted, self._long_ids = link, False, False
                self._send(Packet.HELLO, b"fer_pi bench".ljust(64, b"\0") + struct.pack("<I", ABILITIES))
            try:
                while True:
                    kind, length = struct.unpack("<II", _received(link, 8))
                    (number,) = struct.unpack(
                        *(("<Q", _received(link, 8)) if self._long_ids else ("<I", _received(link, 4)))
                    )
                    self._take(kind, number, _received(link, length))
            except OSError as error:
                log.debug("the computer at %s is gone: %s", self.path.name, error)
            with self._lock:
                self._link, self._greeted = None, False
                self._forget()
            link.close()

    def _take(self, kind: int, number: int, body: bytes) -> None:
        with self._lock:
            match kind:
                case Packet.HELLO:
                    abilities = struct.unpack_from("<I", body, 64)[0] if len(body) >= 68 else 0
                    self._greeted, self._long_ids = True, bool(abilities & LONG_IDS)
                    if self._plugged:
                        self._announce()
                case Packet.RESET:
                    self._forget()
                case Packet.SET_CONFIGURATION:
                    self._describe()
                    self._send(Packet.CONFIGURATION, bytes([DONE, body[0]]), number)
                case Packet.GET_CONFIGURATION:
                    self._send(Packet.CONFIGURATION, bytes([DONE, 1]), number)
                case Packet.SET_ALTERNATE:
                    self._send(Packet.ALTERNATE, bytes([DONE, body[0], body[1]]), number)
                case Packet.GET_ALTERNATE:
                    self._send(Packet.ALTERNATE, bytes([DONE, body[0], 0]), number)
                case Packet.CANCEL:
                    self._cancelled.add(number)
                    self._answer_bulk(number, CANCELLED, b"")
                case Packet.CONTROL:
                    self._answer_control(number, body)
                case Packet.BULK:
                    _, _, low, _, high = struct.unpack_from("<BBHIH", body)
                    self._wanted.put(Wanted(number, low | high << 16))

    def _answer_control(self, number: int, body: bytes) -> None:
        endpoint, request, kind, _, value, index, length = struct.unpack_from("<BBBBHHH", body)
        answer = self._device.control(Setup(kind, request, value, index, length), body[10:])
        status, answer = (STALLED, b"") if answer is None else (DONE, answer[:length])
        length = len(answer) if kind & 0x80 else length
        head = struct.pack("<BBBBHHH", endpoint, request, kind, status, value, index, length)
        self._send(Packet.CONTROL, head + answer, number)

    def _answer_bulk(self, number: int, status: int, data: bytes) -> None:
        size = len(data)
        head = struct.pack("<BBHIH", self._device.bulk_in, status, size & 0xFFFF, 0, size >> 16)
        self._send(Packet.BULK, head + data, number)

    def _announce(self) -> None:
        """Tell the computer that something was plugged in."""
        self._forget()
        self._describe()
        vendor, product, version = self._device.identity
        # 0xEF, 2, 1: what it is stands in the descriptors of its interfaces.
        self._send(Packet.CONNECT, struct.pack("<BBBBHHH", HIGH_SPEED, 0xEF, 2, 1, vendor, product, version))

    def _describe(self) -> None:
        interfaces = self._device.interfaces
        rows = [bytes(range(len(interfaces))), *(bytes(column) for column in zip(*interfaces, strict=True))]
        self._send(
            Packet.INTERFACES, struct.pack("<I", len(interfaces)) + b"".join(row.ljust(32, b"\0") for row in rows)
        )
        types, owners, sizes = [NO_TYPE] * 32, [0] * 32, [0] * 32
        types[0] = types[16] = CONTROL_TYPE
        sizes[0] = sizes[16] = 64
        bulk = 16 + (self._device.bulk_in & 0x0F)
        types[bulk], owners[bulk], sizes[bulk] = BULK_TYPE, len(interfaces) - 1, self._device.bulk_packet
        self._send(Packet.ENDPOINTS, bytes(types) + bytes(32) + bytes(owners) + struct.pack("<32H", *sizes))

    def _forget(self) -> None:
        """What was asked for is not wanted any more."""
        self._device.stopped()
        self._cancelled.clear()
        with suppress(queue.Empty):
            while True:
                self._wanted.get_nowait()

    def _send(self, kind: int, body: bytes, number: int = 0) -> None:
        if self._link is not None:
            with suppress(OSError):  # a computer that is switched off is seen by `_serve`
                self._link.sendall(struct.pack("<IIQ" if self._long_ids else "<III", kind, len(body), number) + body)


def _received(link: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = link.recv(size)
        if not part:
            raise OSError("closed")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
