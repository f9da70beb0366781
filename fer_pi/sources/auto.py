"""Whichever camera is there: the Pi's own, else the first webcam; else it keeps looking, and says so."""

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from fer_pi.config import Options
from fer_pi.errors import CameraError
from fer_pi.sources.capture import Capture, Grabber
from fer_pi.sources.pi_camera import MISSING, OpenPiCamera, PiCameraOptions, attached_pi_cameras
from fer_pi.sources.v4l2 import RUNNING, Kernel
from fer_pi.sources.webcam import NoWebcam, OpenWebcam, WebcamOptions

NONE_FOUND = "no camera found; plug in a webcam or attach a Pi camera, it will be used as soon as it is there"


_NO_PICAMERA2 = "; a Pi camera needs apt's python3-picamera2"


class AutoOptions(Options):
    """The camera that is there."""

    kind: Literal["auto"] = "auto"
    width: int = Field(default=640, ge=64, le=4608, multiple_of=2)
    """Width to ask for, in pixels, 64 to 4608, even."""
    height: int = Field(default=480, ge=64, le=2592, multiple_of=2)
    """Height to ask for, in pixels, 64 to 2592, even."""
    rate_hz: int = Field(default=30, ge=1, le=120)
    """Frame rate to ask for, in frames a second, 1 to 120."""


class AutoCamera(Capture):
    """A Pi camera or a webcam; each opening chooses anew, so that it follows what is plugged in."""

    Options = AutoOptions

    def __init__(self, options: AutoOptions, opener: Callable[[AutoOptions], Grabber] | None = None) -> None:
        """`opener` stands in for the hardware in tests."""
        opened = opener or open_first
        super().__init__(lambda: opened(options), "camera")


def open_first(options: AutoOptions, kernel: Kernel = RUNNING) -> Grabber:
    """The Pi camera if one is attached and free, else the first webcam that is free.

    Raises CameraError saying why there is neither.
    """
    pi_problem = ""
    try:
        if attached_pi_cameras():
            rate_hz = float(options.rate_hz)
            return OpenPiCamera(PiCameraOptions(width=options.width, height=options.height, rate_hz=rate_hz))
    except CameraError as error:
        pi_problem = _NO_PICAMERA2 if str(error) == MISSING else f"; {error}"
    try:
        return OpenWebcam(WebcamOptions(width=options.width, height=options.height, rate_hz=options.rate_hz), kernel)
    except NoWebcam as error:
        raise CameraError(NONE_FOUND + pi_problem) from error
    except CameraError as error:
        # Who has a webcam need not hear of a library that a Pi camera would want.
        raise CameraError(str(error) + pi_problem.replace(_NO_PICAMERA2, "")) from error
