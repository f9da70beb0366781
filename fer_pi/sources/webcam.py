"""A USB webcam, or whatever V4L2 shows as one: grey straight from its raw pictures, colour only on demand."""

import logging
import time
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fer_pi.config import Options
from fer_pi.errors import CameraError
from fer_pi.sources.capture import Capture, Patience, Picture, time_taken
from fer_pi.sources.quiet import quiet_opencv
from fer_pi.sources.v4l2 import RUNNING, CameraNode, Format, Kernel, NotACamera
from fer_pi.types import Image

log = logging.getLogger(__name__)

Raw: TypeAlias = NDArray[np.uint8]

BUFFERS = 2
"""One that the driver fills while the other is copied. With a single one uvcvideo drops the picture that begins before
the last is copied, and uncompressed cameras fall to half their rate; the thread of `Capture` lets none wait in them."""

WAITED_S = 1.0
"""A refusal that took longer is OpenCV's own patience running out (OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT); a webcam that is
gone it refuses at once."""

PREFERRED = ("YUYV", "GREY", "UYVY", "MJPG")
"""The cheapest way to grey first: uncompressed pictures hold it as it is, JPEG has to be decoded."""


class NoWebcam(CameraError):
    """No webcam is plugged in, whatever else the kernel lists."""


class WebcamOptions(Options):
    """A webcam."""

    kind: Literal["webcam"] = "webcam"
    device: Annotated[int, Field(ge=0, le=255)] | Annotated[str, Field(min_length=1)] = "auto"
    """Which one: auto (the first that gives pictures), a number of /dev/video, a path, or a name in /dev/v4l/by-id."""
    width: int = Field(default=640, ge=16, le=7680)
    """Width to ask for, in pixels, 16 to 7680; the camera may give its nearest."""
    height: int = Field(default=480, ge=16, le=4320)
    """Height to ask for, in pixels, 16 to 4320; the camera may give its nearest."""
    rate_hz: int = Field(default=30, ge=1, le=240)
    """Frame rate to ask for, in frames a second, 1 to 240; the camera may give its nearest."""
    pixel_format: Literal["auto", "YUYV", "UYVY", "MJPG", "GREY"] = "auto"
    """Format to ask for; auto takes an uncompressed one if it is fast enough at this size, else MJPG."""
    half_size: bool = False
    """Decode MJPG at half width and height, for a camera that has no smaller size; other formats are not changed."""
    stall_s: float = Field(default=2.0, ge=0.5, le=60)
    """Seconds without a picture after which the camera is opened anew, 0.5 to 60."""
    frozen_s: float = Field(default=2.0, ge=0, le=600)
    """Seconds of exactly the same picture after which the camera is opened anew, 0 to 600; 0 never."""


class Webcam(Capture):
    """A webcam that opens itself, and opens itself again whenever it is lost."""

    Options = WebcamOptions

    def __init__(
        self,
        options: WebcamOptions,
        kernel: Kernel = RUNNING,
        reader: Callable[..., Any] = cv2.VideoCapture,
    ) -> None:
        """`kernel` and `reader` are where tests put their own."""
        patience = Patience(options.stall_s, options.frozen_s)
        super().__init__(lambda: OpenWebcam(options, kernel, reader), f"webcam {options.device}", patience)


