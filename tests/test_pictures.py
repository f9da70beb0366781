"""Picture files, good and bad."""

import logging
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_pi.errors import InputError
from fer_pi.sources.pictures import is_picture, pictures_in, read_picture
from fer_pi.types import Image


def gradient(width: int = 60, height: int = 40) -> Image:
    """Bright at the top left, blue: tells every turn and the order of the channels."""
    x, y = np.meshgrid(np.linspace(1, 0.2, width), np.linspace(1, 0.2, height))
    return np.asarray((x * y)[:, :, None] * [200, 120, 40], np.uint8)


def written(path: Path, picture: NDArray[Any]) -> Path:
    assert cv2.imwrite(str(path), picture)
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tif", ".ppm"])
def test_reads_grey_and_color_of_every_common_kind(tmp_path: Path, suffix: str) -> None:
    frame = read_picture(written(tmp_path / f"a{suffix}", gradient()))
    assert frame.source.endswith(f"a{suffix}") and (frame.index, frame.position_s) == (0, 0.0)
    assert np.abs(frame.color().astype(int) - gradient()).mean() < 5
    assert np.abs(frame.gray.astype(int) - cv2.cvtColor(gradient(), cv2.COLOR_BGR2GRAY)).mean() < 5


def test_a_picture_of_one_pixel_is_read(tmp_path: Path) -> None:
    frame = read_picture(written(tmp_path / "one.png", np.full((1, 1, 3), 9, np.uint8)))
    assert frame.gray.shape == (1, 1) and frame.color().shape == (1, 1, 3)


def test_transparency_is_left_out(tmp_path: Path) -> None:
    four = np.dstack([gradient(), np.full((40, 60), 17, np.uint8)])
    frame = read_picture(written(tmp_path / "four.png", four))
    assert np.array_equal(frame.color(), gradient())


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_become_eight(tmp_path: Path, suffix: str, channels: int) -> None:
    eight = gradient()[:, :, :channels].squeeze()
    frame = read_picture(written(tmp_path / f"deep{suffix}", eight.astype(np.uint16) * 257))
    assert frame.gray.dtype == np.uint8 and frame.color().dtype == np.uint8
    expected = eight if channels == 1 else cv2.cvtColor(eight, cv2.COLOR_BGR2GRAY)
    assert np.abs(frame.gray.astype(int) - expected).max() <= 2


def test_a_very_wide_picture_is_read(tmp_path: Path) -> None:
    frame = read_picture(written(tmp_path / "wide.jpg", np.full((60, 12000, 3), 99, np.uint8)))
    assert frame.gray.shape == (60, 12000)


def test_a_grey_picture_has_color_too(tmp_path: Path) -> None:
    frame = read_picture(written(tmp_path / "grey.png", gradient()[:, :, 0]))
    assert np.array_equal(frame.color()[:, :, 2], frame.gray)


@pytest.mark.parametrize(("orientation", "bright"), [(1, (0, 0)), (3, (-1, -1)), (6, (0, -1)), (8, (-1, 0))])
def test_exif_orientation_is_honoured_in_grey_and_color(
    tmp_path: Path, orientation: int, bright: tuple[int, int]
) -> None:
    path = written(tmp_path / "turned.jpg", gradient())
    exif = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    frame = read_picture(path)
    color = frame.color()
    assert frame.gray.shape == color.shape[:2] == ((40, 60) if orientation in (1, 3) else (60, 40))
    corners = [(0, 0), (0, -1), (-1, 0), (-1, -1)]
    assert max(corners, key=lambda at: int(frame.gray[at])) == bright
    assert max(corners, key=lambda at: int(color[at].sum())) == bright


def test_a_truncated_jpeg_is_used_as_far_as_it_goes_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path / "cut.jpg", np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8))
    whole = read_picture(path).gray
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING):
        frame = read_picture(path)
    assert "cut.jpg: the picture is truncated" in caplog.text
    assert np.array_equal(frame.gray[:64], whole[:64]) and frame.color().shape == (200, 300, 3)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.jpg", b"", "the file is empty"),
        ("noise.jpg", bytes(range(256)) * 20, "cannot be decoded: truncated, damaged, or not a picture"),
        ("text.png", b"hello\n" * 50, "cannot be decoded"),
        ("head.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF", "cannot be decoded"),
    ],
)
def test_what_is_no_picture_names_the_file_and_the_reason(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: .*{message}"):
        read_picture(tmp_path / name)


def test_a_truncated_png_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "cut.png", np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(InputError, match="truncated"):
        read_picture(path)


def test_a_picture_too_large_for_opencv_says_so(tmp_path: Path) -> None:
    path = tmp_path / "huge.pgm"
    path.write_bytes(b"P5 2000000 2 255\n" + bytes(4_000_000))
    with pytest.raises(InputError, match="larger than OpenCV decodes"):
        read_picture(path)


def test_a_missing_picture_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.jpg: cannot be read: No such file"):
        read_picture(tmp_path / "gone.jpg")


def test_a_folders_pictures_come_in_natural_order(tmp_path: Path) -> None:
    for name in ("img10.jpg", "img2.png", "IMG1.JPG", ".hidden.jpg", "notes.txt", "b.webp"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in pictures_in(tmp_path)] == ["b.webp", "IMG1.JPG", "img2.png", "img10.jpg"]


def test_a_folder_without_pictures_or_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no pictures"):
        pictures_in(tmp_path)
    with pytest.raises(InputError, match="cannot be read as a folder"):
        pictures_in(tmp_path / "gone")


def test_a_picture_is_known_by_its_name_or_by_its_first_bytes(tmp_path: Path) -> None:
    unnamed = written(tmp_path / "a.png", gradient()).rename(tmp_path / "a")
    (tmp_path / "note").write_text("hello")
    assert is_picture(unnamed) and is_picture(Path("gone.JPG"))
    assert not is_picture(tmp_path / "note") and not is_picture(tmp_path / "gone")


def test_a_gif_is_a_video_whatever_opencv_can_read(tmp_path: Path) -> None:
    gif = tmp_path / "moving.gif"
    gif.write_bytes(b"GIF89a\x01\x00\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")
    assert not is_picture(gif) and not is_picture(gif.rename(tmp_path / "moving"))
