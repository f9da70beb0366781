"""The privacy switch: a file that keeps the camera closed for as long as it is there, over any restart.

A command, a button and the appliance share it without talking to each other, so that it works while the appliance
hangs, starts or does not run at all.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from fer_pi.atomic_file import replace_file, sync_folder
from fer_pi.errors import CameraError

log = logging.getLogger(__name__)

NAME = "privacy"
"""The name of the file in the state folder."""

LOOK_S = 0.2
"""How often it is looked whether the file is there."""

_TEXT = b"While this file is here, fer-pi keeps the camera closed: see `fer-pi privacy`.\n"


class PrivacySwitch:
    """On: the camera is to be closed. Without a folder, or where that cannot be written, it holds until the end."""

    def __init__(self, state: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = state / NAME if state else None
        self._clock = clock
        self._looked_at = float("-inf")
        self._on = False
        self._held: bool | None = None

    def is_on(self) -> bool:
        """Whether the camera is to be closed; what is not known for sure is as it was."""
        now = self._clock()
        if self._path is None or self._held is not None or now - self._looked_at < LOOK_S:
            return self._on if self._held is None else self._held
        self._looked_at = now
        try:
            self._path.lstat()
            self._on = True
        except FileNotFoundError:
            self._on = False
        except OSError as error:
            log.debug("%s: %s", self._path, error)
        return self._on

    def set(self, on: bool) -> None:
        """Turn it on or off. A file that cannot be written is a warning: it then holds only until the end."""
        try:
            write_switch(self._path, on)
            self._held = None if self._path else on
        except OSError as error:
            log.warning("%s cannot be changed, so privacy will not outlast a restart: %s", self._path, error.strerror)
            self._held = on
        self._on, self._looked_at = on, self._clock()
        log.info("privacy is %s", "on: the camera is closed" if on else "off")

    def toggle(self) -> None:
        """Turn it to the other side; what a button does."""
        self.set(not self.is_on())


def check_visible(state: Path) -> None:
    """Raises CameraError if it cannot be known whether privacy is on, as only root may look into the folder `state`."""
    try:
        (state / NAME).lstat()
    except PermissionError as error:
        raise CameraError(
            f"whether privacy is on stands in {state}, which only root may look into; use sudo,"
            " or a --state-dir of your own"
        ) from error
    except OSError:
        pass  # no folder, no switch


def write_switch(path: Path | None, on: bool) -> None:
    """Put the file there, or take it away, so that a power cut does not undo it. Raises OSError."""
    if path is None:
        return
    if on:
        replace_file(path, _TEXT)
    elif path.exists():
        path.unlink()
        sync_folder(path.parent)
