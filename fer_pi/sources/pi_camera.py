"""A camera on the Pi's ribbon connector, through picamera2: grey is the Y plane of its YUV420 pictures."""

import contextlib
import os
import time
from importlib import import_module
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fer_pi.config import Options
from fer_pi.errors import CameraError
from fer_pi.sources.capture import Capture, Patience, Picture, time_taken
from fer_pi.types import Image

MISSING = (
    "the Pi camera needs picamera2: sudo apt install python3-picamera2, and a virtual environment made with "
    "python3 -m venv --system-site-packages"
)
BUFFERS = 3
"""One being filled, one waiting, one being copied."""


class PiCameraOptions(Options):
    """A Raspberry Pi camera."""

    kind: Literal["pi_camera"] = "pi_camera"
    number: int = Field(default=0, ge=0, le=3)
    """Which one, in the order in which `fer-pi cameras` lists them, 0 to 3."""
    width: int = Field(default=640, ge=64, le=4608, multiple_of=2)
    """Width of the pictures in pixels, 64 to 4608, even."""
    height: int = Field(default=480, ge=64, le=2592, multiple_of=2)
    """Height of the pictures in pixels, 64 to 2592, even."""
    rate_hz: float = Field(default=30.0, ge=1, le=120)
    """Frames a second, 1 to 120; in the dark the exposure is kept short enough for it."""
    rotated: bool = False
    """Whether the camera is mounted upside down."""
    stall_s: float = Field(default=2.0, ge=0.5, le=60)
    """Seconds without a picture after which the camera is opened anew, 0.5 to 60."""
    frozen_s: float = Field(default=2.0, ge=0, le=600)
    """Seconds of exactly the same picture after which the camera is opened anew, 0 to 600; 0 never."""


class PiCamera(Capture):
    """A Pi camera that opens itself, and opens itself again whenever it is lost."""

    Options = PiCameraOptions

    def __init__(self, options: PiCameraOptions) -> None:
        patience = Patience(options.stall_s, options.frozen_s)
        super().__init__(lambda: OpenPiCamera(options), f"Pi camera {options.number}", patience)


def attached_pi_cameras() -> dict[int, str]:
    """The model of each attached camera, by the number that picamera2 opens it by: its place in picamera2's own list.

    Of that list the USB webcams, which libcamera finds too, are left out. Raises CameraError if picamera2 cannot be
    used.
    """
    cameras = enumerate(_picamera2().global_camera_info())
    return {
        place: str(info.get("Model", "unknown"))
        for place, info in cameras
        if "usb" not in str(info.get("Id", "")).lower()
    }


class OpenPiCamera:
    """One opening of one Pi camera."""

    def __init__(self, options: PiCameraOptions) -> None:
        attached = attached_pi_cameras()
        if options.number >= len(attached):
            there = f"{len(attached)} attached" if attached else "none is attached"
            raise CameraError(
                f"there is no Pi camera {options.number}, {there}; with the power off check its ribbon cable, then see "
                "what `rpicam-hello --list-cameras` says"
            )
        place, model = list(attached.items())[options.number]
        self.name = f"Pi camera {options.number} ({model})"
        self._patience_s = options.stall_s
        try:
            before = _kept_cameras()
            try:
                self._device = _picamera2()(place)
            except Exception:
                _forget_unopened(before)
                raise
            try:
                self._configure(options)
            except Exception:
                self._device.close()
                raise
        except (RuntimeError, IndexError, ValueError, OSError) as error:
            raise CameraError(f"{self.name} cannot be opened, perhaps another program uses it: {error}") from error
        self._stride = int(self._device.camera_configuration()["main"]["stride"])
        self._width, self._height = self._device.camera_configuration()["main"]["size"]

    def grab(self) -> Picture:
        """The next picture."""
        request = self._request()
        arrived_at = time.monotonic()
        try:
            buffer = request.make_buffer("main")
            stamp_ns = request.get_metadata().get("SensorTimestamp", 0)
        finally:
            request.release()
        taken_at = time_taken(stamp_ns / 1e9, arrived_at)
        return yuv420_picture(buffer, self._width, self._height, self._stride, taken_at)

    def skip(self) -> None:
        """Wait for the next picture, and make nothing of it."""
        self._request().release()

    def close(self) -> None:
        """Stop the camera and release it."""
        with contextlib.suppress(RuntimeError):  # a camera that broke down cannot be stopped in good order
            self._device.stop()
        self._device.close()

    def _request(self) -> Any:
        try:
            return self._device.capture_request(wait=self._patience_s)
        except TimeoutError as error:
            seconds = f"{self._patience_s:g}"
            raise CameraError(f"{self.name} has sent no picture for {seconds} s; check its ribbon cable") from error

    def _configure(self, options: PiCameraOptions) -> None:
        frame_us = round(1e6 / options.rate_hz)
        arguments: dict[str, Any] = {}
        if options.rotated:
            arguments["transform"] = import_module("libcamera").Transform(hflip=1, vflip=1)
        configuration = self._device.create_video_configuration(
            main={"size": (options.width, options.height), "format": "YUV420"},
            controls={"FrameDurationLimits": (frame_us, frame_us)},
            buffer_count=BUFFERS,
            queue=False,  # a picture from before it was asked for is not wanted
            **arguments,
        )
        self._device.configure(configuration)
        self._device.start()


def yuv420_picture(
    buffer: NDArray[np.uint8], width: int, height: int, stride: int, taken_at: float | None = None
) -> Picture:
    """The picture in a planar YUV420 buffer: rows of Y, `stride` bytes each, then U and V in rows of half of that.

    Where the stride is the width, grey is a view of the buffer, else a copy without the padding.
    """
    planes = buffer[: stride * height * 3 // 2].reshape(height * 3 // 2, stride)  # (1.5 H, stride)

    def color() -> Image:
        bgr = cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420)  # (H, stride, 3)
        return np.ascontiguousarray(bgr[:, :width], np.uint8)

    return Picture(np.ascontiguousarray(planes[:height, :width]), color, taken_at)


def _kept_cameras() -> dict[Any, Any]:
    """The cameras that picamera2 keeps of this process, by number; a copy."""
    return dict(getattr(getattr(_picamera2(), "_cm", None), "cameras", {}))


def _forget_unopened(before: dict[Any, Any]) -> None:
    """Release what picamera2 keeps of a camera that it could not open: an end of a pipe, which its `close` leaves.

    Else every attempt costs a file descriptor, and after an hour of them nothing at all could be opened. What it kept
    `before` stays: a camera that a driver holds fast in another thread, say.
    """
    for number, camera in _kept_cameras().items():
        if camera is before.get(number) or getattr(camera, "is_open", False):
            continue
        with contextlib.suppress(AttributeError, OSError):
            os.close(camera.notifyme_w)
        manager = _picamera2()._cm
        if number in before:
            manager.cameras[number] = before[number]
        else:
            with contextlib.suppress(KeyError):
                manager.cleanup(number)


def _picamera2() -> Any:
    try:
        return import_module("picamera2").Picamera2
    except ImportError as error:
        raise CameraError(MISSING) from error
    except ValueError as error:  # "numpy.dtype size changed": its compiled parts were built for another NumPy
        raise CameraError(f"picamera2 does not fit this NumPy ({error}); install numpy<2 beside it") from error
