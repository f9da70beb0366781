"""Files as cameras: a video, a picture or a folder of pictures, at their own pace or as fast as possible."""

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from pydantic import Field

from fer_pi.config import Options
from fer_pi.errors import InputError
from fer_pi.paths import is_file, is_folder
from fer_pi.sources.pictures import PICTURE_SUFFIXES, files_in, is_picture, pictures_in, read_picture
from fer_pi.sources.quiet import quiet_opencv
from fer_pi.types import Frame

__all__ = ["Replay", "ReplayOptions", "frame_count", "frames_of", "is_video", "media_in", "rate_of", "read_picture"]

log = logging.getLogger(__name__)

VIDEO_SUFFIXES = frozenset(
    {
        ".mp4",
        ".m4v",
        ".mkv",
        ".webm",
        ".avi",
        ".mov",
        ".mpg",
        ".mpeg",
        ".mjpg",
        ".mjpeg",
        ".wmv",
        ".ogv",
        ".3gp",
        ".gif",
    }
)
"""Files of a folder whose names end so are taken for videos; a file that is named itself may end as it likes."""

PICTURE_RATE_HZ = 10.0
"""How often a picture is shown again while it stands, so that the mood has time to settle on it."""

MOST_SKIPPED = 30
"""Late frames that are skipped for one that is shown; where decoding is slower than that, the replay slows down."""

RETRY_S = 1.0
"""How often a file that vanished during a loop is looked for."""

_TEXT = "ansi"
"""What FFmpeg calls the codec of a plain text file, which it would show as a terminal does."""


class ReplayOptions(Options):
    """A file instead of a camera."""

    kind: Literal["replay"] = "replay"
    path: Path
    """A video (whatever FFmpeg reads, also GIF), a picture, or a folder of pictures."""
    pace: Literal["real", "fast"] = "real"
    """real: at the video's own rate, late frames skipped; fast: every frame, as soon as the last one is done."""
    loop: bool = False
    """Whether it begins anew at its end, for ever."""
    picture_s: float = Field(default=2.0, ge=0.1, le=3600)
    """Seconds for which each picture stands, 0.1 to 3600; pictures at the fast pace come once each."""


