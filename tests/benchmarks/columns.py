"""What peers.py compares: each a function from a frame to what it cost, in this process or in one of its own.

    python columns.py NAME [YUNET]      answer raw frames on stdin with JSON lines, for `served`

This file runs in the Python of the peers too, so it needs nothing but NumPy and OpenCV until a column is opened.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import cv2
import numpy as np

WIDTH, HEIGHT = 640, 480
FRAME_BYTES = WIDTH * HEIGHT * 3
RATE_HZ = 30.0
OURS = "fer_pi"
YUNET = {"YuNet 320x240": (320, 240), "YuNet 160x120": (160, 120)}
"""Name and input size of YuNet's columns."""

Image = Any
"""(480, 640, 3) uint8 BGR; `Any` because fer_pi.types is not there in a peer's Python."""
Sample = dict[str, Any]
"""wall_ms, cpu_ms (of all threads), faces, stages_ms; peak_memory_mb where the column has a process of its own."""
Column = Callable[[Image], Sample]


def opened(name: str, yunet: Path | None = None) -> Column:
    """The column of that name, in this process and on one thread.

    Raises ImportError, OSError or ValueError if something that it needs is missing.
    """
    cv2.setNumThreads(1)
    if name == OURS:
        return _our_chain()
    if name in YUNET:
        if yunet is None:
            raise OSError("give --yunet FILE, YuNet of the OpenCV Zoo as ONNX")
        return _yunet(yunet, YUNET[name])
    return _fer()


@contextmanager
def served(command: list[str]) -> Iterator[Column]:
    """A column in a process of its own, kept to one thread. Raises OSError if it does not start or ends early."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1")
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=complaints, env=os.environ | threads) as process,
    ):
        assert process.stdin
        assert process.stdout

        def answer() -> Sample:
            assert process.stdout
            if line := process.stdout.readline():
                return dict(json.loads(line))
            complaints.seek(0)
            reasons = complaints.read().decode(errors="replace").strip().splitlines()
            errors = [line for line in reasons if re.match(r"\w*Error: ", line)]
            raise OSError(f"{command[0]} ended: {[*errors, *reasons[-1:], 'without a word'][0]}")

        def column(picture: Image) -> Sample:
            assert process.stdin
            try:
                process.stdin.write(picture.tobytes())
                process.stdin.flush()
            except BrokenPipeError:
                pass  # it has ended, and `answer` says why
            return answer()

        answer()
        yield column
        process.stdin.close()


def serve(column: Column, frames: BinaryIO, answers: TextIO) -> None:
    """Answer each raw frame with one JSON line, after an empty answer that says that all is loaded."""
    print(json.dumps({}), file=answers, flush=True)
    while len(data := frames.read(FRAME_BYTES)) == FRAME_BYTES:
        sample = column(np.frombuffer(data, np.uint8).reshape(HEIGHT, WIDTH, 3))
        print(json.dumps(sample | {"peak_memory_mb": _peak_memory_mb()}), file=answers, flush=True)


def _our_chain() -> Column:
    from fer_pi.chain import open_chain, with_threads
    from fer_pi.config import checked_config
    from fer_pi.types import Frame

    # Every frame is looked at in full, as the peers do.
    chain = open_chain(with_threads(checked_config({"detector": {"every": 1}}), 1))
    index = 0

    def column(picture: Image) -> Sample:
        nonlocal index
        # A camera delivers grey (the Y plane): its making belongs to the capture, which no column is charged for.
        gray = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        frame = Frame(gray, index, index / RATE_HZ)
        index += 1
        reading, wall_ms, cpu_ms = _timed(lambda: chain.read(frame))
        stages = {stage: getattr(reading.timings, stage) * 1e3 for stage in ("detect", "align", "classify", "mood")}
        return {"wall_ms": wall_ms, "cpu_ms": cpu_ms, "faces": len(reading.sightings), "stages_ms": stages}

    return column


def _yunet(file: Path, size: tuple[int, int]) -> Column:
    try:
        net = cv2.FaceDetectorYN.create(str(file), "", size, 0.6)
    except cv2.error as error:
        raise OSError(f"{file}: OpenCV {cv2.__version__} cannot load it: {error.err}") from error

    def column(picture: Image) -> Sample:
        small, resize_ms, resize_cpu_ms = _timed(lambda: cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR))
        (_, faces), detect_ms, detect_cpu_ms = _timed(lambda: net.detect(small))
        return {
            "wall_ms": resize_ms + detect_ms,
            "cpu_ms": resize_cpu_ms + detect_cpu_ms,
            "faces": 0 if faces is None else len(faces),
            "stages_ms": {"resize": resize_ms, "detect": detect_ms},
        }

    return column


def _fer() -> Column:
    from fer.fer import FER

    reader = FER()

    def column(picture: Image) -> Sample:
        faces, wall_ms, cpu_ms = _timed(lambda: reader.detect_emotions(picture))
        return {"wall_ms": wall_ms, "cpu_ms": cpu_ms, "faces": len(faces), "stages_ms": {}}

    return column


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What `work` returns, and the wall and CPU milliseconds that it took."""
    cpu, start = time.process_time(), time.perf_counter()
    result = work()
    return result, (time.perf_counter() - start) * 1e3, (time.process_time() - cpu) * 1e3


def _peak_memory_mb() -> float:
    """VmHWM, this program's own peak; ru_maxrss begins with that of whoever started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    serve(opened(sys.argv[1], Path(sys.argv[2]) if sys.argv[2:] else None), sys.stdin.buffer, sys.stdout)
