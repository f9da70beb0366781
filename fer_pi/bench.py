"""What every stage of the frame path costs, and how old the mood is when it reaches an output."""

import platform
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console as Terminal
from rich.table import Table

from fer_pi.chain import Chain, open_chain
from fer_pi.config import Config
from fer_pi.drawing.overlay import draw_overlay
from fer_pi.errors import InputError
from fer_pi.sources.demo import scene
from fer_pi.sources.replay import frames_of
from fer_pi.types import Frame

STAGES = ("capture", "detect", "align", "classify", "mood", "draw")
DRAW_SIZE = (800, 480)
"""Width and height of the official 7-inch touch display."""
RATE_HZ = 30.0
WARM_UP = 10
"""Frames that do not count: caches fill, memory is taken."""
MOST_FRAMES = 600
SCENE_FROM_S = 2.0
"""The embedded scene is measured from here on: one face in the picture."""


def measure(config: Config, video: Path | None, seconds: float) -> dict[str, Any]:
    """Figures for `config` on `video`, or on the embedded scene as a webcam would send it (MJPG, 640x480).

    First as fast as it goes, for the cost of each stage; then at 30 frames a second, for the age of the mood.
    """
    chain = open_chain(config)
    costs, cpu_s, wall_s, size = _costs(chain, video, seconds)
    peak_mb = _peak_memory_mb()
    ages = _ages(chain, video, seconds)
    frames = len(costs["detect"])
    return {
        "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "opencv": cv2.__version__,
        "input": str(video) if video else "embedded scene, MJPG",
        "size": size,
        "threads": {"detector": config.detector.threads, "classifier": config.classifier.threads},
        "frames": frames,
        "stages_ms": {name: _spread(values) for name, values in costs.items()},
        "chain_ms": _spread([sum(row) for row in zip(*(costs[name] for name in STAGES[1:5]), strict=True)]),
        "frames_per_second": round(frames / wall_s, 1),
        "age_ms": _spread(ages),
        "cpu_seconds_per_frame": round(cpu_s / frames, 6),
        "peak_memory_mb": peak_mb,
    }


def print_table(figures: dict[str, Any]) -> None:
    """The figures for a person."""
    terminal = Terminal()
    terminal.print(f"{figures['input']}, {figures['size'][0]}x{figures['size'][1]}", soft_wrap=True)
    table = Table()
    for column in ("stage", "median ms", "p95 ms"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    rows = figures["stages_ms"] | {"detect to mood": figures["chain_ms"], "age at the output": figures["age_ms"]}
    for name, spread in rows.items():
        table.add_row(name, f"{spread['median']:.3f}", f"{spread['p95']:.3f}")
    terminal.print(table)
    terminal.print(
        f"{figures['frames']} frames, {figures['frames_per_second']} frames a second without drawing, "
        f"{figures['cpu_seconds_per_frame'] * 1e3:.2f} ms of CPU a frame, {figures['peak_memory_mb']} MB at most"
    )
    terminal.print(
        f"[dim]{figures['machine']}, Python {figures['python']}, OpenCV {figures['opencv']}, "
        f"threads {figures['threads']}[/dim]"
    )


def _costs(chain: Chain, video: Path | None, seconds: float) -> tuple[dict[str, list[float]], float, float, list[int]]:
    """Milliseconds of each stage for each frame; CPU and wall seconds of all but the drawing; the frames' size."""
    costs: dict[str, list[float]] = {name: [] for name in STAGES}
    cpu_s = wall_s = 0.0
    frames = frames_of(video) if video else _scene_frames(seconds)
    size = [0, 0]
    for number in range(MOST_FRAMES + WARM_UP):
        cpu, start = time.process_time(), time.perf_counter()
        frame = next(frames, None)
        if frame is None:
            break
        captured = time.perf_counter()
        reading = chain.read(frame)
        done, cpu_done = time.perf_counter(), time.process_time()
        draw_overlay(reading, DRAW_SIZE)
        drawn = time.perf_counter()
        if number < WARM_UP:
            continue
        size = [frame.width, frame.height]
        cpu_s += cpu_done - cpu
        wall_s += done - start
        timings = reading.timings
        row = (captured - start, timings.detect, timings.align, timings.classify, timings.mood, drawn - done)
        for name, value in zip(STAGES, row, strict=True):
            costs[name].append(value * 1e3)
    if not costs["detect"]:
        raise InputError(f"{video}: more than {WARM_UP} frames are needed for a measurement")
    return costs, cpu_s, wall_s, size


def _ages(chain: Chain, video: Path | None, seconds: float) -> list[float]:
    """Milliseconds from the moment a frame was due to the moment its reading could be shown, at `RATE_HZ`."""
    chain.begin()
    start = time.monotonic() + 0.1
    ages = []
    frames = frames_of(video) if video else _scene_frames(seconds)
    for number, frame in enumerate(islice(frames, int(seconds * RATE_HZ))):
        due = start + number / RATE_HZ
        if (wait := due - time.monotonic()) > 0:
            time.sleep(wait)
        reading = chain.read(Frame(frame.gray, number, due))
        ages.append(reading.age_s * 1e3)
    return ages


def _peak_memory_mb() -> float:
    """The most that this process has had in memory; unlike `getrusage`, without what its parent had when it forked."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


def _scene_frames(seconds: float) -> Iterator[Frame]:
    """The embedded scene as a webcam sends it: prepared JPEG pictures, decoded to grey one by one."""
    count = min(MOST_FRAMES + WARM_UP, max(WARM_UP + 1, int(seconds * RATE_HZ)))
    pictures = [cv2.imencode(".jpg", scene(SCENE_FROM_S + number / RATE_HZ))[1] for number in range(min(count, 60))]
    for number in range(count):
        gray = cv2.imdecode(pictures[_to_and_fro(number, len(pictures))], cv2.IMREAD_GRAYSCALE)
        yield Frame(np.asarray(gray, np.uint8), number, number / RATE_HZ, number / RATE_HZ)


def _to_and_fro(number: int, length: int) -> int:
    """0, 1, ... length-1, length-2, ... 1, 0, 1, ...: no jump in the picture where the scene repeats."""
    step = number % max(1, 2 * (length - 1))
    return step if step < length else 2 * (length - 1) - step


def _spread(values: list[float]) -> dict[str, float]:
    median, p95 = np.percentile(values, [50, 95])
    return {"median": round(float(median), 4), "p95": round(float(p95), 4)}
