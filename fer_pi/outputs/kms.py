"""A monitor driven through the kernel's mode setting: no X, no desktop, no library."""

import ctypes
import errno
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import cv2
import numpy as np

from fer_pi.errors import OutputError
from fer_pi.outputs import drm_uapi as drm
from fer_pi.types import Image

log = logging.getLogger(__name__)

CHECK_S = 2.0
"""How often it is asked whether the monitor is still there."""
LARGEST_AUTO = (1920, 1080)
"""A monitor with more pixels is driven at this size if it can be: drawing in 4K would take four times as long."""


class Monitor(NamedTuple):
    """A connector with a monitor on it."""

    name: str
    """As the kernel calls it: "HDMI-A-1"."""
    connector_id: int
    encoder_ids: tuple[int, ...]
    modes: tuple[drm.Mode, ...]


class KmsSurface:
    """The whole of one monitor. Two buffers take turns, so that no half-drawn picture is seen."""

    ended = False
    """Nobody can close a monitor but us."""

    def __init__(
        self,
        connector: str = "auto",
        wanted: tuple[int, int] | None = None,
        *,
        kernel: drm.Kernel | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take over the first connected monitor, or that on `connector`, at the size `wanted` (width, height).

        Raises OutputError if there is none, or if another program has it.
        """
        self._kernel = kernel or drm.LinuxKernel()
        self._clock = clock
        self._card: int | None
        self._card, self.path, monitor, crtc_ids = _open_monitor(self._kernel, connector)
        self._buffers: list[_Buffer] = []
        try:
            self._take_over(self.path)
            self.name = monitor.name
            self._connector_id = monitor.connector_id
            self._crtc_id = _crtc_for(self._kernel, self._card, monitor, crtc_ids)
            self._mode = chosen_mode(monitor, wanted)
            self.size = (int(self._mode.hdisplay), int(self._mode.vdisplay))
            self._buffers = [_Buffer(self._kernel, self._card, self.size) for _ in range(2)]
            self._set_crtc(self._buffers[0])
        except OSError as error:
            self.close()
            if isinstance(error, OutputError):
                raise
            raise OutputError(f"{self.path}, {monitor.name}: cannot be driven: {error.strerror}") from error
        self._can_flip = True
        self._checked_at = clock()
        log.info("screen: %s, %s, %d x %d at %d Hz", self.path, self.name, *self.size, self._mode.vrefresh)

    def show(self, image: Image) -> None:
        """Show (H, W, 3) uint8 BGR of `size`. Raises OutputError when the monitor or the right to it is gone."""
        if self._card is None:
            raise OutputError(f"{self.path}, {self.name}: is closed")
        try:
            self._check_monitor(self._card)
            front, back = self._buffers
            cv2.cvtColor(image, cv2.COLOR_BGR2BGRA, dst=back.pixels)
            self._turn_to(back)
            self._buffers = [back, front]
        except OutputError:
            raise
        except OSError as error:
            raise OutputError(f"{self.path}, {self.name}: {error.strerror}; trying from the start") from error

    def close(self) -> None:
        """Go dark and give the card back; twice is fine. The kernel may show its text console again."""
        card, self._card = self._card, None
        if card is None:
            return
        with suppress(OSError):
            if self._buffers:
                self._kernel.call(card, drm.SET_CRTC, drm.Crtc(crtc_id=self._crtc_id))
        for buffer in self._buffers:
            buffer.free(self._kernel, card)
        self._buffers = []
        self._kernel.close(card)

    def _take_over(self, path: str) -> None:
        try:
            self._kernel.call(self._descriptor, drm.SET_MASTER)
        except OSError as error:
            raise OutputError(
                f"{path}: another program has the display (a desktop?); stop it, or set backend: window"
            ) from error

    @property
    def _descriptor(self) -> int:
        assert self._card is not None
        return self._card

    def _set_crtc(self, buffer: "_Buffer") -> None:
        connectors = (ctypes.c_uint32 * 1)(self._connector_id)
        self._kernel.call(
            self._descriptor,
            drm.SET_CRTC,
            drm.Crtc(
                connectors=ctypes.addressof(connectors),
                count_connectors=1,
                crtc_id=self._crtc_id,
                fb_id=buffer.fb_id,
                mode_valid=1,
                mode=self._mode,
            ),
        )

    def _turn_to(self, buffer: "_Buffer") -> None:
        """Let the monitor show `buffer` from its next picture on."""
        if self._can_flip:
            try:
                flip = drm.PageFlip(crtc_id=self._crtc_id, fb_id=buffer.fb_id)
                self._kernel.call(self._descriptor, drm.PAGE_FLIP, flip)
                return
            except OSError as error:
                if error.errno in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                    self._can_flip = False  # an old or simple driver
                elif error.errno != errno.EBUSY:  # busy: the last turn is not over
                    raise
        self._set_crtc(buffer)

    def _check_monitor(self, card: int) -> None:
        now = self._clock()
        if now - self._checked_at < CHECK_S:
            return
        self._checked_at = now
        # Asking for one mode, not for none, is what keeps the kernel from probing the monitor anew (a few 100 ms).
        mode = drm.Mode()
        asked = drm.Connector(connector_id=self._connector_id, count_modes=1, modes=ctypes.addressof(mode))
        self._kernel.call(card, drm.GET_CONNECTOR, asked)
        if asked.connection != drm.CONNECTED:
            raise OutputError(f"{self.path}, {self.name}: the monitor was unplugged or switched off")


class _Buffer:
    """One picture in the card's memory."""

    def __init__(self, kernel: drm.Kernel, card: int, size: tuple[int, int]) -> None:
        width, height = size
        made = drm.CreateDumb(width=width, height=height, bpp=32)
        kernel.call(card, drm.CREATE_DUMB, made)
        self.handle = made.handle
        named = drm.FrameBuffer(width=width, height=height, pitch=made.pitch, bpp=32, depth=24, handle=made.handle)
        kernel.call(card, drm.ADD_FB, named)
        self.fb_id = named.fb_id
        mapped = drm.MapDumb(handle=made.handle)
        kernel.call(card, drm.MAP_DUMB, mapped)
        self._memory = kernel.map(card, made.size, mapped.offset)
        self.pixels: Image = np.ndarray((height, width, 4), np.uint8, self._memory, strides=(made.pitch, 4, 1))
        self.pixels[:] = 0

    def free(self, kernel: drm.Kernel, card: int) -> None:
        del self.pixels
        with suppress(OSError, BufferError):
            self._memory.close()
            kernel.call(card, drm.REMOVE_FB, drm.FrameBufferId(fb_id=self.fb_id))
            kernel.call(card, drm.DESTROY_DUMB, drm.DestroyDumb(handle=self.handle))


def chosen_mode(monitor: Monitor, wanted: tuple[int, int] | None) -> drm.Mode:
    """The mode of that size (the fastest of them), else the monitor's own, kept to `LARGEST_AUTO` where that can be."""
    modes = [mode for mode in monitor.modes if not mode.flags & drm.INTERLACED] or list(monitor.modes)
    if wanted is not None:
        fitting = [mode for mode in modes if (mode.hdisplay, mode.vdisplay) == wanted]
        if fitting:
            return max(fitting, key=lambda mode: int(mode.vrefresh))
        known = sorted({(mode.hdisplay, mode.vdisplay) for mode in modes}, reverse=True)
        names = ", ".join(f"{width}x{height}" for width, height in known)
        log.warning("screen: %s cannot show %dx%d, only %s; using its own size", monitor.name, *wanted, names)
    own = next((mode for mode in modes if mode.type & drm.PREFERRED), modes[0])
    if own.hdisplay <= LARGEST_AUTO[0] and own.vdisplay <= LARGEST_AUTO[1]:
        return own
    shape = own.hdisplay / own.vdisplay
    smaller = [
        mode
        for mode in modes
        if mode.hdisplay <= LARGEST_AUTO[0]
        and mode.vdisplay <= LARGEST_AUTO[1]
        and abs(mode.hdisplay / mode.vdisplay / shape - 1) < 0.02
    ]
    return max(smaller, key=lambda mode: (mode.hdisplay, min(mode.vrefresh, 60)), default=own)


def _open_monitor(kernel: drm.Kernel, wanted: str) -> tuple[int, str, Monitor, tuple[int, ...]]:
    """The card, its path, the monitor and the card's CRTCs; a Pi has several cards, and only some drive monitors."""
    problems = []
    for path in kernel.cards():
        try:
            card = kernel.open(path)
        except OSError as error:
            remedy = "; add the user to the group video" if error.errno in (errno.EACCES, errno.EPERM) else ""
            problems.append(f"{path}: {error.strerror}{remedy}")
            continue
        try:
            crtc_ids, connector_ids = _resources(kernel, card)
            monitors = list(_monitors(kernel, card, connector_ids))
        except OSError as error:
            # A card that only computes (v3d on a Pi) says so here.
            problems.append(f"{path}: drives no monitor ({error.strerror})")
            kernel.close(card)
            continue
        for monitor in monitors:
            if wanted in ("auto", monitor.name):
                return card, path, monitor, crtc_ids
        seen = ", ".join(monitor.name for monitor in monitors) or "none"
        problems.append(f"{path}: monitors connected: {seen}")
        kernel.close(card)
    asked = "no monitor" if wanted == "auto" else f"no monitor on {wanted}"
    raise OutputError(f"{asked}: {'; '.join(problems) or 'no graphics card in /dev/dri'}; plug one in and switch it on")


def _resources(kernel: drm.Kernel, card: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The ids of the card's CRTCs and of its connectors."""
    counted = drm.CardResources()
    kernel.call(card, drm.GET_RESOURCES, counted)
    crtcs = (ctypes.c_uint32 * max(counted.count_crtcs, 1))()
    connectors = (ctypes.c_uint32 * max(counted.count_connectors, 1))()
    filled = drm.CardResources(
        crtc_ids=ctypes.addressof(crtcs),
        connector_ids=ctypes.addressof(connectors),
        count_crtcs=counted.count_crtcs,
        count_connectors=counted.count_connectors,
    )
    kernel.call(card, drm.GET_RESOURCES, filled)
    return (
        tuple(crtcs[: min(filled.count_crtcs, counted.count_crtcs)]),
        tuple(connectors[: min(filled.count_connectors, counted.count_connectors)]),
    )


def _monitors(kernel: drm.Kernel, card: int, connector_ids: tuple[int, ...]) -> Iterator[Monitor]:
    """The connectors on which a monitor is found, in the card's order."""
    for connector_id in connector_ids:
        counted = drm.Connector(connector_id=connector_id)
        kernel.call(card, drm.GET_CONNECTOR, counted)
        if counted.connection != drm.CONNECTED or not counted.count_modes:
            continue
        modes: Any = (drm.Mode * counted.count_modes)()
        encoders = (ctypes.c_uint32 * max(counted.count_encoders, 1))()
        filled = drm.Connector(
            connector_id=connector_id,
            modes=ctypes.addressof(modes),
            count_modes=counted.count_modes,
            encoders=ctypes.addressof(encoders),
            count_encoders=counted.count_encoders,
        )
        kernel.call(card, drm.GET_CONNECTOR, filled)
        names = drm.CONNECTOR_NAMES
        kind = names[filled.connector_type] if filled.connector_type < len(names) else "Unknown"
        # The encoder in use comes first: it already has a CRTC.
        ids = sorted(encoders[: counted.count_encoders], key=lambda encoder: encoder != filled.encoder_id)
        shown = tuple(modes)[: min(filled.count_modes, counted.count_modes)]
        yield Monitor(f"{kind}-{filled.connector_type_id}", connector_id, tuple(ids), shown)


def _crtc_for(kernel: drm.Kernel, card: int, monitor: Monitor, crtc_ids: tuple[int, ...]) -> int:
    """The CRTC that the monitor has, or the first that it may have."""
    possible = []
    for encoder_id in monitor.encoder_ids:
        encoder = drm.Encoder(encoder_id=encoder_id)
        kernel.call(card, drm.GET_ENCODER, encoder)
        if encoder.crtc_id:
            return int(encoder.crtc_id)
        possible += [crtc for index, crtc in enumerate(crtc_ids) if encoder.possible_crtcs >> index & 1]
    if not possible:
        raise OutputError(f"{monitor.name}: the card has no free output for it; unplug another monitor")
    return possible[0]