class OpenWebcam:
    """One opening of one /dev/video, with pictures as the driver sends them."""

    def __init__(
        self,
        options: WebcamOptions,
        kernel: Kernel = RUNNING,
        reader: Callable[..., Any] = cv2.VideoCapture,
    ) -> None:
        """Raises CameraError saying why it cannot be opened."""
        node = chosen_node(options.device, kernel)
        self.name = f"webcam {node.title}"
        self._stopped = f"{self.name} has stopped sending pictures; check its cable"
        self._half = options.half_size
        wanted: str = options.pixel_format
        if wanted == "auto":
            wanted = best_format(node.formats, options.width, options.height, options.rate_hz)
        with quiet_opencv:
            # By path: OpenCV would take a number for one of its own, and skips what it does not know.
            self._device = reader(node.path, cv2.CAP_V4L2)
            if not self._device.isOpened():
                self._device.release()
                raise CameraError(_reason_closed(node, kernel))
            if wanted:
                self._device.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*wanted))
            self._device.set(cv2.CAP_PROP_FRAME_WIDTH, options.width)
            self._device.set(cv2.CAP_PROP_FRAME_HEIGHT, options.height)
            self._device.set(cv2.CAP_PROP_FPS, options.rate_hz)
            self._device.set(cv2.CAP_PROP_BUFFERSIZE, BUFFERS)
            self._fourcc = int(self._device.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("latin-1").rstrip()
            # Formats that are not ours to read are left to OpenCV, which makes BGR of them.
            self._device.set(cv2.CAP_PROP_CONVERT_RGB, 0 if self._fourcc in PREFERRED else 1)
        if options.pixel_format not in ("auto", self._fourcc):
            log.warning("%s gives %s instead of %s", self.name, self._fourcc, options.pixel_format)

    def grab(self) -> Picture | None:
        """The next picture; None for one that is too broken to use, or if none came for a while."""
        began_at = time.monotonic()
        there, raw = self._device.read()
        arrived_at = time.monotonic()
        if not there:
            if arrived_at - began_at > WAITED_S:
                return None  # it is there and may yet send something: how long that may take is for `Feed` to say
            raise CameraError(self._stopped)
        picture = picture_of(raw, self._fourcc, half=self._half)
        if picture is None:
            return None
        stamp = self._device.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return Picture(picture.gray, picture.make_color, time_taken(stamp, arrived_at))

    def skip(self) -> None:
        """Wait for the next picture, and make nothing of it: neither copied nor decoded."""
        began_at = time.monotonic()
        if not self._device.grab() and time.monotonic() - began_at <= WAITED_S:
            raise CameraError(self._stopped)

    def close(self) -> None:
        """Release the device."""
        self._device.release()


def picture_of(raw: Raw, fourcc: str, *, half: bool = False) -> Picture | None:
    """The grey picture in what OpenCV gives with CAP_PROP_CONVERT_RGB 0, colour to be made from the same bytes.

    raw: (H, W, 2) for YUYV and UYVY, (H, W) for GREY, (1, bytes) for MJPG, else (H, W, 3) BGR; it is kept, not copied.
    None if it is broken.
    """
    match fourcc:
        case "YUYV" | "UYVY" if raw.ndim == 3 and raw.shape[2] == 2:
            luma, code = (0, cv2.COLOR_YUV2BGR_YUYV) if fourcc == "YUYV" else (1, cv2.COLOR_YUV2BGR_UYVY)
            return Picture(_uint8(cv2.extractChannel(raw, luma)), lambda: _uint8(cv2.cvtColor(raw, code)))
        case "GREY" if raw.ndim == 2 or raw.shape[2:] == (1,):
            return Picture(raw.reshape(raw.shape[:2]))
        case "MJPG":
            return _jpeg_picture(raw.reshape(-1), half)
        case _ if raw.ndim == 3 and raw.shape[2] == 3:
            return Picture(_uint8(cv2.cvtColor(raw, cv2.COLOR_BGR2GRAY)), raw.copy)
        case _:
            return None


def _jpeg_picture(data: Raw, half: bool) -> Picture | None:
    # The driver passes on truncated pictures too; from memory OpenCV decodes none that lacks its end.
    if not data.size:
        return None
    gray: Any = cv2.imdecode(data, cv2.IMREAD_REDUCED_GRAYSCALE_2 if half else cv2.IMREAD_GRAYSCALE)
    if gray is None:
        return None

    def color() -> Image:
        decoded: Any = cv2.imdecode(data, cv2.IMREAD_REDUCED_COLOR_2 if half else cv2.IMREAD_COLOR)
        return np.repeat(gray[:, :, None], 3, axis=2) if decoded is None else _uint8(decoded)

    return Picture(_uint8(gray), color)


def best_format(formats: Sequence[Format], width: int, height: int, rate_hz: float) -> str:
    """The cheapest format with the wanted size and rate, else the fastest of that size; "" leaves it to the driver."""
    known = [one for one in formats if one.fourcc in PREFERRED]
    fitting = [one for one in known if (one.width, one.height) == (width, height)] or known
    if not fitting:
        return ""

    def worth(one: Format) -> tuple[float, int]:
        # 5 % off is the same rate: 29.97, and 30.00003 as some drivers round it.
        rate = min(one.rates_hz[0] if one.rates_hz else rate_hz, 0.95 * rate_hz)
        return rate, -PREFERRED.index(one.fourcc)

    return max(fitting, key=worth).fourcc


def chosen_node(device: int | str, kernel: Kernel) -> CameraNode:
    """The camera that `device` names now; looked up at each opening, as numbers change when it is plugged in anew.

    Raises CameraError with the reason and what could be named instead.
    """
    if device == "auto":
        return _first_node(kernel)
    if isinstance(device, int) or device.isdecimal():
        path = kernel.dev / f"video{device}"
    elif "/" in device:
        path = Path(device)
    else:
        path = kernel.dev / "v4l/by-id" / device
    if not path.exists():
        raise CameraError(f"there is no camera {device}; {_candidates(kernel, path)}")
    return kernel.camera(path.resolve(), any_driver=True)


def _first_node(kernel: Kernel) -> CameraNode:
    problems = []
    for path in kernel.nodes():
        try:
            node = kernel.camera(path)
            if not kernel.is_busy(path):
                return node
            problems.append(_busy(node))
        except NotACamera:
            continue
        except CameraError as error:
            problems.append(str(error))
    if problems:
        raise CameraError(f"no webcam can be used: {'; '.join(problems)}")
    raise NoWebcam("no webcam found; plug one in, it will be used as soon as it is there")


def _candidates(kernel: Kernel, path: Path) -> str:
    found = kernel.cameras()
    if not found:
        return "no other camera is plugged in"
    names = [node.by_id for node in found if node.by_id]
    close = get_close_matches(path.name, names, n=1)
    return (f"did you mean {close[0]}? " if close else "") + "there are: " + ", ".join(node.title for node in found)


def _reason_closed(node: CameraNode, kernel: Kernel) -> str:
    if kernel.is_busy(Path(node.path)):
        return _busy(node)
    formats = ", ".join(sorted({one.fourcc for one in node.formats})) or "no format at all"
    return f"webcam {node.title} cannot be opened; it offers {formats}"


def _busy(node: CameraNode) -> str:
    return f"webcam {node.title} is in use by another program; `fuser -v {node.path}` names it"


def _uint8(image: Any) -> Image:
    """OpenCV's stubs do not tell the type of a picture's elements; these are bytes."""
    return np.asarray(image, np.uint8)
