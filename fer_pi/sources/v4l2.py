"""What the kernel says about its video devices: which of them are cameras, and what they can give.

Asked with the ioctls of V4L2 (include/uapi/linux/videodev2.h, 64-bit layout), on handles that are closed at once.
"""

import contextlib
import errno
import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fer_pi.errors import CameraError

_QUERYCAP = 0x80685600
_ENUM_FMT = 0xC0405602
_REQBUFS = 0xC0145608
_ENUM_FRAMESIZES = 0xC02C564A
_ENUM_FRAMEINTERVALS = 0xC034564B
_CAPTURE = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
_MMAP = 1  # V4L2_MEMORY_MMAP
_DISCRETE = 1  # V4L2_FRMSIZE_TYPE_DISCRETE, V4L2_FRMIVAL_TYPE_DISCRETE

_CAP_VIDEO_CAPTURE = 0x00000001
_CAP_STREAMING = 0x04000000
_CAP_IO_MC = 0x20000000
_CAP_DEVICE_CAPS = 0x80000000

_NOT_A_CAMERA = ("bcm2835-isp", "bcm2835-codec", "unicam", "rp1-cfe", "pispbe", "rpivid", "rpi-hevc-dec")
"""Drivers of a Pi's image processor, codecs and raw CSI receivers: their nodes capture, but never a picture to show."""

_MOST_ENTRIES = 64
"""A driver that lists more formats, sizes or rates than this is not asked further: some never end."""


@dataclass(frozen=True, slots=True)
class Format:
    """One picture format that a camera offers."""

    fourcc: str
    """Four characters as V4L2 writes them: "YUYV", "MJPG", "GREY"."""
    width: int
    height: int
    rates_hz: tuple[float, ...]
    """Frame rates at this size, fastest first; empty if the driver does not tell."""

    def __str__(self) -> str:
        rates = ", ".join(f"{rate:g}" for rate in self.rates_hz)
        return f"{self.fourcc} {self.width}x{self.height}" + (f" at {rates} Hz" if rates else "")


@dataclass(frozen=True, slots=True)
class CameraNode:
    """A camera that a configuration can name."""

    path: str
    """Such as "/dev/video0"; for a Pi camera its number, "0"."""
    name: str
    """What it calls itself: "HD Pro Webcam C920", "imx708"."""
    driver: str
    """Such as "uvcvideo"; "libcamera" for a Pi camera."""
    by_id: str = ""
    """The name under /dev/v4l/by-id, which stays the same whatever is plugged in when; empty if it has none."""
    kind: str = "webcam"
    """The `camera.kind` that opens it."""
    formats: tuple[Format, ...] = ()

    @property
    def title(self) -> str:
        """For a line that lists several."""
        return f"{self.path} ({self.name})"

    def __str__(self) -> str:
        """Some lines for people: what it is, how to name it, what it gives."""
        lines = [f"{self.kind} {self.path}: {self.name} ({self.driver})"]
        lines += [f"  device: {self.by_id}"] if self.by_id else []
        lines += [f"  {one}" for one in self.formats]
        return "\n".join(lines)


