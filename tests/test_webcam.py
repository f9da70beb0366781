"""Webcams: found by any name, read at the least cost, told apart when something is wrong."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from fer_pi.errors import CameraError
from fer_pi.sources.v4l2 import Format
from fer_pi.sources.webcam import OpenWebcam, Webcam, WebcamOptions, best_format, chosen_node, picture_of
from fer_pi.testing.cameras import FakeKernel, FakeReader, Node, raw_picture
from fer_pi.types import Camera, Image


def colorful(width: int = 64, height: int = 48, seed: int = 0) -> Image:
    """A soft colour picture, as JPEG and halved chroma can keep it."""
    small = np.random.default_rng(seed).integers(40, 216, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize("fourcc", ["YUYV", "UYVY"])
def test_grey_of_an_uncompressed_picture_is_its_luma_bytes(fourcc: str) -> None:
    raw = raw_picture(colorful(), fourcc)
    picture = picture_of(raw, fourcc)
    assert picture is not None and picture.make_color is not None
    assert np.array_equal(picture.gray, raw[:, :, 0 if fourcc == "YUYV" else 1])
    assert picture.gray.flags["C_CONTIGUOUS"]
    assert np.abs(picture.make_color().astype(int) - colorful()).mean() < 4


def test_grey_of_mjpg_is_decoded_and_color_comes_from_the_same_bytes() -> None:
    bgr = colorful()
    picture = picture_of(raw_picture(bgr, "MJPG"), "MJPG")
    assert picture is not None and picture.make_color is not None
    assert np.abs(picture.gray.astype(int) - cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)).mean() < 3
    assert np.abs(picture.make_color().astype(int) - bgr).mean() < 5


def test_mjpg_at_half_size_is_half_as_wide_and_high() -> None:
    picture = picture_of(raw_picture(colorful(), "MJPG"), "MJPG", half=True)
    assert picture is not None and picture.make_color is not None
    assert picture.gray.shape == (24, 32) and picture.make_color().shape == (24, 32, 3)


def test_grey_of_a_grey_camera_is_what_it_sends() -> None:
    raw = raw_picture(colorful(), "GREY")
    picture = picture_of(raw, "GREY")
    assert picture is not None and np.shares_memory(picture.gray, raw)


def test_a_picture_that_opencv_converted_is_turned_to_grey() -> None:
    bgr = colorful()
    picture = picture_of(bgr, "NV12")
    assert picture is not None and np.array_equal(picture.gray, cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY))


@pytest.mark.parametrize("part", [0, 1, 3, 100, 0.3, 0.6, 0.9, -1])
def test_a_truncated_jpeg_is_no_picture(part: float) -> None:
    raw = raw_picture(colorful(320, 240), "MJPG")
    end = int(part * raw.size) if isinstance(part, float) else part
    assert picture_of(raw[:, :end], "MJPG") is None


@pytest.mark.parametrize("seed", range(5))
def test_garbage_instead_of_a_jpeg_is_no_picture(seed: int) -> None:
    garbage = np.random.default_rng(seed).integers(0, 256, (1, 5000), np.uint8)
    assert picture_of(garbage, "MJPG") is None
    framed = np.concatenate([[0xFF, 0xD8], garbage[0], [0xFF, 0xD9]]).astype(np.uint8)
    assert picture_of(framed, "MJPG") is None


def test_a_jpeg_that_fills_up_its_last_block_is_a_picture() -> None:
    raw = raw_picture(colorful(), "MJPG")
    assert picture_of(np.concatenate([raw[0], np.zeros(9000, np.uint8)])[None], "MJPG") is not None


def test_a_raw_picture_of_an_unexpected_shape_is_no_picture() -> None:
    assert picture_of(np.zeros((1, 614400), np.uint8), "YUYV") is None


YUYV_30 = Format("YUYV", 640, 480, (30.0,))
MJPG_30 = Format("MJPG", 640, 480, (30.0,))


@pytest.mark.parametrize(
    ("formats", "best"),
    [
        ([MJPG_30, YUYV_30], "YUYV"),
        ([MJPG_30, Format("YUYV", 640, 480, (15.0,))], "MJPG"),
        ([MJPG_30, Format("YUYV", 640, 480, (29.97,))], "YUYV"),
        ([MJPG_30, Format("YUYV", 320, 240, (30.0,))], "MJPG"),
        ([Format("MJPG", 640, 480, ()), Format("YUYV", 640, 480, ())], "YUYV"),
        ([Format("H264", 640, 480, (30.0,)), MJPG_30], "MJPG"),
        ([Format("H264", 640, 480, (30.0,))], ""),
        ([Format("MJPG", 1920, 1080, (30.0,)), Format("YUYV", 320, 240, (30.0,))], "YUYV"),
        ([], ""),
    ],
)
def test_the_cheapest_format_that_is_fast_enough_is_taken(formats: list[Format], best: str) -> None:
    assert best_format(formats, 640, 480, 30) == best


@pytest.fixture
def plugged(tmp_path: Path) -> FakeKernel:
    fake = FakeKernel(tmp_path)
    fake.plug("video0", Node("Inner", "bcm2835-isp"))
    fake.plug("video2", Node("HD Webcam", by_id="usb-HD_Webcam_123-video-index0"))
    return fake


@pytest.mark.parametrize("name", ["auto", 2, "2", "{dev}/video2", "usb-HD_Webcam_123-video-index0", "{id}"])
def test_a_webcam_is_found_by_any_of_its_names(plugged: FakeKernel, name: int | str) -> None:
    if isinstance(name, str):
        name = name.format(dev=plugged.dev, id=plugged.dev / "v4l/by-id/usb-HD_Webcam_123-video-index0")
    assert chosen_node(name, plugged.kernel).name == "HD Webcam"


def test_by_id_and_auto_find_a_camera_that_came_back_under_another_number(plugged: FakeKernel) -> None:
    plugged.unplug("video2")
    plugged.plug("video3", Node("HD Webcam", by_id="usb-HD_Webcam_123-video-index0"))
    assert chosen_node("usb-HD_Webcam_123-video-index0", plugged.kernel).path.endswith("video3")
    assert chosen_node("auto", plugged.kernel).path.endswith("video3")


def test_auto_leaves_out_a_busy_webcam(plugged: FakeKernel) -> None:
    plugged.nodes["video2"].busy = True
    with pytest.raises(CameraError, match=r"no webcam can be used.*in use by another program; `fuser -v"):
        chosen_node("auto", plugged.kernel)
    plugged.plug("video4", Node("Second"))
    assert chosen_node("auto", plugged.kernel).name == "Second"


def test_no_webcam_at_all_says_that_it_will_be_used_when_it_comes(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="no webcam found; plug one in"):
        chosen_node("auto", FakeKernel(tmp_path).kernel)


def test_a_wrong_name_lists_what_is_there_and_guesses(plugged: FakeKernel) -> None:
    with pytest.raises(CameraError, match=r"did you mean usb-HD_Webcam_123-video-index0\? there are: .*HD Webcam"):
        chosen_node("usb-HD_Webcam_128-video-index0", plugged.kernel)


def test_a_device_that_is_named_is_opened_even_if_auto_would_leave_it_out(plugged: FakeKernel) -> None:
    assert chosen_node(0, plugged.kernel).name == "Inner"


def test_asks_for_size_rate_format_and_few_buffers(plugged: FakeKernel) -> None:
    reader = FakeReader([colorful()], "YUYV")
    OpenWebcam(WebcamOptions(width=320, height=240, rate_hz=15), plugged.kernel, reader)
    assert reader.path.endswith("video2")
    assert reader.settings == {
        cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"YUYV"),
        cv2.CAP_PROP_FRAME_WIDTH: 320,
        cv2.CAP_PROP_FRAME_HEIGHT: 240,
        cv2.CAP_PROP_FPS: 15,
        cv2.CAP_PROP_BUFFERSIZE: 2,
        cv2.CAP_PROP_CONVERT_RGB: 0,
    }


def test_a_format_that_only_opencv_can_read_is_left_to_it(plugged: FakeKernel) -> None:
    reader = FakeReader([colorful()], "NV12")
    webcam = OpenWebcam(WebcamOptions(), plugged.kernel, reader)
    assert reader.settings[cv2.CAP_PROP_CONVERT_RGB] == 1
    picture = webcam.grab()
    assert picture is not None and picture.gray.shape == (48, 64)


def test_a_picture_that_nobody_wants_is_let_pass_undecoded(
    plugged: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    webcam = OpenWebcam(WebcamOptions(), plugged.kernel, FakeReader([colorful(), colorful()], "MJPG"))
    decoded: list[int] = []
    decode = cv2.imdecode

    def counted(data: Any, how: int) -> Any:
        decoded.append(how)
        return decode(data, how)

    monkeypatch.setattr(cv2, "imdecode", counted)
    webcam.skip()
    assert not decoded
    assert webcam.grab() is not None and len(decoded) == 1
    with pytest.raises(CameraError, match="has stopped sending pictures; check its cable"):
        webcam.skip()


def test_a_webcam_that_keeps_opencv_waiting_is_not_yet_lost(
    plugged: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be slow to its first picture; how long it may take is for the patience of the feed to say."""
    webcam = OpenWebcam(WebcamOptions(), plugged.kernel, LateReader([colorful()]))
    with monkeypatch.context() as patch:
        patch.setattr("fer_pi.sources.webcam.WAITED_S", -1.0)
        assert webcam.grab() is None
    assert webcam.grab() is not None
    with monkeypatch.context() as patch:
        patch.setattr("fer_pi.sources.webcam.WAITED_S", -1.0)
        webcam.skip()
    for once_more in (webcam.grab, webcam.skip):
        with pytest.raises(CameraError, match="has stopped sending pictures"):
            once_more()


