"""A video file of what the overlay shows; written only where a user asked for exactly that."""

from collections.abc import Callable
from pathlib import Path

import cv2

from fer_pi.errors import OutputError
from fer_pi.types import Image, Reading

MOST_REPEATS = 300
"""A longer gap is cut short: a camera that was away for an hour makes no hour of video."""


class VideoFile:
    """Draws every reading that has a picture and appends it to an MP4 file, which is complete once it is closed.

    Time in the file is time in the source: a picture stands until the next, also where frames were dropped.
    """

    def __init__(self, path: Path, rate_hz: float, draw: Callable[[Reading], Image]) -> None:
        self.path = path
        self.frames = 0
        self._rate_hz = rate_hz
        self._draw = draw
        self._began_at: float | None = None
        self._writer: cv2.VideoWriter | None = None

    def offer(self, reading: Reading) -> None:
        """Append `reading`; the first one decides the size. Raises OutputError if the file cannot be written."""
        if reading.frame is None:
            return
        image = self._draw(reading)
        if self._writer is None:
            height, width = image.shape[:2]
            fourcc = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self.path), fourcc, self._rate_hz, (width, height))
        if not self._writer.isOpened():
            raise OutputError(
                f"{self.path}: a video cannot be written there; name a .mp4 file in a folder that can be written to"
            )
        if self._began_at is None:
            self._began_at = reading.frame.taken_at
        due = round((reading.frame.taken_at - self._began_at) * self._rate_hz) + 1
        for _ in range(min(max(1, due - self.frames), MOST_REPEATS)):
            self._writer.write(image)
            self.frames += 1

    def close(self) -> None:
        """Complete the file; twice is fine."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None
