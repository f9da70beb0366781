"""Keeps OpenCV from writing to the terminal what is said better elsewhere."""

import threading
from types import TracebackType

import cv2

_SILENT = 0


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
                self._level = cv2.setLogLevel(_SILENT)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                cv2.setLogLevel(self._level)


quiet_opencv = _Quiet()
"""`with quiet_opencv:` one for the process, as OpenCV's level is one for the process."""
