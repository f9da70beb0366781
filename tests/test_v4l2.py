"""What the kernel says about its video devices."""

import os
from pathlib import Path

import pytest

from fer_pi.errors import CameraError
from fer_pi.sources.v4l2 import RUNNING, Format
from fer_pi.testing.cameras import FakeKernel, Node


def test_lists_a_webcam_with_its_name_driver_id_and_formats(tmp_path: Path) -> None:
    fake = FakeKernel(tmp_path)
    path = fake.plug("video0", Node("HD Webcam", by_id="usb-HD_Webcam-index0"))
    (node,) = fake.kernel.cameras()
    assert (node.path, node.name, node.driver, node.by_id) == (
        str(path),
        "HD Webcam",
        "uvcvideo",
        "usb-HD_Webcam-index0",
    )
    assert node.formats == (
        Format("YUYV", 640, 480, (30.0, 15.0)),
        Format("MJPG", 640, 480, (30.0,)),
        Format("MJPG", 1280, 720, (30.0,)),
    )
    assert str(node).splitlines()[-1] == "  MJPG 1280x720 at 30 Hz"


def test_a_webcams_metadata_node_is_no_camera(tmp_path: Path) -> None:
    fake = FakeKernel(tmp_path)
    fake.plug("video0", Node("HD Webcam"))
    fake.plug("video1", Node("HD Webcam", caps=0x04800000, index=1))
    assert [node.path for node in fake.kernel.cameras()] == [str(fake.dev / "video0")]
    assert fake.kernel.nodes() == [fake.dev / "video0"], "it is not even opened"


@pytest.mark.parametrize(
    ("driver", "caps"),
    [
        ("bcm2835-codec", 0x04008000),
        ("bcm2835-isp", 0x04000001),
        ("unicam", 0x04000001),
        ("rp1-cfe", 0x24000001),
        ("pispbe", 0x04001000),
        ("rpivid", 0x04004000),
        ("a_later_one", 0x24000001),
    ],
)
def test_the_inner_nodes_of_a_pi_are_no_cameras(tmp_path: Path, driver: str, caps: int) -> None:
    fake = FakeKernel(tmp_path)
    fake.plug("video0", Node("inner", driver, caps))
    fake.plug("video10", Node("HD Webcam"))
    assert [node.name for node in fake.kernel.cameras()] == ["HD Webcam"]


def test_nodes_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    fake = FakeKernel(tmp_path)
    for name in ("video10", "video2", "video0"):
        fake.plug(name, Node())
    assert [path.name for path in fake.kernel.nodes()] == ["video0", "video2", "video10"]


def test_a_node_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=r"there is no .*video9"):
        FakeKernel(tmp_path).kernel.camera(tmp_path / "video9")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_a_node_without_permission_names_the_group(tmp_path: Path) -> None:
    fake = FakeKernel(tmp_path)
    fake.plug("video0", Node()).chmod(0)
    with pytest.raises(CameraError, match="usermod -aG video"):
        fake.kernel.camera(fake.dev / "video0")


def test_permission_is_told_from_absence_by_the_errno(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(CameraError, match=r"no permission to open .*usermod -aG video"):
        RUNNING.camera(tmp_path / "video0")


def test_a_file_that_is_no_video_device_says_so(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="is not a video device"):
        RUNNING.camera(Path("/dev/null"))


def test_another_programs_stream_is_seen(tmp_path: Path) -> None:
    fake = FakeKernel(tmp_path)
    free, taken = fake.plug("video0", Node()), fake.plug("video1", Node(busy=True))
    assert (fake.kernel.is_busy(free), fake.kernel.is_busy(taken)) == (False, True)


def test_no_handle_is_left_open(tmp_path: Path) -> None:
    fake = FakeKernel(tmp_path)
    fake.plug("video0", Node())
    before = len(list(Path("/proc/self/fd").iterdir()))
    fake.kernel.cameras()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
