"""`fer-pi snapshot`: one picture of the camera in a file, for adjusting it; nothing else ever saves a whole one."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from fer_pi.app import open_camera
from fer_pi.atomic_file import replace_file
from fer_pi.config import Config
from fer_pi.device.privacy import PrivacySwitch, check_visible
from fer_pi.errors import CameraError, InputError
from fer_pi.shutter import Shutter
from fer_pi.status_view import read_status
from fer_pi.types import Camera

PATIENCE_S = 15.0
"""How long the camera may take to give a picture."""
SETTLING = 10
"""Pictures that go by first, while the camera adjusts its exposure."""


def save_snapshot(file: Path, config: Config, state: Path, runtime: Path) -> None:
    """Save what the camera of `config` sees to `file`, readable for its owner alone; its suffix gives the format.

    Raises CameraError as `camera_at_hand`, or if no picture comes; InputError if the file cannot be written.
    """
    with camera_at_hand(config, state, runtime) as camera:
        save_picture(file, camera)


@contextmanager
def camera_at_hand(config: Config, state: Path, runtime: Path) -> Iterator[Shutter]:
    """The camera of `config` for a command beside the service; released at the end.

    Raises CameraError if the running service has it, or privacy is on.
    """
    if read_status(runtime, time.monotonic())["running"]:
        raise CameraError("the running service has the camera; `sudo systemctl stop fer-pi` lets go of it")
    check_visible(state)
    camera = open_camera(config, PrivacySwitch(state))
    try:
        if camera.shut:
            raise CameraError("privacy is on: `sudo fer-pi privacy off` lets the camera look")
        yield camera
    finally:
        camera.close()


def save_picture(file: Path, camera: Camera, clock: Callable[[], float] = time.monotonic) -> None:
    """Save the picture that `camera` gives once it has settled. Raises CameraError or InputError."""
    seen, until = 0, clock() + PATIENCE_S
    while clock() < until:
        frame = camera.read(0.5)
        if frame is None:
            continue
        seen += 1
        if seen <= SETTLING:
            continue
        try:
            good, content = cv2.imencode(file.suffix.lower(), frame.color())
        except cv2.error as error:
            raise InputError(f"{file}: no such picture format; end the name in .jpg or .png") from error
        if not good:
            raise InputError(f"{file}: the picture cannot be written in this format; end the name in .jpg or .png")
        try:
            replace_file(file, content.tobytes(), mode=0o600)
        except OSError as error:
            raise InputError(f"{file}: cannot be written: {error.strerror}") from error
        return
    raise CameraError(camera.problem or f"{camera.name} gave no picture within {PATIENCE_S:g} s")
