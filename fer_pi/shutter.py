"""A camera behind a shutter: while privacy is on its device is closed, and nothing holds a picture of it."""

import logging
import threading
import time
from collections.abc import Callable

from fer_pi.device.privacy import PrivacySwitch
from fer_pi.errors import FerPiError
from fer_pi.outputs.privacy_panel import PrivacyPanel
from fer_pi.types import Camera, Frame

SHUT = 'the camera is closed; the button or "sudo fer-pi privacy off" opens it'
"""What a shut camera says of itself."""

LOOK_S = 0.2
"""How often a shut camera looks whether it may open."""
AGAIN_S = 4.0
"""How long after a failure it is opened again."""

log = logging.getLogger(__name__)


class Shutter:
    """Opens the camera unless `switch` is on, and closes it when it is turned on.

    The light of `panel` goes on before the camera is opened, and off after it is closed. The panel is closed with it.
    """

    def __init__(self, open_camera: Callable[[], Camera], switch: PrivacySwitch, panel: PrivacyPanel) -> None:
        self.name, self.problem = "camera", ""
        self._open_camera = open_camera
        self._switch = switch
        self._panel = panel
        self._camera: Camera | None = None
        self._leaving: list[Camera] = []
        self._closed = threading.Event()
        self._again_at = 0.0
        try:
            self._follow()
        except BaseException:
            panel.close()
            raise

    @property
    def shut(self) -> bool:
        """Whether the camera is closed for privacy."""
        return self._camera is None and self._switch.is_on()

    @property
    def note(self) -> str:
        """What is wrong beside the camera itself, in one line for people; empty if nothing is."""
        return self._panel.problem

    def read(self, timeout_s: float) -> Frame | None:
        """The newest frame not yet read; None if none came within `timeout_s`, and always while it is shut.

        Raises EOFError at the end of a file.
        """
        try:
            self._follow()
        except FerPiError as error:  # a file to replay that has gone meanwhile
            if self.problem != str(error):
                log.warning("%s", error)
            self.problem, self._again_at = str(error), time.monotonic() + AGAIN_S
        if self._camera is None:
            self._closed.wait(min(timeout_s, LOOK_S))
            return None
        frame = self._camera.read(timeout_s)
        self.name, self.problem = self._camera.name, self._camera.problem
        # Shut while this waited: then it is not for anybody's eyes any more.
        self._follow()
        return None if self._camera is None else frame

    def close(self) -> None:
        """Release the device, light off, even if a driver still holds the camera fast; twice is fine."""
        self._closed.set()
        self._shut()
        self._panel.close()

    def _follow(self) -> None:
        if self._closed.is_set():
            return
        self._panel.look_again()
        if self._switch.is_on():
            self._shut()
            self.problem = SHUT
        elif self._camera is None and time.monotonic() >= self._again_at:
            self._panel.light(True)
            try:
                self._camera = self._open_camera()
            except FerPiError:
                self._panel.light(False)
                raise
            self.name, self.problem = self._camera.name, self._camera.problem

    def _shut(self) -> None:
        if self._camera is not None:
            self._leaving.append(self._camera)
            self._camera = None
        # A driver may take its time to open or to let go: until then the light is on.
        if self._leaving:
            self._leaving = [camera for camera in self._leaving if camera.close() is False]
            if not self._leaving:
                self._panel.light(False)
