"""Keeps OpenCV from writing to the terminal what is said better elsewhere."""

import threading
from types import TracebackType
from typing import Any

import cv2

_SILENT = 0


def opencv_log() -> Any:
    """What has `getLogLevel` and `setLogLevel`: OpenCV 5 has moved them."""
    return cv2 if hasattr(cv2, "setLogLevel") else vars(cv2.utils)["logging"]


class _Quiet:
    """A block in which OpenCV logs nothing; blocks of several threads may overlap, the last to end puts it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._level = 0

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._level = opencv_log().getLogLevel()
                opencv_log().setLogLevel(_SILENT)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                opencv_log().setLogLevel(self._level)


quiet_opencv = _Quiet()
"""`with quiet_opencv:` one for the process, as OpenCV's level is one for the process."""
