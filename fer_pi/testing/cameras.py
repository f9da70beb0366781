"""Cameras without hardware: scripted grabbers, a kernel with made-up video nodes, stand-ins for cv2 and picamera2."""

import errno
import queue
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_pi.errors import CameraError
from fer_pi.sources.capture import Picture
from fer_pi.sources.v4l2 import Kernel
from fer_pi.types import Image


class Clock:
    """Time that passes only when told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        """Also stands in for a wait: it is over at once, and the time has gone by."""
        assert seconds >= 0, "time does not go back"
        self.now += seconds


def noise(seed: int, width: int = 64, height: int = 48) -> Image:
    """A (height, width) grey picture that no other seed gives, as a sensor's are."""
    return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)


Event = Picture | CameraError | Exception | None


class FakeGrabber:
    """One opened device that gives what is put into it, and waits while there is nothing, as a frozen one does."""

    def __init__(self, events: Iterable[Event] = (), name: str = "fake camera") -> None:
        self.name = name
        self.closed = 0
        self.skipped = 0
        self._events: queue.Queue[Event | type[EOFError]] = queue.Queue()
        for event in events:
            self.put(event)

    def put(self, event: Event) -> None:
        """What the next `grab` returns or raises."""
        self._events.put(event)

    def let_go(self) -> None:
        """End a `grab` that waits, as a driver does when its device is pulled out."""
        self._events.put(CameraError(f"{self.name} was pulled out"))

    def grab(self) -> Picture | None:
        assert not self.closed, "a closed device gives nothing"
        event = self._events.get(timeout=10)
        if isinstance(event, Exception):
            raise event
        assert event is None or isinstance(event, Picture)
        return event

    def skip(self) -> None:
        self.grab()
        self.skipped += 1

    def close(self) -> None:
        assert not self.closed, "a device is released once"
        self.closed += 1


class FakeOpener:
    """Opens one prepared thing after another; an error is a device that cannot be opened, the last one for ever."""

    def __init__(self, *openings: FakeGrabber | Exception) -> None:
        self.openings = list(openings)
        self.opened = 0

    def __call__(self) -> FakeGrabber:
        assert self.openings, "opened more often than the test has prepared"
        self.opened += 1
        opening = self.openings[0]
        if isinstance(opening, FakeGrabber) or len(self.openings) > 1:
            del self.openings[0]
        if isinstance(opening, Exception):
            raise opening
        return opening


@dataclass
class Node:
    """A made-up /dev/video."""

    card: str = "Fake Cam"
    driver: str = "uvcvideo"
    caps: int = 0x04000001
    """Capabilities of this node; VIDEO_CAPTURE and STREAMING."""
    index: int = 0
    by_id: str = ""
    busy: bool = False
    formats: dict[str, dict[tuple[int, int], tuple[int, ...]]] = field(
        default_factory=lambda: {"YUYV": {(640, 480): (30, 15)}, "MJPG": {(640, 480): (30,), (1280, 720): (30,)}}
    )


class FakeKernel:
    """A directory that looks like /sys and /dev, and the ioctls that go with it; `plug` and `unplug` nodes at will."""

    def __init__(self, root: Path) -> None:
        self.nodes: dict[str, Node] = {}
        self.sysfs, self.dev = root / "sys", root / "dev"
        for folder in (self.sysfs, self.dev / "v4l/by-id"):
            folder.mkdir(parents=True, exist_ok=True)
        self.kernel = Kernel(self.sysfs, self.dev, self._ioctl)

    def plug(self, name: str, node: Node) -> Path:
        """The path of the new node."""
        path = self.dev / name
        path.write_bytes(b"")
        (self.sysfs / name).mkdir()
        (self.sysfs / name / "index").write_text(f"{node.index}\n")
        if node.by_id:
            (self.dev / "v4l/by-id" / node.by_id).symlink_to(path)
        self.nodes[name] = node
        return path

    def unplug(self, name: str) -> None:
        node = self.nodes.pop(name)
        if node.by_id:
            (self.dev / "v4l/by-id" / node.by_id).unlink()
        (self.sysfs / name / "index").unlink()
        (self.sysfs / name).rmdir()
        (self.dev / name).unlink()

    def _ioctl(self, handle: int, request: int, reply: bytearray) -> int:
        node = self.nodes.get(Path(f"/proc/self/fd/{handle}").readlink().name)
        if node is None:
            raise OSError(errno.ENOTTY, "not a video device")
        match request & 0xFF:
            case 0:
                card, driver = node.card.encode()[:31], node.driver.encode()[:15]
                struct.pack_into("<16s32s32sIII", reply, 0, driver, card, b"usb-1", 0x60C00, 0x85200001, node.caps)
            case 2:
                fourcc = _nth(node.formats, struct.unpack_from("<I", reply)[0])
                struct.pack_into("<4s", reply, 44, fourcc.encode())
            case 8:
                if node.busy:
                    raise OSError(errno.EBUSY, "busy")
            case 74:
                index, code = struct.unpack_from("<I4s", reply)
                struct.pack_into("<III", reply, 8, 1, *_nth(node.formats[code.decode()], index))
            case 75:
                index, code, width, height = struct.unpack_from("<I4sII", reply)
                rate = _nth(node.formats[code.decode()][width, height], index)
                struct.pack_into("<III", reply, 16, 1, 1, rate)
            case number:
                raise AssertionError(f"ioctl {number} is not known here")
        return 0


