"""Pictures, folders and videos -> one record a frame, as JSON lines, a CSV table or a video with the overlay."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from fer_pi.chain import Chain
from fer_pi.drawing.overlay import draw_overlay
from fer_pi.errors import FerPiError, InputError
from fer_pi.outputs.video_file import VideoFile
from fer_pi.paths import is_folder
from fer_pi.sources.replay import frames_of, is_video, media_in, rate_of
from fer_pi.types import EMOTIONS, Image, Reading, Scores

CSV_COLUMNS = (
    "source", "frame", "time", "track", "x", "y", "width", "height", "confidence",
    *(emotion.value for emotion in EMOTIONS), "mood", "strength",
)  # fmt: skip

PICTURE_RATE_HZ = 1.0
"""Separate pictures follow one another at this rate in a video made of them."""


def inputs_in(paths: Sequence[Path]) -> list[Path]:
    """The files to analyse: what was given, and what lies in each folder. Raises InputError for an empty one."""
    files: list[Path] = []
    for path in paths:
        files += media_in(path) if is_folder(path) else [path]
    return files


def readings_of(path: Path, chain: Chain) -> Iterator[Reading]:
    """A reading for each frame of the picture or video at `path`, which knows nothing of any other file.

    A video is followed in time, a picture is judged by itself. Raises InputError for a file that cannot be used.
    """
    chain.begin(pictures=not is_video(path))
    for frame in frames_of(path):
        reading = chain.read(frame)
        # No camera was waiting: the age of this reading is what it cost to make.
        yield replace(reading, made_at=frame.taken_at + reading.timings.total)


def record_of(reading: Reading) -> dict[str, Any]:
    """What is known of one frame, ready for JSON: pixels and seconds of the source, probabilities 0..1."""
    frame = reading.frame
    assert frame is not None, "a reading of a file has its frame"
    faces = [
        {
            "track": seen.track,
            "box": [
                _pixels(v) for v in (seen.face.box.left, seen.face.box.top, seen.face.box.width, seen.face.box.height)
            ],
            "landmarks": [[_pixels(x), _pixels(y)] for x, y in seen.face.landmarks],
            "confidence": round(seen.face.confidence, 4),
            "emotions": _probabilities(seen.raw),
            "smoothed": _probabilities(seen.scores),
        }
        for seen in reading.sightings
    ]
    mood = {"emotion": reading.mood.emotion, "strength": round(reading.mood.strength, 4)}
    time_s = round(frame.position_s or 0.0, 4)
    return {"source": frame.source, "frame": frame.index, "time": time_s, "faces": faces, "mood": mood}


def analyze(
    files: Iterable[Path],
    chain: Chain,
    *,
    json_lines: TextIO | None = None,
    csv_file: Path | None = None,
    video: Path | None = None,
    on_reading: Callable[[Reading], None] = lambda _: None,
) -> list[FerPiError]:
    """Write what is in `files`; the errors of those that could not be used, while the others go on.

    `on_reading` is told of every frame. Raises InputError if an output file cannot be written.
    """
    errors: list[FerPiError] = []
    with ExitStack() as closing:
        table = closing.enter_context(_table(csv_file)) if csv_file else None
        writer = csv.DictWriter(table, CSV_COLUMNS) if table else None
        if writer:
            writer.writeheader()
        recorder: VideoFile | None = None
        for file in files:
            try:
                for reading in readings_of(file, chain):
                    record = record_of(reading)
                    if json_lines:
                        print(json.dumps(record, ensure_ascii=False), file=json_lines, flush=True)
                    if writer:
                        writer.writerows(_rows(record))
                    if video:
                        if recorder is None:
                            recorder = VideoFile(video, rate_of(file) or PICTURE_RATE_HZ, drawn_in_size_of(reading))
                            closing.callback(recorder.close)
                        recorder.offer(reading)
                    on_reading(reading)
            except InputError as error:
                errors.append(error)
    return errors


def drawn_in_size_of(first: Reading, least_height: int = 360) -> Callable[[Reading], Image]:
    """Draws the overlay in the size of the first reading's picture, small pictures enlarged to `least_height`."""
    frame = first.frame
    assert frame is not None
    scale = max(1.0, least_height / frame.height)
    # Video encoders want even sides.
    size = (max(2, round(frame.width * scale / 2) * 2), max(2, round(frame.height * scale / 2) * 2))
    return lambda reading: draw_overlay(reading, size, mirrored=False)


def _table(path: Path) -> TextIO:
    try:
        return path.open("w", newline="", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: the table cannot be written: {error.strerror}") from error


def _rows(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One row a face; a frame without a face has one row too, so that no frame is missing."""
    common = {key: record[key] for key in ("source", "frame", "time")}
    common |= {"mood": record["mood"]["emotion"], "strength": record["mood"]["strength"]}
    for face in record["faces"] or [None]:
        if face is None:
            yield common
            continue
        box = dict(zip(("x", "y", "width", "height"), face["box"], strict=True))
        yield common | box | face["smoothed"] | {"track": face["track"], "confidence": face["confidence"]}


def _pixels(value: float) -> float:
    return round(float(value), 2)


def _probabilities(scores: Scores) -> dict[str, float]:
    return {name: round(value, 4) for name, value in scores.as_dict().items()}