class Replay:
    """Plays a file; `read` raises EOFError after its last frame."""

    Options = ReplayOptions

    def __init__(
        self,
        options: ReplayOptions,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """Raises InputError for a file that cannot be played. `clock` and `wait` are for tests."""
        self.name, self.problem = f"replay {options.path}", ""
        self._options = options
        self._clock = clock
        self._closed = threading.Event()
        self._wait = wait or self._closed.wait
        self._start: float | None = None
        self._count = 0
        self._retry_at = -math.inf
        self._timeline = _timeline(options)
        self._ahead: tuple[float, Frame] | None = next(self._timeline, None)

    def read(self, timeout_s: float) -> Frame | None:
        """The newest frame not yet read, or None if none came within `timeout_s`. Raises EOFError at the end."""
        if self._closed.is_set():
            raise EOFError(f"{self.name} is closed")
        try:
            self._look_again()
            return self._next_in_time(timeout_s) if self._options.pace == "real" else self._next()
        except InputError as error:  # it was there when the replay began: it may come back
            self.problem, self._start = str(error), None
            self._retry_at = self._clock() + RETRY_S
            self._wait(timeout_s)
            return None

    def close(self) -> None:
        """Release the file; twice is fine."""
        self._closed.set()
        self._ahead = None
        with contextlib.suppress(ValueError):  # another thread is just reading; it lets go of the file when it is done
            self._timeline.close()

    def _next(self) -> Frame:
        _, frame = self._taken()
        return replace(frame, index=self._count - 1, taken_at=self._clock())

    def _next_in_time(self, timeout_s: float) -> Frame | None:
        now = self._clock()
        due, _ = self._peeked()
        if self._start is None:
            self._start = now - due
        early_s = self._start + due - now
        if early_s > 0:
            self._wait(min(early_s, timeout_s))
            if early_s > timeout_s:
                return None
        due, frame = self._taken()
        skipped = 0
        while self._ahead is not None and self._start + self._ahead[0] <= self._clock():
            if skipped == MOST_SKIPPED:
                self._start = self._clock() - due
                break
            due, frame = self._taken()
            skipped += 1
        return replace(frame, index=self._count - 1, taken_at=self._start + due)

    def _peeked(self) -> tuple[float, Frame]:
        if self._ahead is None:
            raise EOFError(f"{self.name} has ended")
        return self._ahead

    def _taken(self) -> tuple[float, Frame]:
        taken = self._peeked()
        self._count += 1
        self._ahead = None
        self._ahead = next(self._timeline, None)
        return taken

    def _look_again(self) -> None:
        """After a failure, begin anew once it is time; until then, fail again."""
        if not self.problem:
            return
        if self._clock() < self._retry_at:
            raise InputError(self.problem)
        self._timeline = _timeline(self._options)
        self._ahead = next(self._timeline, None)
        self.problem = ""


def frames_of(path: Path) -> Iterator[Frame]:
    """Every frame of a video, a picture or the pictures of a folder, without pacing, `taken_at` its own position.

    `index` counts from 0; `source` is `path`, in a folder each picture's own. Raises InputError for a bad file.
    """
    if is_folder(path):
        for index, picture in enumerate(pictures_in(path)):
            yield replace(read_picture(picture), index=index)
    elif is_picture(path):
        yield read_picture(path)
    else:
        yield from _video_frames(path)


def media_in(folder: Path) -> list[Path]:
    """The pictures and videos in `folder` itself, in natural order. Raises InputError if there are none."""
    return files_in(folder, PICTURE_SUFFIXES | VIDEO_SUFFIXES, "pictures or videos (such as .jpg or .mp4)")


def is_video(path: Path) -> bool:
    """Whether the file at `path` can be opened as a video."""
    try:
        if is_folder(path) or is_picture(path):
            return False
        _opened(path).release()
    except InputError:
        return False
    return True


def rate_of(path: Path) -> float:
    """Frames a second of a video as its header says; 0 for pictures, and for what cannot be opened."""
    return _from_header(path, cv2.CAP_PROP_FPS, most=1000)


def frame_count(path: Path) -> int:
    """How many frames a video has as its header says, 1 for a picture, 0 if that is not known."""
    return 1 if is_file(path) and is_picture(path) else int(_from_header(path, cv2.CAP_PROP_FRAME_COUNT, most=1e9))


def _from_header(path: Path, what: int, most: float) -> float:
    if not is_video(path):
        return 0.0
    reader = _opened(path)
    value = reader.get(what)
    reader.release()
    return value if 0 < value < most else 0.0


def _timeline(options: ReplayOptions) -> Generator[tuple[float, Frame], None, None]:
    """Each frame with the seconds from the start at which it is due."""
    offset = 0.0
    while True:
        due = 0.0
        for due, frame in _once(options):
            yield offset + due, frame
        if not options.loop:
            return
        offset += due + 1 / (rate_of(options.path) or PICTURE_RATE_HZ)


def _once(options: ReplayOptions) -> Iterator[tuple[float, Frame]]:
    path = options.path
    if not (is_folder(path) or is_picture(path)):
        for frame in _video_frames(path):
            yield frame.taken_at, frame
        return
    pictures = pictures_in(path) if is_folder(path) else [path]
    times = 1 if options.pace == "fast" else max(1, round(options.picture_s * PICTURE_RATE_HZ))
    shown = 0
    for picture in pictures:
        try:
            frame = read_picture(picture)
        except InputError as error:
            if len(pictures) == 1:
                raise
            log.warning("%s; it is left out", error)
            continue
        for again in range(times):
            yield shown * options.picture_s + again / PICTURE_RATE_HZ, frame
        shown += 1
    if not shown:
        raise InputError(f"{path}: none of its {len(pictures)} pictures can be decoded")


def _video_frames(path: Path) -> Iterator[Frame]:
    reader = _opened(path)
    rate = reader.get(cv2.CAP_PROP_FPS)
    step_s = 1 / rate if 0 < rate <= 1000 else 1 / 30
    declared = reader.get(cv2.CAP_PROP_FRAME_COUNT)
    index, position = 0, -step_s
    try:
        while True:
            there, bgr = reader.read()
            if not there:
                break
            # Each frame has a time of its own, as a GIF's may last longer than others; broken files repeat or lack it.
            told = reader.get(cv2.CAP_PROP_POS_MSEC) / 1000
            position = told if told > position or index == 0 else position + step_s
            gray = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)
            yield Frame(gray, index, position, position, str(path), np.asarray(bgr, np.uint8).copy)
            index += 1
    finally:
        reader.release()
    if index == 0:
        raise InputError(f"{path}: holds no frame that can be decoded; it is truncated or damaged")
    if 0 < declared < 1e9 and index < 0.98 * declared - 1:
        log.warning("%s: ends after %d of %d frames; it is truncated or damaged", path, index, declared)


def _opened(path: Path) -> cv2.VideoCapture:
    try:
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; check its name and permissions") from error
    if size == 0:
        raise InputError(f"{path}: the file is empty; copy it anew")
    with quiet_opencv:
        reader = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    fourcc = int(reader.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
    if not reader.isOpened() or fourcc.to_bytes(4, "little") == _TEXT.encode():
        reader.release()
        raise InputError(f"{path}: is neither a picture nor a video that FFmpeg can open; it may be truncated")
    return reader
