"""One crop, one thread: our emotion model beside other .tflite files, in the same process and the same TFLite runtime.

    python tests/benchmarks/classifiers.py [MODEL.tflite ...] [--crops N] [--json]

Each file goes through every TFLite runtime that this Python has. Timed is what a frame pays: setting the input,
`invoke`, reading the output, on zeros of the model's own input type; nothing is prepared or looked up. All take turns,
and their order moves on by one each time; a ratio is the median of the ratios of the single turns.
"""

import argparse
import importlib
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fer_pi.shipped import shipped
from fer_pi.vision.classifier import RUNTIMES

OURS = "fer_pi"
WARM_UP = 50


def main() -> None:
    """Print the table; exit 69 if no runtime is installed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="*", type=Path, help="other .tflite files with one input and one output")
    parser.add_argument("--crops", type=int, default=2000, help="turns that count (default 2000)")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    wanted = parser.parse_args()
    files = {OURS: shipped("models/emotion/emotion.tflite"), **{path.name: path for path in wanted.models}}
    contestants: dict[tuple[str, str], Callable[[], None]] = {}
    for runtime in RUNTIMES:
        try:
            module = importlib.import_module(runtime)
        except ImportError:
            print(f"not installed here: {runtime}", file=sys.stderr)
            continue
        for name, file in files.items():
            contestants[runtime, name] = _runner(module, file)
    if not contestants:
        sys.exit(69)
    samples = _in_turn(contestants, wanted.crops)
    rows = [
        {
            "runtime": runtime,
            "model": name,
            "bytes": files[name].stat().st_size,
            "median_ms": round(float(np.median(taken)), 4),
            "p95_ms": round(float(np.quantile(taken, 0.95)), 4),
            "ours_of_it": round(float(np.median(samples[runtime, OURS] / taken)), 3),
        }
        for (runtime, name), taken in samples.items()
    ]
    if wanted.json:
        print(json.dumps({"python": platform.python_version(), "crops": wanted.crops, "rows": rows}, indent=2))
        return
    print("| runtime | model | bytes | median ms | p95 ms | fer_pi takes of it |")
    print("| --- | --- | --: | --: | --: | --: |")
    for row in rows:
        print(
            f"| {row['runtime']} | {row['model']} | {row['bytes']:,} | {row['median_ms']:.3f} | {row['p95_ms']:.3f}"
            f" | {row['ours_of_it']:.2f} |"
        )


def _runner(module: Any, file: Path) -> Callable[[], None]:
    net = module.Interpreter(model_path=str(file), num_threads=1)
    net.allocate_tensors()
    (given,), (wanted,) = net.get_input_details(), net.get_output_details()
    crop = np.zeros(given["shape"], given["dtype"])

    def once() -> None:
        net.set_tensor(given["index"], crop)
        net.invoke()
        net.get_tensor(wanted["index"])

    return once


def _in_turn(contestants: dict[tuple[str, str], Callable[[], None]], count: int) -> dict[tuple[str, str], Any]:
    """(count,) milliseconds of each."""
    taken: dict[tuple[str, str], list[float]] = {name: [] for name in contestants}
    names = [*contestants]
    for number in range(count + WARM_UP):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            start = time.perf_counter()
            contestants[name]()
            taken[name].append((time.perf_counter() - start) * 1e3)
    return {name: np.array(values[WARM_UP:]) for name, values in taken.items()}


if __name__ == "__main__":
    main()
