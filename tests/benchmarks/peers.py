"""What a frame costs: our chain beside YuNet, PyPI's `fer` and face-api; one thread, one face, 640x480, taken in turn.

    python tests/benchmarks/peers.py [VIDEO] [--yunet FILE] [--fer PYTHON] [--face-api FOLDER] [--frames N] [--json]

Every frame goes through every column before the next one comes, and the order of the columns moves on by one each time,
so that whatever else the machine does hits all of them; a ratio is the median of those of the single frames. First the
columns of this process take turns, then our chain and the peers that have processes of their own, which leave nothing
of ours in the caches. How to get each peer, and what to do on a busy machine, stands in README.md beside this file.
"""

import argparse
import json
import os
import platform
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from columns import HEIGHT, OURS, RATE_HZ, WIDTH, YUNET, Column, Image, Sample, opened, served

HERE = Path(__file__).resolve().parent
DISTINCT = 60
"""So many frames are kept; they are shown to and fro, so that nothing jumps."""
SCENE_FROM_S = 2.0
"""The embedded scene is shown from here on: one face in the picture."""
WARM_UP = 10
"""Frames that do not count: caches fill, code is compiled."""
MEMORY_FRAMES = 100
"""Frames after which the memory of a column of this process is read, in a fresh process that does nothing else."""
BESIDE, TARGET = "YuNet 320x240", 0.6
"""Our chain may cost this share of that column."""
FER, FACE_API = "fer 25.10.3", "face-api 1.7.15"
REMEDIES = {
    OURS: "install fer_pi in this Python: pip install -e .",
    FER: f"give --fer PYTHON, the python of a venv with {FER}, see README.md",
    FACE_API: f"give --face-api FOLDER, where npm installed {FACE_API}, see README.md",
}


def main() -> None:
    """Measure and print; exit 69 if there was nothing to measure."""
    wanted = _arguments()
    commands = {
        FER: [str(wanted.fer), str(HERE / "columns.py"), "fer"] if wanted.fer else [],
        FACE_API: ["node", str(HERE / "peers_face_api.mjs"), str(wanted.face_api)] if wanted.face_api else [],
    }
    figures = compare(wanted.video, wanted.yunet, commands, wanted.frames)
    if wanted.json:
        print(json.dumps(figures, indent=2))
    else:
        print_table(figures)
    if not figures["columns"]:
        sys.exit(69)


def compare(video: Path | None, yunet: Path | None, commands: dict[str, list[str]], count: int) -> dict[str, Any]:
    """The figures of every column that is there; "skipped" names the others with what they need.

    `commands` start those that want a process of their own.
    """
    pictures = _pictures(video)
    shown = [pictures[_to_and_fro(number, len(pictures))] for number in range(max(count + WARM_UP, MEMORY_FRAMES))]
    with ExitStack() as processes:
        columns, skipped = _columns(yunet, commands, processes)
        beside = {name: column for name, column in columns.items() if name not in commands}
        apart = {name: column for name, column in columns.items() if name in commands or name == OURS}
        rows = _in_turn(beside, shown[: count + WARM_UP])
        rows_apart = _in_turn(apart, shown[: count + WARM_UP]) if len(apart) > (OURS in apart) else {}
    alone = {
        name: _rows_alone([sys.executable, str(HERE / "columns.py"), name, *([str(yunet)] if yunet else [])], shown)
        for name in rows
    }
    peers = {name: seen for name, seen in rows_apart.items() if name != OURS}
    versions = f"Python {platform.python_version()}, OpenCV {cv2.__version__}"
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {versions}",
        "input": str(video) if video else "embedded scene",
        "size": [WIDTH, HEIGHT],
        "frames": count,
        "columns": {name: _summary(seen, alone.get(name, seen)) for name, seen in (rows | peers).items()},
        "ratios": _ratios(rows) | _ratios(rows_apart),
        "skipped": skipped,
    }


def print_table(figures: dict[str, Any]) -> None:
    """The figures for a person, as a Markdown table."""
    print(f"{figures['date']}: {figures['machine']}")
    print(f"{figures['input']}, {WIDTH}x{HEIGHT}, {figures['frames']} frames\n")
    print("| one thread | median ms | p95 ms | CPU ms | one face | peak MB | stages, median ms |")
    print("| --- | --: | --: | --: | --: | --: | --- |")
    for name, row in figures["columns"].items():
        stages = ", ".join(f"{stage} {value:.2f}" for stage, value in row["stages_ms"].items())
        print(
            f"| {name} | {row['wall_ms']['median']:.2f} | {row['wall_ms']['p95']:.2f} | {row['cpu_ms']['median']:.2f} "
            f"| {row['one_face']:.0%} | {row['peak_memory_mb']:.0f} | {stages} |"
        )
    print()
    for name, ratio in figures["ratios"].items():
        target = f" (target: at most {TARGET})" if name == BESIDE else ""
        bare = f"; {ratio['without_resize']:.3f} of it without its resizing" if "without_resize" in ratio else ""
        print(f"{OURS} takes {ratio['wall']:.3f} of the time of {name}{target}, {ratio['cpu']:.3f} of its CPU{bare}")
    for name, reason in figures["skipped"].items():
        print(f"skipped: {name}: {reason}")