class LateReader(FakeReader):
    """Has nothing at first."""

    waited = False

    def read(self) -> tuple[bool, Any]:
        if not self.waited:
            self.waited = True
            return False, None
        return super().read()


def test_the_drivers_own_time_travels_with_the_picture(plugged: FakeKernel) -> None:
    stamp_s = time.monotonic() - 0.25
    webcam = OpenWebcam(WebcamOptions(), plugged.kernel, FakeReader([colorful()], stamp_s=stamp_s))
    picture = webcam.grab()
    assert picture is not None and picture.taken_at == pytest.approx(stamp_s)


def test_a_webcam_that_cannot_be_opened_tells_busy_from_broken(plugged: FakeKernel) -> None:
    shut = FakeReader([], opens=False)
    with pytest.raises(CameraError, match="cannot be opened; it offers MJPG, YUYV"):
        OpenWebcam(WebcamOptions(), plugged.kernel, shut)
    assert shut.released
    plugged.nodes["video2"].busy = True
    with pytest.raises(CameraError, match="in use by another program"):
        OpenWebcam(WebcamOptions(device=2), plugged.kernel, shut)


def test_an_unplugged_webcam_is_a_problem_at_once_and_comes_back_under_another_number(plugged: FakeKernel) -> None:
    openings = [FakeReader([colorful(seed=1)]), FakeReader([colorful(seed=2)])]
    swapped = []

    def reader(path: str, backend: int) -> Any:
        opened = openings.pop(0)
        if openings:  # while the first one streams, it is pulled out and plugged in anew
            plugged.unplug("video2")
            plugged.plug("video3", Node("HD Webcam"))
        swapped.append(path)
        return opened(path, backend)

    camera = Webcam(WebcamOptions(), plugged.kernel, reader)
    assert isinstance(camera, Camera)
    try:
        first = camera.read(5)
        second = _until(camera.read, lambda frame: frame is not None and frame.index == 1)
        assert first is not None and second is not None and first.index == 0
        assert [Path(path).name for path in swapped] == ["video2", "video3"]
        assert "video3" in camera.name
    finally:
        camera.close()
        camera.close()


def test_making_a_webcam_that_is_not_there_returns_and_says_what_to_do(tmp_path: Path) -> None:
    camera = Webcam(WebcamOptions(device=5), FakeKernel(tmp_path).kernel)
    try:
        assert camera.problem
        _until(camera.read, lambda _: "no camera 5" in camera.problem)
        assert camera.problem == "there is no camera 5; no other camera is plugged in"
    finally:
        camera.close()


@pytest.mark.parametrize(
    "wrong", [{"device": -1}, {"device": ""}, {"pixel_format": "yuyv"}, {"rate_hz": 0}, {"width": "640"}]
)
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WebcamOptions(**wrong)


def _until(read: Callable[[float], Any], done: Callable[[Any], bool]) -> Any:
    for _ in range(100):
        result = read(0.1)
        if done(result):
            return result
    raise AssertionError("it did not come within ten seconds")
