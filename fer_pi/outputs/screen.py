"""A screen: the overlay, or the mood as a drawn face, on a monitor, a small display or in a window."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Literal, Protocol

import cv2
import numpy as np
from pydantic import Field

from fer_pi.config import Options
from fer_pi.drawing.expression import Pose, eased, pose_of
from fer_pi.drawing.mood_face import draw_mood
from fer_pi.drawing.overlay import draw_overlay
from fer_pi.errors import OutputError
from fer_pi.types import Image, Reading

log = logging.getLogger(__name__)

EASING_S = 0.18
"""Time constant with which the drawn face follows the mood."""
OVERLAY_REFRESH_S = 1.0
"""How often an overlay is drawn again when nothing new comes, so that its picture is seen to grow old."""
MOOD_REFRESH_S = 1 / 15
"""How often the drawn face moves when nothing new comes."""


class ScreenOptions(Options):
    """A screen."""

    kind: Literal["screen"] = "screen"
    style: Literal["overlay", "mood"] = "overlay"
    """overlay: the camera's picture with faces, names and bars; mood: a drawn face and colour, with nobody on it."""
    backend: Literal["auto", "window", "kms", "framebuffer"] = "auto"
    """window: on a desktop; kms: the whole monitor without a desktop; framebuffer: /dev/fb0, for small displays with an
    old driver; auto: a window where there is a desktop, else kms, else framebuffer."""
    connector: Annotated[str, Field(min_length=1, max_length=32)] = "auto"
    """Of kms: the socket of the monitor, as in `ls /sys/class/drm`: HDMI-A-1, DSI-1; auto: the first with a monitor."""
    size: Annotated[str, Field(pattern=r"^(auto|[1-9][0-9]{1,4}x[1-9][0-9]{1,4})$")] = "auto"
    """Width x height in pixels, 10 to 99999 each, such as 1280x720: of the window, or of the monitor's mode (kms).
    auto: 960x540 for a window, the monitor's own for kms, but not more than 1920x1080 if it has a smaller one.
    A framebuffer has the size it has."""
    rotate: Literal[0, 90, 180, 270] = 0
    """Degrees clockwise by which the picture is turned, for a screen that hangs on its side or upside down."""
    full_screen: bool = False
    """Of window: fill the whole desktop; the key F changes it."""
    mirrored: bool = True
    """Show people as a mirror does; the words stay readable."""
    max_rate_hz: Annotated[float, Field(ge=1, le=120)] = 30.0
    """Pictures a second at most, 1 to 120; fewer spare the processor."""
    show_numbers: bool = True
    """Percentages, latency, readings a second, number of people."""
    show_landmarks: bool = False
    """The five points of each face: eyes, nose and corners of the mouth."""
    notice: Annotated[str, Field(max_length=200)] = "Expressions are estimated. No picture is stored."
    """A line for the people in front of the camera, at most 200 characters; empty for none. The EU's AI Act wants
    people to be told that their emotions are estimated (Article 50(3))."""


class Surface(Protocol):
    """Something that shows pictures."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels; may change."""

    @property
    def ended(self) -> bool:
        """Its user has closed it: it shows nothing any more, and that is no fault."""

    def show(self, image: Image) -> None:
        """Show (H, W, 3) uint8 BGR of `size`. Raises OutputError when it is gone."""

    def close(self) -> None:
        """Go dark and release the device; twice is fine."""


class Screen:
    """Draws each reading and shows it; dark after `close`."""

    Options = ScreenOptions

    def __init__(
        self,
        options: ScreenOptions,
        *,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
        surface: Surface | None = None,
    ) -> None:
        """Open the screen (`surface` instead, if given). Raises OutputError where there is none.

        `environment` tells whether there is a desktop.
        """
        self._options = options
        self._clock = clock
        self._drawn_at = -np.inf
        self._pose: Pose | None = None
        self._surface: Surface | None = surface or open_surface(options, environment)
        self.refresh_s: float | None = OVERLAY_REFRESH_S
        if options.style == "mood":
            self.refresh_s = max(MOOD_REFRESH_S, 1 / options.max_rate_hz)

    def show(self, reading: Reading) -> None:
        """Draw and show it, unless the last picture is too recent. Raises OutputError when the screen is gone."""
        if self._surface is None:
            raise OutputError("the screen is closed")
        if self._surface.ended:
            self.refresh_s = None
            return
        now = self._clock()
        # A tenth of an interval early is in time: cameras are not as regular as clocks.
        if now - self._drawn_at < 0.9 / self._options.max_rate_hz:
            return
        width, height = self._surface.size
        turned = self._options.rotate in (90, 270)
        image = self._drawn(reading, (height, width) if turned else (width, height), now)
        self._surface.show(_rotated(image, self._options.rotate))
        self._drawn_at = now

    def close(self) -> None:
        surface, self._surface = self._surface, None
        if surface is not None:
            surface.close()

    def _drawn(self, reading: Reading, size: tuple[int, int], now: float) -> Image:
        options = self._options
        if options.style == "mood":
            target = pose_of(reading)
            share = 1 - float(np.exp(-(now - self._drawn_at) / EASING_S))
            self._pose = target if self._pose is None else eased(self._pose, target, share)
            return draw_mood(
                reading, size, now, pose=self._pose, show_numbers=options.show_numbers, notice=options.notice
            )
        return draw_overlay(
            reading,
            size,
            mirrored=options.mirrored,
            at=now,
            show_numbers=options.show_numbers,
            show_landmarks=options.show_landmarks,
            notice=options.notice,
        )


def open_surface(options: ScreenOptions, environment: Mapping[str, str]) -> Surface:
    """What `options` ask for. Raises OutputError, with what was tried, where there is none."""
    if options.backend == "auto":
        desktop = any(environment.get(name) for name in ("WAYLAND_DISPLAY", "DISPLAY"))
        tried = ["window", "kms", "framebuffer"] if desktop else ["kms", "framebuffer"]
    else:
        tried = [options.backend]
    problems = []
    for backend in tried:
        try:
            return _opened(backend, options)
        except OutputError as error:
            problems.append(f"{backend}: {error}")
            cause = error
    raise OutputError(f"no display: {'; '.join(problems)}") from cause


def _opened(backend: str, options: ScreenOptions) -> Surface:
    size = None if options.size == "auto" else tuple(map(int, options.size.split("x")))
    wanted = None if size is None else (size[0], size[1])
    if backend == "window":
        from fer_pi.outputs.window import WindowSurface

        return WindowSurface(wanted, options.full_screen)
    if backend == "kms":
        from fer_pi.outputs.kms import KmsSurface

        return KmsSurface(options.connector, wanted)
    from fer_pi.outputs.framebuffer import FramebufferSurface

    return FramebufferSurface()


def _rotated(image: Image, degrees: int) -> Image:
    if degrees == 0:
        return image
    how = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}[degrees]
    return np.asarray(cv2.rotate(image, how), np.uint8)
