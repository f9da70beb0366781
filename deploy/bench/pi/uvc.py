"""The descriptors of a USB video class 1.0 webcam that sends MJPEG in bulk, and its answers to control requests.

Table numbers are those of "Universal Serial Bus Device Class Definition for Video Devices", revision 1.1.
"""

import struct
from collections.abc import Callable

from deploy.bench.pi.usbredir import Setup

WIDTH, HEIGHT = 640, 480
RATES_HZ = (6, 3)
"""An emulated processor takes 15 to 20 times as long for a picture as a Pi does."""
BULK_IN, BULK_PACKET = 0x81, 512
PAYLOAD_MAX = 16384
"""Bytes that the computer asks for at once; each such payload has a header of its own."""

IDENTITY = (0x1D6B, 0x0102, 0x0100)
"""The Linux Foundation's vendor number, and its webcam."""
INTERFACES: tuple[tuple[int, int, int], ...] = ((14, 1, 0), (14, 2, 0))
"""Video control, video streaming."""

_INTERVALS = tuple(10_000_000 // rate_hz for rate_hz in RATES_HZ)  # in units of 100 ns
_FRAME_MAX = WIDTH * HEIGHT * 2


def _described(kind: int, subtype: int, body: bytes) -> bytes:
    return bytes([len(body) + 3, kind, subtype]) + body


def _configuration() -> bytes:
    camera = _described(0x24, 0x02, struct.pack("<BHBBHHHB3s", 1, 0x0201, 0, 0, 0, 0, 0, 3, bytes(3)))  # table 3-6
    output = _described(0x24, 0x03, struct.pack("<BHBBB", 2, 0x0101, 0, 1, 0))  # table 3-5
    units = camera + output
    control = _described(0x24, 0x01, struct.pack("<HHIBB", 0x0100, 13 + len(units), 48_000_000, 1, 1)) + units  # 3-3

    bits_hz = [_FRAME_MAX * 8 * rate_hz for rate_hz in RATES_HZ]
    frame = struct.pack("<BBHHIIIIB", 1, 0, WIDTH, HEIGHT, min(bits_hz), max(bits_hz), _FRAME_MAX, _INTERVALS[0], 2)
    jpeg = _described(0x24, 0x06, bytes([1, 1, 1, 1, 0, 0, 0, 0]))  # payload document, table 3-1
    jpeg += _described(0x24, 0x07, frame + struct.pack("<2I", *_INTERVALS))  # table 3-2
    jpeg += _described(0x24, 0x0D, bytes([1, 1, 4]))  # BT.709
    stream = _described(0x24, 0x01, struct.pack("<BHBBBBBBBB", 1, 14 + len(jpeg), BULK_IN, 0, 2, 0, 0, 0, 1, 0)) + jpeg

    body = bytes([8, 11, 0, 2, 14, 3, 0, 0])  # the two interfaces belong together
    body += bytes([9, 4, 0, 0, 0, *INTERFACES[0], 0]) + control
    body += bytes([9, 4, 1, 0, 1, *INTERFACES[1], 0]) + stream
    body += struct.pack("<BBBBHB", 7, 5, BULK_IN, 2, BULK_PACKET, 0)
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 2, 1, 0, 0x80, 250) + body


_DEVICE = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x0200, 0xEF, 2, 1, 64, *IDENTITY, 1, 2, 3, 1)
_CONFIGURATION = _configuration()
_QUALIFIER = struct.pack("<BBHBBBBBB", 10, 6, 0x0200, 0xEF, 2, 1, 64, 1, 0)
_LANGUAGES = struct.pack("<BBH", 4, 3, 0x0409)

_STREAMING = 1
_COMMIT = 2


def negotiated(interval: int = _INTERVALS[0]) -> bytes:
    """The video probe control (table 4-47) for the one format that there is."""
    interval = interval if interval in _INTERVALS else _INTERVALS[0]
    return struct.pack("<HBBIHHHHHII", 1, 1, 1, interval, 0, 0, 0, 0, 32, _FRAME_MAX, PAYLOAD_MAX)


class Answers:
    """Answers control requests; `on_stream` is told the frame rate when streaming is to begin, 0 when it is to end."""

    def __init__(self, serial: str, on_stream: Callable[[float], None]) -> None:
        self._names = ("", "fer_pi bench", "Virtual webcam", serial)
        self._on_stream = on_stream
        self._agreed = negotiated()

    def to(self, setup: Setup, data: bytes) -> bytes | None:
        """The answer; None refuses the request."""
        streaming = setup.index & 0xFF == _STREAMING
        match setup.kind, setup.request:
            case (0x80, 6):  # GET_DESCRIPTOR
                return self._descriptor(setup.value)
            case (0x80, 0):  # GET_STATUS
                return bytes(2)
            case (0xA1, 0x85) if streaming:  # GET_LEN
                return struct.pack("<H", len(self._agreed))
            case (0xA1, 0x86) if streaming:  # GET_INFO: can be read and written
                return b"\x03"
            case (0xA1, _) if streaming:
                return self._agreed
            case (0x21, 0x01) if streaming and len(data) >= 8:  # SET_CUR
                (interval,) = struct.unpack_from("<I", data, 4)
                self._agreed = negotiated(interval)
                if setup.value >> 8 == _COMMIT:
                    (interval,) = struct.unpack_from("<I", self._agreed, 4)
                    self._on_stream(10_000_000 / interval)
                return b""
            case (0x02, 0x01):  # CLEAR_FEATURE of the endpoint: so the driver ends a bulk stream
                self._on_stream(0.0)
                return b""
            case (kind, _) if kind & 0x80:
                return None
            case _:
                return b""

    def _descriptor(self, value: int) -> bytes | None:
        kind, number = value >> 8, value & 0xFF
        match kind:
            case 1:
                return _DEVICE
            case 2:
                return _CONFIGURATION
            case 3 if number == 0:
                return _LANGUAGES
            case 3 if number < len(self._names):
                name = self._names[number].encode("utf-16le")
                return bytes([2 + len(name), 3]) + name
            case 6:
                return _QUALIFIER
            case _:
                return None
