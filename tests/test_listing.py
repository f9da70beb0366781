"""What `fer-pi cameras` lists."""

import sys
from pathlib import Path

import numpy as np
import pytest

from fer_pi.sources.listing import found_cameras
from fer_pi.testing.cameras import FakeKernel, Node, fake_picamera2

PICTURE = np.zeros((48, 64, 3), np.uint8)


def test_pi_cameras_come_first_each_with_the_kind_that_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", fake_picamera2(PICTURE, 64, models=("imx708", "ov5647")))
    fake = FakeKernel(tmp_path)
    fake.plug("video0", Node("HD Webcam"))
    listed = [(node.kind, node.path.rpartition("/")[2], node.name) for node in found_cameras(fake.kernel)]
    assert listed == [("pi_camera", "0", "imx708"), ("pi_camera", "1", "ov5647"), ("webcam", "video0", "HD Webcam")]


def test_a_machine_without_cameras_lists_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    assert found_cameras(FakeKernel(tmp_path).kernel) == []


def test_a_kernel_without_video_devices_lists_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    fake = FakeKernel(tmp_path)
    fake.sysfs.rmdir()
    assert found_cameras(fake.kernel) == []
