"""Small videos for tests, made from the embedded scene."""

from pathlib import Path

import cv2

from fer_pi.sources.demo import scene


def scene_video(path: Path, start_s: float, seconds: float, rate_hz: float = 15.0) -> Path:
    """A video at `path` of that part of the embedded scene, 640x480; returns `path`."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate_hz, (640, 480))
    assert writer.isOpened(), path
    for number in range(round(seconds * rate_hz)):
        writer.write(scene(start_s + number / rate_hz))
    writer.release()
    return path
