"""The Linux frame buffer: pixels as it wants them, refusals, and dark at the end."""

import struct
from pathlib import Path

import numpy as np
import pytest

from fer_pi.errors import OutputError
from fer_pi.outputs.framebuffer import Format, FramebufferSurface, format_of, write_pixels
from fer_pi.testing.displays import random_picture


def variable_info(width: int, height: int, bits: int, red_offset: int, y_offset: int = 0) -> bytes:
    """fb_var_screeninfo, as far as it is read."""
    return struct.pack("<7I4xI", width, height, width, height * 2, 0, y_offset, bits, red_offset).ljust(160, b"\0")


def fixed_info(line_bytes: int) -> bytes:
    """fb_fix_screeninfo, as far as it is read."""
    return bytes(48) + struct.pack("<I", line_bytes) + bytes(28)


@pytest.mark.parametrize("red_offset", [16, 0])
def test_pixels_of_32_bits(red_offset: int) -> None:
    layout = format_of(variable_info(5, 3, 32, red_offset, y_offset=2), fixed_info(64))
    memory = bytearray(b"\x55" * (64 * 5))
    image = random_picture((5, 3))
    write_pixels(image, memory, layout)
    rows = np.frombuffer(memory, np.uint8).reshape(5, 64)
    assert (rows[:2] == 0x55).all() and (rows[:, 20:] == 0x55).all()  # nothing else is touched
    pixels = rows[2:, :20].reshape(3, 5, 4)[:, :, :3]
    assert np.array_equal(pixels if red_offset else pixels[:, :, ::-1], image)


@pytest.mark.parametrize("red_offset", [11, 0])
def test_pixels_of_16_bits(red_offset: int) -> None:
    layout = format_of(variable_info(5, 3, 16, red_offset), fixed_info(16))
    memory = bytearray(16 * 3)
    image = random_picture((5, 3)) & np.array([0xF8, 0xFC, 0xF8], np.uint8)
    write_pixels(image, memory, layout)
    words = np.frombuffer(memory, np.uint16).reshape(3, 8)[:, :5]
    low, green, high = (words & 0x1F) << 3, (words >> 5 & 0x3F) << 2, (words >> 11) << 3
    blue, red = (low, high) if red_offset else (high, low)
    assert np.array_equal(np.stack([blue, green, red], axis=2), image)


@pytest.mark.parametrize(("bits", "line_bytes"), [(8, 64), (24, 64), (32, 16)])
def test_unknown_pixels_are_refused(bits: int, line_bytes: int) -> None:
    with pytest.raises(ValueError, match="16 or 32 bits are known"):
        format_of(variable_info(5, 3, bits, 0), fixed_info(line_bytes))


def test_what_is_no_frame_buffer_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "fb0"
    file.write_bytes(bytes(1000))
    with pytest.raises(OutputError, match="cannot be used as a frame buffer"):
        FramebufferSurface(str(file))


def test_goes_dark_on_close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "fb0"
    file.write_bytes(b"\x55" * (32 * 8))

    def ioctl(_: int, request: int, answer: bytearray) -> None:
        answer[:] = {0x4600: variable_info(8, 8, 32, 16), 0x4602: fixed_info(32)}[request]

    monkeypatch.setattr("fer_pi.outputs.framebuffer.fcntl.ioctl", ioctl)
    surface = FramebufferSurface(str(file))
    assert surface.size == (8, 8)
    surface.show(np.full((8, 8, 3), 9, np.uint8))
    assert file.read_bytes()[:4] == b"\x09\x09\x09\xff"
    surface.close()
    surface.close()
    assert file.read_bytes() == b"\0\0\0\xff" * 64
    with pytest.raises(OutputError, match="closed"):
        surface.show(np.zeros((8, 8, 3), np.uint8))


def test_the_layout_follows_from_the_kernels_answers() -> None:
    assert format_of(variable_info(800, 480, 16, 11), fixed_info(1600)) == Format(800, 480, 16, False, 1600, 0)
