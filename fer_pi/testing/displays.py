"""A graphics card in memory that is as strict as the kernel's, and a surface that remembers what it was shown."""

import ctypes
import errno
import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fer_pi.errors import OutputError
from fer_pi.outputs import drm_uapi as drm
from fer_pi.types import Image


@dataclass
class Monitor:
    """A socket of the card."""

    kind: int = 11
    """Index into `CONNECTOR_NAMES`; 11 is HDMI-A."""
    modes: tuple[tuple[int, int, int, bool], ...] = ((1280, 720, 60, True),)
    """(width, height, Hz, whether it is the monitor's own)."""
    connected: bool = True
    crtcs: int = 0b11
    """Bits of the CRTCs that can drive it."""


@dataclass
class MemoryKernel:
    """A kernel with one card, "/dev/dri/card1", beside "card0" which only computes."""

    monitors: list[Monitor] = field(default_factory=lambda: [Monitor()])
    permitted: bool = True
    master_taken: bool = False
    """Another program drives the display."""
    flips: bool = True
    """The driver can turn pages."""
    broken: int | None = None
    """The error number of every further call."""
    probes: int = 0
    """How often a monitor was asked anew what it is, which takes long."""
    is_open: set[int] = field(default_factory=set)
    shown: int | None = None
    """The frame buffer on the first monitor."""
    crtc: int | None = None
    _buffers: dict[int, tuple[int, int, int, mmap.mmap]] = field(default_factory=dict)
    """handle -> (width, height, pitch, memory)"""
    _fbs: dict[int, int] = field(default_factory=dict)
    """fb -> handle"""
    _next: int = 100

    def cards(self) -> list[str]:
        return ["/dev/dri/card0", "/dev/dri/card1"]

    def open(self, path: str) -> int:
        if not self.permitted:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        card = self.cards().index(path)
        self.is_open.add(card)
        return card

    def close(self, card: int) -> None:
        self.is_open.remove(card)

    def call(self, card: int, request: int, argument: Any = None) -> None:
        if card not in self.is_open:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if self.broken is not None:
            raise OSError(self.broken, os.strerror(self.broken))
        if card == 0:
            self._refuse(errno.EOPNOTSUPP)
        handlers: dict[int, Callable[[Any], None]] = {
            drm.SET_MASTER: self._set_master,
            drm.GET_RESOURCES: self._get_resources,
            drm.GET_CONNECTOR: self._get_connector,
            drm.GET_ENCODER: self._get_encoder,
            drm.SET_CRTC: self._set_crtc,
            drm.PAGE_FLIP: self._page_flip,
            drm.CREATE_DUMB: self._create_dumb,
            drm.MAP_DUMB: self._map_dumb,
            drm.DESTROY_DUMB: self._destroy_dumb,
            drm.ADD_FB: self._add_fb,
            drm.REMOVE_FB: self._remove_fb,
        }
        if request not in handlers:
            self._refuse(errno.ENOTTY)
        handlers[request](argument)

    def map(self, card: int, size: int, offset: int) -> mmap.mmap:
        _, _, _, memory = self._buffers[offset >> 12]
        if size != len(memory):
            self._refuse(errno.EINVAL)
        return memory

    def picture(self) -> Image | None:
        """What the monitor shows, (H, W, 3) uint8 BGR; None while it is dark."""
        if self.shown is None:
            return None
        width, height, pitch, memory = self._buffers[self._fbs[self.shown]]
        rows = np.frombuffer(memory[:], np.uint8).reshape(height, pitch)
        return np.array(rows[:, : width * 4].reshape(height, width, 4)[:, :, :3])

    @property
    def leftovers(self) -> int:
        """Buffers that nobody has given back."""
        return len(self._buffers) + len(self._fbs)

    def _refuse(self, number: int) -> None:
        raise OSError(number, os.strerror(number))

    def _set_master(self, argument: None) -> None:
        if self.master_taken:
            self._refuse(errno.EBUSY)

    def _get_resources(self, ask: drm.CardResources) -> None:
        for count, ids, values in (
            ("count_crtcs", "crtc_ids", [41, 42]),
            ("count_connectors", "connector_ids", [50 + n for n in range(len(self.monitors))]),
        ):
            _fill(getattr(ask, ids), getattr(ask, count), values, ctypes.c_uint32)
            setattr(ask, count, len(values))

    def _get_connector(self, ask: drm.Connector) -> None:
        monitor = self._monitor(ask.connector_id)
        self.probes += ask.count_modes == 0
        modes = [
            drm.Mode(hdisplay=w, vdisplay=h, vrefresh=hz, type=drm.PREFERRED if own else 0)
            for w, h, hz, own in monitor.modes
            if monitor.connected
        ]
        _fill(ask.modes, ask.count_modes, modes, drm.Mode)
        _fill(ask.encoders, ask.count_encoders, [ask.connector_id + 10], ctypes.c_uint32)
        ask.count_modes, ask.count_encoders = len(modes), 1
        ask.connection = drm.CONNECTED if monitor.connected else 2
        ask.connector_type, ask.connector_type_id = monitor.kind, 1

    def _get_encoder(self, ask: drm.Encoder) -> None:
        ask.possible_crtcs = self._monitor(ask.encoder_id - 10).crtcs

    def _set_crtc(self, ask: drm.Crtc) -> None:
        if self.master_taken:
            self._refuse(errno.EACCES)
        if not ask.mode_valid:
            self.shown = self.crtc = None
            return
        connector = ctypes.c_uint32.from_address(ask.connectors).value
        monitor = self._monitor(connector)
        width, height, _, _ = self._buffers[self._fbs[ask.fb_id]]
        right = (ask.mode.hdisplay, ask.mode.vdisplay) == (width, height) and ask.count_connectors == 1
        if not right or not monitor.crtcs >> (ask.crtc_id - 41) & 1:
            self._refuse(errno.EINVAL)
        self.shown, self.crtc = ask.fb_id, ask.crtc_id

    def _page_flip(self, ask: drm.PageFlip) -> None:
        if not self.flips or ask.fb_id not in self._fbs or ask.crtc_id != self.crtc:
            self._refuse(errno.EINVAL)
        self.shown = ask.fb_id

    def _create_dumb(self, ask: drm.CreateDumb) -> None:
        ask.pitch = (ask.width * ask.bpp // 8 + 255) // 256 * 256  # rows are padded, as real cards do
        ask.size, ask.handle = ask.pitch * ask.height, self._id()
        memory = mmap.mmap(-1, ask.size)
        memory.write(b"\x55" * ask.size)  # what was there before is not black
        self._buffers[ask.handle] = (ask.width, ask.height, ask.pitch, memory)

    def _add_fb(self, ask: drm.FrameBuffer) -> None:
        width, height, pitch, _ = self._buffers[ask.handle]
        if (ask.width, ask.height, ask.pitch, ask.bpp, ask.depth) != (width, height, pitch, 32, 24):
            self._refuse(errno.EINVAL)
        ask.fb_id = self._id()
        self._fbs[ask.fb_id] = ask.handle

    def _map_dumb(self, ask: drm.MapDumb) -> None:
        ask.offset = ask.handle << 12

    def _remove_fb(self, ask: drm.FrameBufferId) -> None:
        del self._fbs[ask.fb_id]

    def _destroy_dumb(self, ask: drm.DestroyDumb) -> None:
        del self._buffers[ask.handle]

    def _monitor(self, connector: int) -> Monitor:
        if not 0 <= connector - 50 < len(self.monitors):
            self._refuse(errno.ENOENT)
        return self.monitors[connector - 50]

    def _id(self) -> int:
        self._next += 1
        return self._next


class MemorySurface:
    """Remembers the pictures it was shown."""

    def __init__(self, size: tuple[int, int] = (320, 240)) -> None:
        self.size = size
        self.ended = False
        self.shown: list[Image] = []
        self.closed = 0
        self.gone = False
        """Fails from now on, as a screen that was unplugged."""

    def show(self, image: Image) -> None:
        if self.closed or self.gone:
            raise OutputError("the made-up screen is gone")
        if image.dtype != np.uint8 or image.shape != (self.size[1], self.size[0], 3):
            raise TypeError(f"a screen of {self.size} was shown {image.dtype} {image.shape}")
        self.shown.append(image.copy())

    def close(self) -> None:
        self.closed += 1


def _fill(address: int, room: int, values: list[Any], kind: Any) -> None:
    """What the kernel does with an array of the caller: fill it only if all fits."""
    if address and room >= len(values):
        for index, value in enumerate(values):
            target = kind.from_address(address + index * ctypes.sizeof(kind))
            if issubclass(kind, ctypes.Structure):
                ctypes.memmove(ctypes.addressof(target), ctypes.addressof(value), ctypes.sizeof(kind))
            else:
                target.value = value


def random_picture(size: tuple[int, int], seed: int = 0) -> Image:
    """(H, W, 3) uint8 of `size` (width, height) in which every pixel is another one."""
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