class NotACamera(CameraError):
    """A node that never gives a camera's pictures: a decoder, say, of which every Pi has several."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """Where the kernel is asked; tests put a directory and a function of their own here."""

    sysfs: Path = Path("/sys/class/video4linux")
    dev: Path = Path("/dev")
    ioctl: Callable[[int, int, bytearray], object] = fcntl.ioctl

    def cameras(self) -> list[CameraNode]:
        """The capture nodes that give pictures, in the order of their numbers; not those that may not be opened."""
        found = []
        for path in self.nodes():
            with contextlib.suppress(CameraError):
                found.append(self.camera(path))
        return found

    def nodes(self) -> list[Path]:
        """The first node of every video device: a webcam's further ones give metadata, not pictures."""
        entries = [entry for entry in self.sysfs.glob("video*") if _read(entry / "index") in ("0", "")]
        return [self.dev / entry.name for entry in sorted(entries, key=lambda entry: _number(entry.name))]

    def camera(self, path: Path, *, any_driver: bool = False) -> CameraNode:
        """What the node at `path` is. Raises CameraError, with the remedy, if it cannot be used as a camera.

        any_driver: also accept the raw and processing nodes of a Pi, for those who name one themselves.
        """
        with self._opened(path) as handle:
            reply = self._ask(handle, _QUERYCAP, bytearray(104))
            if reply is None:
                raise CameraError(f"{path} is not a video device")
            driver, card, _, _, offered, own = struct.unpack_from("<16s32s32sIII", reply)
            flags = own if offered & _CAP_DEVICE_CAPS else offered
            name, driver = _text(card), _text(driver)
            if not (flags & _CAP_VIDEO_CAPTURE and flags & _CAP_STREAMING):
                raise NotACamera(f"{path} ({name}) gives no pictures; `fer-pi cameras` lists those that do")
            if not any_driver and (driver in _NOT_A_CAMERA or flags & _CAP_IO_MC):
                raise NotACamera(f"{path} ({name}) is an inner part of a Pi camera; use camera.kind: pi_camera")
            return CameraNode(str(path), name, driver, self._by_id(path), formats=tuple(self._formats(handle)))

    def is_busy(self, path: Path) -> bool:
        """Whether another program streams from the node at `path`."""
        with self._opened(path) as handle:
            try:
                self.ioctl(handle, _REQBUFS, bytearray(struct.pack("<IIIII", 0, _CAPTURE, _MMAP, 0, 0)))
            except OSError as error:
                return error.errno == errno.EBUSY
        return False

    @contextlib.contextmanager
    def _opened(self, path: Path) -> Iterator[int]:
        try:
            handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise CameraError(_reason(path, error)) from error
        try:
            yield handle
        finally:
            os.close(handle)

    def _ask(self, handle: int, request: int, reply: bytearray) -> bytearray | None:
        try:
            self.ioctl(handle, request, reply)
        except OSError:  # EINVAL ends every list; ENOTTY is another kind of device; ENODEV was pulled out meanwhile
            return None
        return reply

    def _formats(self, handle: int) -> Iterator[Format]:
        for index in range(_MOST_ENTRIES):
            reply = self._ask(handle, _ENUM_FMT, bytearray(struct.pack("<II", index, _CAPTURE).ljust(64, b"\0")))
            if reply is None:
                return
            (code,) = struct.unpack_from("<I", reply, 44)
            for width, height in self._sizes(handle, code):
                yield Format(_fourcc(code), width, height, tuple(self._rates(handle, code, width, height)))

    def _sizes(self, handle: int, code: int) -> Iterator[tuple[int, int]]:
        for index in range(_MOST_ENTRIES):
            reply = self._ask(handle, _ENUM_FRAMESIZES, bytearray(struct.pack("<II", index, code).ljust(44, b"\0")))
            if reply is None:
                return
            kind, *sizes = struct.unpack_from("<I6I", reply, 8)
            if kind != _DISCRETE:  # a range: least width, greatest width, step, the same for the height
                yield sizes[1], sizes[4]
                return
            yield sizes[0], sizes[1]

    def _rates(self, handle: int, code: int, width: int, height: int) -> list[float]:
        rates = []
        for index in range(_MOST_ENTRIES):
            ask = bytearray(struct.pack("<IIII", index, code, width, height).ljust(52, b"\0"))
            reply = self._ask(handle, _ENUM_FRAMEINTERVALS, ask)
            if reply is None:
                break
            kind, seconds, per = struct.unpack_from("<III", reply, 16)
            if seconds:
                rates.append(round(per / seconds, 2))
            if kind != _DISCRETE:
                break
        return sorted(set(rates), reverse=True)

    def _by_id(self, path: Path) -> str:
        links = sorted((self.dev / "v4l/by-id").glob("*"))
        return next((link.name for link in links if link.resolve() == path.resolve()), "")


RUNNING = Kernel()
"""The kernel of this machine."""


def _reason(path: Path, error: OSError) -> str:
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return f"no permission to open {path}; `sudo usermod -aG video $USER` gives it at the next login"
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            return f"there is no {path}"
        case errno.EBUSY:
            return f"{path} is in use by another program; `fuser -v {path}` names it"
        case _:
            return f"cannot open {path}: {os.strerror(error.errno or 0)}"


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _number(name: str) -> int:
    digits = name.removeprefix("video")
    return int(digits) if digits.isdecimal() else 0


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")


def _fourcc(code: int) -> str:
    return struct.pack("<I", code & 0x7FFFFFFF).decode("latin-1").rstrip()
