"""The old frame buffer, /dev/fb0: for displays whose driver knows no mode setting."""

import errno
import fcntl
import logging
import mmap
import os
import struct
from contextlib import suppress
from typing import NamedTuple

import cv2
import numpy as np

from fer_pi.errors import OutputError
from fer_pi.types import Image

log = logging.getLogger(__name__)

# Linux' include/uapi/linux/fb.h
_GET_VARIABLE, _VARIABLE_SIZE = 0x4600, 160
_GET_FIXED, _FIXED_SIZE = 0x4602, 80


class Format(NamedTuple):
    """How the frame buffer's memory is laid out."""

    width: int
    height: int
    bits: int
    """Of a pixel: 16 or 32."""
    red_first: bool
    """Red in the lowest bits; else blue, as is usual."""
    line_bytes: int
    """From one row to the next."""
    start: int
    """Bytes before the visible part."""


class FramebufferSurface:
    """The whole of a frame buffer."""

    ended = False
    """Nobody can close a frame buffer but us."""

    def __init__(self, path: str = "/dev/fb0") -> None:
        """Raises OutputError if there is none, if it may not be opened, or if its pixels are of an unknown kind."""
        self.path = path
        self._memory: mmap.mmap | None = None
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            remedy = "; add the user to the group video" if error.errno in (errno.EACCES, errno.EPERM) else ""
            raise OutputError(f"{path}: {error.strerror}{remedy}") from error
        try:
            variable, fixed = bytearray(_VARIABLE_SIZE), bytearray(_FIXED_SIZE)
            fcntl.ioctl(file, _GET_VARIABLE, variable)
            fcntl.ioctl(file, _GET_FIXED, fixed)
            self._format = format_of(bytes(variable), bytes(fixed))
            end = self._format.start + self._format.line_bytes * self._format.height
            self._memory = mmap.mmap(file, end, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        except (OSError, ValueError) as error:
            raise OutputError(f"{path}: cannot be used as a frame buffer: {error}") from error
        finally:
            os.close(file)
        self.size = (self._format.width, self._format.height)
        log.info("screen: %s, %d x %d, %d bits", path, *self.size, self._format.bits)

    def show(self, image: Image) -> None:
        """Show (H, W, 3) uint8 BGR of `size`. Raises OutputError after `close`."""
        if self._memory is None:
            raise OutputError(f"{self.path}: is closed")
        write_pixels(image, self._memory, self._format)

    def close(self) -> None:
        """Go dark and let go; twice is fine."""
        memory, self._memory = self._memory, None
        if memory is not None:
            with suppress(OSError, ValueError):
                write_pixels(np.zeros((self.size[1], self.size[0], 3), np.uint8), memory, self._format)
            memory.close()


def format_of(variable: bytes, fixed: bytes) -> Format:
    """The layout, from the kernel's fb_var_screeninfo and fb_fix_screeninfo. Raises ValueError for an unknown one."""
    width, height, _, _, x_offset, y_offset, bits = struct.unpack_from("<7I", variable)
    red_offset = struct.unpack_from("<I", variable, 32)[0]
    line_bytes = struct.unpack_from("<I", fixed, 48)[0]
    if bits not in (16, 32) or not width or not height or line_bytes < width * bits // 8:
        raise ValueError(
            f"{width} x {height} pixels of {bits} bits in rows of {line_bytes} bytes; 16 or 32 bits are known"
        )
    return Format(width, height, bits, red_offset == 0, line_bytes, y_offset * line_bytes + x_offset * bits // 8)


def write_pixels(image: Image, memory: mmap.mmap | bytearray, layout: Format) -> None:
    """Write (H, W, 3) uint8 BGR into `memory` as `layout` wants it."""
    depth = layout.bits // 8
    shape, strides = (layout.height, layout.width, depth), (layout.line_bytes, depth, 1)
    pixels: Image = np.ndarray(shape, np.uint8, memory, layout.start, strides)
    if layout.bits == 32:
        cv2.cvtColor(image, cv2.COLOR_BGR2RGBA if layout.red_first else cv2.COLOR_BGR2BGRA, dst=pixels)
    else:
        # OpenCV's "BGR565" has blue in the lowest bits.
        pixels[:] = cv2.cvtColor(image, cv2.COLOR_RGB2BGR565 if layout.red_first else cv2.COLOR_BGR2BGR565)
