"""Whichever camera is there."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_pi.errors import CameraError
from fer_pi.sources.auto import AutoCamera, AutoOptions, open_first
from fer_pi.sources.capture import Picture
from fer_pi.sources.pi_camera import OpenPiCamera
from fer_pi.sources.webcam import OpenWebcam
from fer_pi.testing.cameras import FakeGrabber, FakeKernel, FakeOpener, FakeReader, Node, fake_picamera2, noise
from fer_pi.types import Camera

PICTURE = np.full((48, 64, 3), 90, np.uint8)


@pytest.fixture
def no_pi_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    monkeypatch.setattr(
        "fer_pi.sources.auto.OpenWebcam", lambda options, kernel: OpenWebcam(options, kernel, FakeReader([PICTURE]))
    )
    return FakeKernel(tmp_path)


def test_the_pi_camera_comes_first(plugged: FakeKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", fake_picamera2(PICTURE, 64))
    plugged.plug("video0", Node())
    assert isinstance(open_first(AutoOptions(), plugged.kernel), OpenPiCamera)


@pytest.mark.usefixtures("no_pi_camera")
def test_without_a_pi_camera_the_first_webcam_is_taken(plugged: FakeKernel) -> None:
    plugged.plug("video0", Node("HD Webcam"))
    assert open_first(AutoOptions(), plugged.kernel).name.endswith("video0 (HD Webcam)")


def test_a_pi_camera_that_is_in_use_gives_way_to_a_webcam(plugged: FakeKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    module = fake_picamera2(PICTURE, 64)
    monkeypatch.setattr(module.Picamera2, "start", lambda self: (_ for _ in ()).throw(RuntimeError("busy")))
    monkeypatch.setitem(sys.modules, "picamera2", module)
    plugged.plug("video0", Node("HD Webcam"))
    assert open_first(AutoOptions(), plugged.kernel).name.endswith("(HD Webcam)")


@pytest.mark.usefixtures("no_pi_camera")
def test_nothing_there_says_that_it_keeps_looking_and_why_a_pi_camera_is_not_found(plugged: FakeKernel) -> None:
    with pytest.raises(
        CameraError, match=r"no camera found; plug in a webcam .*as soon as it is there; .*python3-picamera2"
    ):
        open_first(AutoOptions(), plugged.kernel)


@pytest.mark.usefixtures("no_pi_camera")
def test_the_decoders_of_a_pi_are_no_webcams(plugged: FakeKernel) -> None:
    plugged.plug("video10", Node("bcm2835-codec-decode", "bcm2835-codec", caps=0x04004000))
    plugged.plug("video13", Node("bcm2835-isp", "bcm2835-isp"))
    with pytest.raises(CameraError, match=r"^no camera found; .*; a Pi camera needs apt's python3-picamera2$"):
        open_first(AutoOptions(), plugged.kernel)


@pytest.mark.usefixtures("no_pi_camera")
def test_a_busy_webcam_is_told_from_none(plugged: FakeKernel) -> None:
    plugged.plug("video0", Node(busy=True))
    with pytest.raises(CameraError, match=r"in use by another program; `fuser -v \S+` names it$"):
        open_first(AutoOptions(), plugged.kernel)


def test_follows_what_is_plugged_in() -> None:
    webcam = FakeGrabber([Picture(noise(1)), CameraError("pulled out")], "webcam /dev/video0")
    other = FakeGrabber([Picture(noise(2))], "Pi camera 0")
    opener = FakeOpener(CameraError("no camera found"), webcam, other)
    camera = AutoCamera(AutoOptions(), lambda options: opener())
    assert isinstance(camera, Camera)
    try:
        names = []
        for _ in range(100):
            if camera.read(0.1) is not None:
                names.append(camera.name)
            if len(names) == 2:
                break
        assert names == ["webcam /dev/video0", "Pi camera 0"]
    finally:
        other.let_go()
        camera.close()


def test_options_travel_to_the_webcam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    fake = FakeKernel(tmp_path)
    fake.plug("video0", Node())
    reader = FakeReader([PICTURE])
    monkeypatch.setattr("fer_pi.sources.auto.OpenWebcam", lambda options, kernel: OpenWebcam(options, kernel, reader))
    open_first(AutoOptions(width=1280, height=720, rate_hz=25), fake.kernel)
    asked = [reader.settings[what] for what in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS)]
    assert asked == [1280, 720, 25]
