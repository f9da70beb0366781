"""The bench's own instruments: a webcam that the kernel of the virtual Pi would believe, and eyes for its LED."""

import itertools
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.bench.pi import uvc
from deploy.bench.pi.leds import Level, flashes, likeness, mood_shown, parsed
from deploy.bench.pi.usbredir import ABILITIES, DONE, STALLED, Packet, Setup
from deploy.bench.pi.webcam import Fault, Webcam
from fer_pi.drawing.palette import EMOTION_COLORS
from fer_pi.outputs.effects import led_duty
from fer_pi.outputs.looks import light_color
from fer_pi.types import Emotion


def jpeg(number: int) -> bytes:
    """Stands for a picture; larger than one payload."""
    return b"\xff\xd8" + bytes([number % 256]) * 40_000 + b"\xff\xd9"


class Computer:
    """QEMU's end of the cable."""

    def __init__(self, path: Path) -> None:
        self._link = socket.socket(socket.AF_UNIX)
        self._link.settimeout(10)
        self._link.connect(str(path))
        self._numbers = itertools.count(1)
        kind, _, hello = self._next("<III")
        assert (kind, struct.unpack_from("<I", hello, 64)[0]) == (Packet.HELLO, ABILITIES)
        body = b"computer".ljust(64, b"\0") + struct.pack("<I", ABILITIES)
        self._link.sendall(struct.pack("<III", Packet.HELLO, len(body), 0) + body)

    def sees(self, wanted: Packet) -> bytes:
        """The body of the next packet of that kind; others before it are passed over."""
        return self._answer(wanted)[1]

    def asks(
        self, kind: int, request: int, value: int, index: int, length: int, data: bytes = b""
    ) -> tuple[int, bytes]:
        """The status and the data of the answer to a control request."""
        body = struct.pack("<BBBBHHH", kind & 0x80, request, kind, 0, value, index, length) + data
        self._send(Packet.CONTROL, body)
        answer = self.sees(Packet.CONTROL)
        return answer[3], answer[10:]

    def picture(self) -> bytes:
        """A whole picture, put together from payloads."""
        toggle, content = None, b""
        while True:
            number = self._send(Packet.BULK, struct.pack("<BBHIH", uvc.BULK_IN, 0, uvc.PAYLOAD_MAX, 0, 0))
            answered, body = self._answer(Packet.BULK)
            assert answered == number
            payload = body[10:]
            assert len(payload) == struct.unpack_from("<H", body, 2)[0] <= uvc.PAYLOAD_MAX
            assert payload[0] == 2
            toggle = payload[1] & 1 if toggle is None else toggle
            assert payload[1] & 1 == toggle
            content += payload[2:]
            if payload[1] & 2:
                return content

    def close(self) -> None:
        self._link.close()

    def _send(self, kind: Packet, body: bytes) -> int:
        number = next(self._numbers)
        self._link.sendall(struct.pack("<IIQ", kind, len(body), number) + body)
        return number

    def _answer(self, wanted: Packet) -> tuple[int, bytes]:
        while True:
            kind, number, body = self._next("<IIQ")
            if kind == wanted:
                return number, body

    def _next(self, form: str) -> tuple[int, int, bytes]:
        kind, length, number = struct.unpack(form, self._received(struct.calcsize(form)))
        return kind, number, self._received(length)

    def _received(self, size: int) -> bytes:
        content = b""
        while len(content) < size:
            part = self._link.recv(size - len(content))
            assert part, "the port has hung up"
            content += part
        return content


@pytest.fixture
def webcam(tmp_path: Path) -> Iterator[Webcam]:
    made = Webcam(tmp_path / "webcam", jpeg)
    yield made
    made.close()


@pytest.fixture
def computer(webcam: Webcam, tmp_path: Path) -> Iterator[Computer]:
    made = Computer(tmp_path / "webcam")
    yield made
    made.close()


