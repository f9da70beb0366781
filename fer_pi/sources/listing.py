"""What `fer-pi cameras` lists: every camera that a configuration can name."""

import contextlib

from fer_pi.errors import CameraError
from fer_pi.sources.pi_camera import attached_pi_cameras
from fer_pi.sources.v4l2 import RUNNING, CameraNode, Kernel


def found_cameras(kernel: Kernel = RUNNING) -> list[CameraNode]:
    """The Pi cameras, then the webcams, each in the order of their numbers; what may not be opened is left out."""
    found = []
    with contextlib.suppress(CameraError):  # without picamera2 there is no Pi camera to name
        for number, model in enumerate(attached_pi_cameras().values()):
            found.append(CameraNode(str(number), model, "libcamera", kind="pi_camera"))
    return found + kernel.cameras()
