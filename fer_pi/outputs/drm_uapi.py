"""The kernel's mode-setting interface, as far as a picture on a monitor needs it: requests, structures, the calls.

The layouts are those of Linux' include/uapi/drm/drm_mode.h, which are the same on every architecture and never change.
"""

import ctypes
import fcntl
import mmap
import os
from pathlib import Path
from typing import Any, Protocol

CONNECTED = 1
"""`Connector.connection` while a monitor is there; 2 is not there, 3 unknown."""
PREFERRED = 1 << 3
"""Bit of `Mode.type`: the monitor's own resolution."""
INTERLACED = 1 << 4
"""Bit of `Mode.flags`."""

CONNECTOR_NAMES = (
    "Unknown", "VGA", "DVI-I", "DVI-D", "DVI-A", "Composite", "SVIDEO", "LVDS", "Component", "DIN", "DP", "HDMI-A",
    "HDMI-B", "TV", "eDP", "Virtual", "DSI", "DPI", "Writeback", "SPI", "USB",
)  # fmt: skip
"""The kernel's names of connectors, by `Connector.connector_type`; "HDMI-A-1" is the first of type 11."""


class CardResources(ctypes.Structure):
    _fields_ = (
        [(name, ctypes.c_uint64) for name in ("fb_ids", "crtc_ids", "connector_ids", "encoder_ids")]
        + [(name, ctypes.c_uint32) for name in ("count_fbs", "count_crtcs", "count_connectors", "count_encoders")]
        + [(name, ctypes.c_uint32) for name in ("min_width", "max_width", "min_height", "max_height")]
    )


class Mode(ctypes.Structure):
    _fields_ = (
        [("clock", ctypes.c_uint32)]
        + [(name, ctypes.c_uint16) for name in ("hdisplay", "hsync_start", "hsync_end", "htotal", "hskew")]
        + [(name, ctypes.c_uint16) for name in ("vdisplay", "vsync_start", "vsync_end", "vtotal", "vscan")]
        + [(name, ctypes.c_uint32) for name in ("vrefresh", "flags", "type")]
        + [("name", ctypes.c_char * 32)]
    )


class Connector(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("encoders", "modes", "props", "prop_values")] + [
        (name, ctypes.c_uint32)
        for name in (
            "count_modes", "count_props", "count_encoders", "encoder_id", "connector_id", "connector_type",
            "connector_type_id", "connection", "width_mm", "height_mm", "subpixel", "pad",
        )
    ]  # fmt: skip


class Encoder(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint32)
        for name in ("encoder_id", "encoder_type", "crtc_id", "possible_crtcs", "possible_clones")
    ]


class Crtc(ctypes.Structure):
    _fields_ = (
        [("connectors", ctypes.c_uint64)]
        + [
            (name, ctypes.c_uint32)
            for name in ("count_connectors", "crtc_id", "fb_id", "x", "y", "gamma_size", "mode_valid")
        ]
        + [("mode", Mode)]
    )


class FrameBuffer(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("fb_id", "width", "height", "pitch", "bpp", "depth", "handle")]


class FrameBufferId(ctypes.Structure):
    _fields_ = [("fb_id", ctypes.c_uint32)]


class PageFlip(ctypes.Structure):
    _fields_ = [
        *[(name, ctypes.c_uint32) for name in ("crtc_id", "fb_id", "flags", "reserved")],
        ("user_data", ctypes.c_uint64),
    ]


class CreateDumb(ctypes.Structure):
    _fields_ = [
        *[(name, ctypes.c_uint32) for name in ("height", "width", "bpp", "flags", "handle", "pitch")],
        ("size", ctypes.c_uint64),
    ]


class MapDumb(ctypes.Structure):
    _fields_ = [("handle", ctypes.c_uint32), ("pad", ctypes.c_uint32), ("offset", ctypes.c_uint64)]


class DestroyDumb(ctypes.Structure):
    _fields_ = [("handle", ctypes.c_uint32)]


def _read_write(number: int, structure: type[ctypes.Structure]) -> int:
    """_IOWR('d', number, structure)."""
    return 0xC0000000 | ctypes.sizeof(structure) << 16 | ord("d") << 8 | number


SET_MASTER = 0x641E
GET_RESOURCES = _read_write(0xA0, CardResources)
SET_CRTC = _read_write(0xA2, Crtc)
GET_ENCODER = _read_write(0xA6, Encoder)
GET_CONNECTOR = _read_write(0xA7, Connector)
ADD_FB = _read_write(0xAE, FrameBuffer)
REMOVE_FB = _read_write(0xAF, FrameBufferId)
PAGE_FLIP = _read_write(0xB0, PageFlip)
CREATE_DUMB = _read_write(0xB2, CreateDumb)
MAP_DUMB = _read_write(0xB3, MapDumb)
DESTROY_DUMB = _read_write(0xB4, DestroyDumb)


class Kernel(Protocol):
    """What is asked of the kernel; each raises OSError as it does."""

    def cards(self) -> list[str]:
        """The paths of the graphics cards."""

    def open(self, path: str) -> int:
        """A file descriptor of the card."""

    def call(self, card: int, request: int, argument: Any = None) -> None:
        """An ioctl; `argument` is a structure that is changed in place."""

    def map(self, card: int, size: int, offset: int) -> Any:
        """The memory of a buffer, as a writable object with the buffer protocol and `close()`."""

    def close(self, card: int) -> None:
        """Give the card back, and with it all that was made on it."""


class LinuxKernel:
    """The kernel of this machine."""

    def cards(self) -> list[str]:
        return [str(path) for path in sorted(Path("/dev/dri").glob("card*"))]

    def open(self, path: str) -> int:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def call(self, card: int, request: int, argument: Any = None) -> None:
        while True:
            try:
                fcntl.ioctl(card, request, *(() if argument is None else (argument,)))
                return
            except (InterruptedError, BlockingIOError):  # a signal came; libdrm tries again, too
                continue

    def map(self, card: int, size: int, offset: int) -> mmap.mmap:
        return mmap.mmap(card, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=offset)

    def close(self, card: int) -> None:
        os.close(card)