def _columns(
    yunet: Path | None, commands: dict[str, list[str]], processes: ExitStack
) -> tuple[dict[str, Column], dict[str, str]]:
    """The columns that can be opened, and of the others what they need."""
    columns: dict[str, Column] = {}
    skipped: dict[str, str] = {}
    for name in (OURS, *YUNET, *commands):
        try:
            if name not in commands:
                columns[name] = opened(name, yunet)
            elif commands[name]:
                columns[name] = processes.enter_context(served(commands[name]))
            else:
                skipped[name] = REMEDIES[name]
        except ImportError as error:
            skipped[name] = f"{error}; {REMEDIES[name]}"
        except (OSError, ValueError) as error:
            skipped[name] = str(error)
    return columns, skipped


def _in_turn(columns: dict[str, Column], shown: list[Image]) -> dict[str, list[Sample]]:
    """The samples of every column, for every frame but the first WARM_UP."""
    samples: dict[str, list[Sample]] = {name: [] for name in columns}
    for number, picture in enumerate(shown):
        turn = number % max(1, len(columns))
        for name in [*columns][turn:] + [*columns][:turn]:
            samples[name].append(columns[name](picture))
    return {name: rows[WARM_UP:] for name, rows in samples.items()}


def _rows_alone(command: list[str], pictures: list[Image]) -> list[Sample]:
    with served(command) as column:
        return [column(picture) for picture in pictures[:MEMORY_FRAMES]]


def _summary(rows: list[Sample], with_memory: list[Sample]) -> dict[str, Any]:
    stages = {stage: _spread([row["stages_ms"][stage] for row in rows])["median"] for stage in rows[0]["stages_ms"]}
    return {
        "wall_ms": _spread([row["wall_ms"] for row in rows]),
        "cpu_ms": _spread([row["cpu_ms"] for row in rows]),
        "stages_ms": stages,
        "one_face": sum(row["faces"] == 1 for row in rows) / len(rows),
        "peak_memory_mb": round(max(row["peak_memory_mb"] for row in with_memory), 1),
    }


def _ratios(samples: dict[str, list[Sample]]) -> dict[str, dict[str, float]]:
    """Medians over the frames of our cost by theirs."""
    ratios: dict[str, dict[str, float]] = {}
    for name, theirs in samples.items():
        if OURS not in samples or name == OURS:
            continue
        pairs = list(zip(samples[OURS], theirs, strict=True))
        ratios[name] = {
            "wall": _median([a["wall_ms"] / b["wall_ms"] for a, b in pairs]),
            "cpu": _median([a["cpu_ms"] / b["cpu_ms"] for a, b in pairs]),
        }
        if name in YUNET:
            ratios[name]["without_resize"] = _median([a["wall_ms"] / b["stages_ms"]["detect"] for a, b in pairs])
    return ratios


def _pictures(video: Path | None) -> list[Image]:
    """Up to DISTINCT pictures of the video, fitted into 640x480 with black edges, or of the embedded scene."""
    if video is None:
        try:
            from fer_pi.sources.demo import scene
        except ImportError as error:
            sys.exit(f"the embedded scene cannot be shown: {error}; {REMEDIES[OURS]}, or give a VIDEO")
        return [scene(SCENE_FROM_S + number / RATE_HZ) for number in range(DISTINCT)]
    pictures: list[Image] = []
    capture = cv2.VideoCapture(str(video))
    while len(pictures) < DISTINCT:
        found, picture = capture.read()
        if not found:
            break
        scale = min(WIDTH / picture.shape[1], HEIGHT / picture.shape[0])
        fitted = cv2.resize(picture, (round(picture.shape[1] * scale), round(picture.shape[0] * scale)))
        top, left = (HEIGHT - fitted.shape[0]) // 2, (WIDTH - fitted.shape[1]) // 2
        canvas = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        canvas[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
        pictures.append(canvas)
    if not pictures:
        sys.exit(f"{video}: no picture can be read from it; give a video that OpenCV can decode")
    return pictures


def _to_and_fro(number: int, length: int) -> int:
    """0, 1, ... length-1, length-2, ... 1, 0, 1, ..."""
    step = number % max(1, 2 * (length - 1))
    return step if step < length else 2 * (length - 1) - step


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _median(values: list[float]) -> float:
    return round(float(np.median(values)), 4)


def _spread(values: list[float]) -> dict[str, float]:
    median, p95 = np.percentile(values, [50, 95])
    return {"median": round(float(median), 4), "p95": round(float(p95), 4)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("video", nargs="?", type=Path, help="with one face in it; the embedded scene without it")
    parser.add_argument("--yunet", type=Path, help="YuNet as an ONNX file")
    parser.add_argument("--fer", type=Path, metavar="PYTHON", help=f"the python of a venv with {FER}")
    parser.add_argument("--face-api", type=Path, metavar="FOLDER", help=f"where npm installed {FACE_API}")
    parser.add_argument("--frames", type=int, default=300, help="frames that count (default 300)")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    wanted = parser.parse_args()
    if wanted.frames < 1:
        parser.error(f"--frames {wanted.frames}: at least 1 is needed")
    return wanted


if __name__ == "__main__":
    main()
