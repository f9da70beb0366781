"""The Pi's own camera, through a stand-in for picamera2."""

import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from fer_pi.errors import CameraError
from fer_pi.sources.pi_camera import OpenPiCamera, PiCamera, PiCameraOptions, attached_pi_cameras, yuv420_picture
from fer_pi.testing.cameras import fake_picamera2
from fer_pi.types import Camera, Image


def colorful(width: int = 64, height: int = 48) -> Image:
    small = np.random.default_rng(3).integers(40, 216, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def install(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> Any:
    monkeypatch.setitem(sys.modules, "picamera2", module)
    return module.Picamera2


@pytest.mark.parametrize("stride", [64, 96, 128])
def test_grey_is_the_y_plane_whatever_the_stride(monkeypatch: pytest.MonkeyPatch, stride: int) -> None:
    bgr = colorful()
    install(monkeypatch, fake_picamera2(bgr, stride))
    picture = OpenPiCamera(PiCameraOptions(width=64, height=64)).grab()
    expected = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420)[:48]
    assert np.array_equal(picture.gray, expected) and picture.gray.flags["C_CONTIGUOUS"]
    assert picture.make_color is not None
    color = picture.make_color()
    assert color.shape == (48, 64, 3) and np.abs(color.astype(int) - bgr).mean() < 6


def test_grey_without_padding_is_not_copied() -> None:
    buffer = np.zeros(64 * 48 * 3 // 2, np.uint8)
    assert np.shares_memory(yuv420_picture(buffer, 64, 48, 64).gray, buffer)


def test_every_request_is_given_back_and_closing_stops_the_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    module = install(monkeypatch, fake_picamera2(colorful(), 64))
    opened = OpenPiCamera(PiCameraOptions())
    for _ in range(5):
        opened.grab()
        opened.skip()
    opened.close()
    (device,) = module.made
    assert device.held == 0 and device.calls == ["open", "configure", "start", "stop", "close"]


def test_asks_for_size_and_a_fixed_frame_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    module = install(monkeypatch, fake_picamera2(colorful(), 64))
    OpenPiCamera(PiCameraOptions(width=320, height=240, rate_hz=25))
    configuration = module.made[0].configuration
    assert configuration["main"] == {"size": (320, 240), "format": "YUV420"}
    assert configuration["controls"] == {"FrameDurationLimits": (40000, 40000)}


def test_a_camera_upside_down_is_turned_by_the_sensor(monkeypatch: pytest.MonkeyPatch) -> None:
    module = install(monkeypatch, fake_picamera2(colorful(), 64))
    libcamera = ModuleType("libcamera")
    vars(libcamera)["Transform"] = dict
    monkeypatch.setitem(sys.modules, "libcamera", libcamera)
    OpenPiCamera(PiCameraOptions(rotated=True))
    assert module.made[0].configuration["transform"] == {"hflip": 1, "vflip": 1}


def test_the_sensors_own_time_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    stamp_s = time.monotonic() - 0.25
    install(monkeypatch, fake_picamera2(colorful(), 64, stamp_s=stamp_s))
    assert OpenPiCamera(PiCameraOptions()).grab().taken_at == pytest.approx(stamp_s)


def test_without_picamera2_names_the_package_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(CameraError, match=r"apt install python3-picamera2.*--system-site-packages"):
        attached_pi_cameras()


def test_a_picamera2_that_does_not_fit_numpy_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    def clash(name: str) -> ModuleType:
        raise ValueError("numpy.dtype size changed, may indicate binary incompatibility")

    monkeypatch.setattr("fer_pi.sources.pi_camera.import_module", clash)
    with pytest.raises(CameraError, match="install numpy<2"):
        attached_pi_cameras()


def test_no_camera_attached_says_to_check_the_ribbon(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, fake_picamera2(colorful(), 64, models=()))
    with pytest.raises(CameraError, match=r"no Pi camera 0, none is attached; .*ribbon"):
        OpenPiCamera(PiCameraOptions())


def test_a_usb_webcam_that_libcamera_lists_is_no_pi_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    module = install(monkeypatch, fake_picamera2(colorful(), 64))
    usb = {"Model": "HD Webcam", "Num": 0, "Id": "/base/soc/usb@7e980000-1.2:1.0-046d:0825"}
    monkeypatch.setattr(module, "global_camera_info", lambda: [usb, {"Model": "imx708", "Num": 1, "Id": "/base/i2c"}])
    assert attached_pi_cameras() == {1: "imx708"}
    OpenPiCamera(PiCameraOptions())
    assert module.made[0].number == 1


def test_a_camera_is_opened_by_its_place_in_picamera2s_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Picamera2 sorts its list; "Num" is libcamera's own number, which it looks up itself."""
    module = install(monkeypatch, fake_picamera2(colorful(), 64))
    found = [
        {"Model": "imx708", "Num": 1, "Id": "/base/i2c@88000"},
        {"Model": "imx219", "Num": 0, "Id": "/base/i2c@80000"},
    ]
    monkeypatch.setattr(module, "global_camera_info", lambda: found)
    assert "imx219" in OpenPiCamera(PiCameraOptions(number=1)).name
    assert module.made[0].number == 1


def test_a_camera_that_could_not_be_opened_leaves_no_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    """As picamera2 does: its constructor makes a pipe and notes itself before it asks for the camera."""
    module = install(monkeypatch, fake_picamera2(colorful(), 64))

    class Manager:
        cameras: dict[int, object] = {}  # noqa: RUF012 one class, one manager

        def cleanup(self, number: int) -> None:
            del self.cameras[number]

    class Taken:
        is_open = False
        _cm = Manager()
        global_camera_info = module.global_camera_info

        def __init__(self, number: int) -> None:
            reader, self.notifyme_w = os.pipe()
            os.close(reader)
            self._cm.cameras[number] = self
            raise RuntimeError("Camera __init__ sequence did not complete.")

    monkeypatch.setattr(sys.modules["picamera2"], "Picamera2", Taken)
    held = Manager.cameras[0] = type("Held", (), {"is_open": True})()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(CameraError, match="another program uses it"):
            OpenPiCamera(PiCameraOptions())
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert Manager.cameras == {0: held}, "what another thread holds stays"


def test_a_camera_in_use_is_a_problem_and_what_was_opened_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = install(monkeypatch, fake_picamera2(colorful(), 64))

    def busy(self: object) -> None:
        raise RuntimeError("Failed to acquire camera: Device or resource busy")

    monkeypatch.setattr(module, "start", busy)
    with pytest.raises(CameraError, match=r"imx708.*another program uses it.*Failed to acquire"):
        OpenPiCamera(PiCameraOptions())
    assert module.made[0].calls[-1] == "close"


def test_a_sensor_that_stops_is_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    module = install(monkeypatch, fake_picamera2(colorful(), 64, breaks_after=1))
    camera = PiCamera(PiCameraOptions())
    assert isinstance(camera, Camera)
    try:
        indices = []
        for _ in range(100):
            frame = camera.read(0.1)
            if frame is not None:
                indices.append(frame.index)
            if len(indices) == 2:
                break
        assert indices == [0, 1] and len(module.made) == 2
        assert "imx708" in camera.name
    finally:
        camera.close()
        camera.close()