def streaming(computer: Computer) -> None:
    """Agree upon 30 pictures a second, as uvcvideo does, and begin."""
    proposed = uvc.negotiated()
    assert computer.asks(0x21, 0x01, 0x0100, 1, len(proposed), proposed) == (DONE, b"")
    status, agreed = computer.asks(0xA1, 0x81, 0x0100, 1, 26)
    assert (status, len(agreed)) == (DONE, 26)
    assert computer.asks(0x21, 0x01, 0x0200, 1, len(agreed), agreed) == (DONE, b"")


def test_plugged_in_and_pulled_out_the_computer_is_told(webcam: Webcam, computer: Computer) -> None:
    webcam.plug()
    assert computer.sees(Packet.CONNECT)[4:] == struct.pack("<HHH", *uvc.IDENTITY)
    webcam.unplug()
    computer.sees(Packet.DISCONNECT)


def test_it_sends_whole_pictures_at_the_asked_for_rate(webcam: Webcam, computer: Computer) -> None:
    webcam.plug()
    computer.sees(Packet.CONNECT)
    streaming(computer)
    assert webcam.streaming
    assert [computer.picture() for _ in range(3)] == [jpeg(0), jpeg(1), jpeg(2)]
    assert computer.asks(0x02, 0x01, 0, uvc.BULK_IN, 0) == (DONE, b"")
    assert not webcam.streaming


def test_it_breaks_as_told(webcam: Webcam, computer: Computer) -> None:
    webcam.plug()
    computer.sees(Packet.CONNECT)
    streaming(computer)
    webcam.fault = Fault.STILL
    assert len({computer.picture() for _ in range(3)}) == 1
    webcam.fault = Fault.GARBAGE
    computer.picture()  # may be the last good one
    assert not computer.picture().endswith(b"\xff\xd9")
    webcam.fault = Fault.SILENT
    before = webcam.sent
    assert computer.asks(0x80, 6, 0x0100, 0, 18)[0] == DONE, "it still answers"
    assert webcam.sent - before <= 1


def test_its_descriptors_are_as_long_as_they_say() -> None:
    """Each begins with its length; the whole has the length that its head tells."""
    answers = uvc.Answers("1", lambda rate_hz: None)
    whole = answers.to(Setup(0x80, 6, 0x0200, 0, 4096), b"")
    assert whole is not None
    assert struct.unpack_from("<H", whole, 2)[0] == len(whole)
    kinds, at = [], 0
    while at < len(whole):
        kinds.append(whole[at + 1])
        at += whole[at]
    assert at == len(whole)
    assert kinds.count(4) == whole[4] == len(uvc.INTERFACES)


def test_what_it_does_not_have_is_refused(webcam: Webcam, computer: Computer) -> None:
    assert computer.asks(0x80, 6, 0x0500, 0, 64) == (STALLED, b"")


def lit(color: tuple[int, int, int], often: int = 20, brightness: float = 1.0) -> list[Level]:
    return [Level(n / 20, *led_duty(light_color(color), brightness, 2.2)) for n in range(often)]


@pytest.mark.parametrize("emotion", Emotion)
@pytest.mark.parametrize("brightness", [0.5, 1.0])
def test_each_mood_is_known_by_its_colour(emotion: Emotion, brightness: float) -> None:
    assert mood_shown(lit(EMOTION_COLORS[emotion], brightness=brightness)) == emotion


def test_the_dark_has_no_colour() -> None:
    assert mood_shown([Level(0, 0, 0, 0)]) is None


def test_flashes_are_counted_when_they_begin() -> None:
    dark, light = Level(0, 0, 0, 0), Level(0, 1, 0, 0)
    assert flashes([light, dark, dark, light, light, dark, light, dark]) == 2
    assert likeness([dark, Level(0, 0.8, 0, 0)], (255, 0, 0)) == pytest.approx(1)


def test_a_line_that_is_still_being_written_is_left_out() -> None:
    assert parsed("1.050 0.00 0.10 1.00\n1.100 0.0") == [Level(1.05, 0.0, 0.1, 1.0)]