def _nth(entries: Any, index: int) -> Any:
    if index >= len(entries):
        raise OSError(errno.EINVAL, "the list has ended")
    return list(entries)[index]


def raw_picture(bgr: Image, fourcc: str) -> NDArray[np.uint8]:
    """`bgr` as OpenCV gives it with CAP_PROP_CONVERT_RGB 0: (H, W, 2), for GREY (H, W), for MJPG (1, bytes)."""
    if fourcc == "MJPG":
        return np.asarray(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 90])[1], np.uint8).reshape(1, -1)
    if fourcc == "GREY":
        return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)
    code = {"YUYV": cv2.COLOR_BGR2YUV_YUYV, "UYVY": cv2.COLOR_BGR2YUV_UYVY}[fourcc]
    return np.asarray(cv2.cvtColor(bgr, code), np.uint8)


class FakeReader:
    """Stands in for `cv2.VideoCapture` on a webcam: gives the `pictures`, then fails as an unplugged one does."""

    def __init__(
        self, pictures: Iterable[Image], fourcc: str = "YUYV", opens: bool = True, stamp_s: float = 0.0
    ) -> None:
        self._pictures = iter(pictures)
        self._fourcc = fourcc
        self._opens = opens
        self._stamp_s = stamp_s
        self.path = ""
        self.settings: dict[int, float] = {}
        self.released = False

    def __call__(self, path: str, backend: int) -> "FakeReader":
        assert backend == cv2.CAP_V4L2, "a webcam is opened through V4L2"
        self.path = path
        return self

    def isOpened(self) -> bool:
        return self._opens and not self.released

    def set(self, what: int, value: float) -> bool:
        assert self.isOpened(), "only an open device can be set"
        self.settings[what] = value
        return True

    def get(self, what: int) -> float:
        if what == cv2.CAP_PROP_FOURCC:
            return float(int.from_bytes(self._fourcc.encode().ljust(4), "little"))
        assert what == cv2.CAP_PROP_POS_MSEC, "nothing else is asked of a webcam"
        return self._stamp_s * 1000

    def grab(self) -> bool:
        assert self.isOpened(), "only an open device can be read"
        return next(self._pictures, None) is not None

    def read(self) -> tuple[bool, Any]:
        assert self.isOpened(), "only an open device can be read"
        bgr = next(self._pictures, None)
        if bgr is None:
            return False, None
        raw = self.settings[cv2.CAP_PROP_CONVERT_RGB] == 0
        return True, raw_picture(bgr, self._fourcc) if raw else bgr

    def release(self) -> None:
        self.released = True


def fake_picamera2(
    bgr: Image, stride: int, models: Iterable[str] = ("imx708",), stamp_s: float = 0.0, breaks_after: int = 10**9
) -> ModuleType:
    """A module whose `Picamera2` gives `bgr` as YUV420, rows `stride` bytes apart; `Picamera2.made` lists them."""

    class Request:
        def __init__(self, owner: "Picamera2") -> None:
            self._owner = owner

        def make_buffer(self, name: str) -> NDArray[np.uint8]:
            assert name == "main" and self._owner.held == 1, "a released request has no buffer"
            return _i420(bgr, stride)

        def get_metadata(self) -> dict[str, int]:
            return {"SensorTimestamp": int(stamp_s * 1e9)}

        def release(self) -> None:
            self._owner.held -= 1

    class Picamera2:
        made: "list[Picamera2]" = []  # noqa: RUF012 one module, one list

        def __init__(self, number: int) -> None:
            self.number, self.calls, self.held, self.given = number, ["open"], 0, 0
            self.configuration: dict[str, Any] = {}
            Picamera2.made.append(self)

        @staticmethod
        def global_camera_info() -> list[dict[str, Any]]:
            return [{"Model": model, "Num": number, "Id": f"/base/i2c/{model}"} for number, model in enumerate(models)]

        def create_video_configuration(self, **configuration: Any) -> dict[str, Any]:
            assert configuration["main"]["format"] == "YUV420"
            return configuration

        def configure(self, configuration: dict[str, Any]) -> None:
            self.calls.append("configure")
            self.configuration = configuration

        def camera_configuration(self) -> dict[str, Any]:
            return {"main": {**self.configuration["main"], "stride": stride, "size": (bgr.shape[1], bgr.shape[0])}}

        def start(self) -> None:
            self.calls.append("start")

        def capture_request(self, wait: float) -> Request:
            assert self.calls[-1] == "start" and self.held == 0, "one request at a time, of a running camera"
            self.given += 1
            if self.given > breaks_after:
                raise TimeoutError
            self.held += 1
            return Request(self)

        def stop(self) -> None:
            self.calls.append("stop")

        def close(self) -> None:
            assert self.held == 0, "a request was not given back"
            self.calls.append("close")

    module = ModuleType("picamera2")
    vars(module).update(vars(SimpleNamespace(Picamera2=Picamera2)))
    return module


def _i420(bgr: Image, stride: int) -> NDArray[np.uint8]:
    height, width = bgr.shape[:2]
    planes = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420), np.uint8).reshape(-1)
    luma = planes[: width * height].reshape(height, width)
    chroma = planes[width * height :].reshape(height, width // 2)
    padded = [
        np.pad(luma, ((0, 0), (0, stride - width)), constant_values=77).reshape(-1),
        np.pad(chroma, ((0, 0), (0, (stride - width) // 2)), constant_values=200).reshape(-1),
    ]
    return np.concatenate(padded)
