"""What it saves to look only near known faces, and what it misses, beside full looks at every frame.

    python tests/benchmarks/attention.py [--every N,N] [VIDEO ...] [--model FOLDER] [--json]
    python tests/benchmarks/attention.py --faces DATA [--model FOLDER] [--json]

Without VIDEO: the embedded scene. Each frame goes through every way in turn, and the order moves on by one each time,
so that whatever else the machine does hits all of them. All are compared with full looks at every frame (`every` 1).
With labelled pictures, as `fer-pi evaluate detector` takes them, both kinds of look are compared with the labels of
those that show one or two faces: each is looked at twice, and the second time only near what the first has found.
"""

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fer_pi.chain import Chain, open_chain
from fer_pi.config import checked_config
from fer_pi.sources.demo import scene
from fer_pi.sources.replay import frames_of
from fer_pi.types import Face, Frame, Image, Reading
from fer_pi.vision.attention import Attention, open_attention
from fer_pi.vision.detector_input import parse_size

RATE_HZ, SCENE_S = 30.0, 16.0
MOST_FRAMES = 900
WARM_UP = 10
"""Frames at the beginning whose cost does not count."""
SAME = 0.4
"""IoU from which two boxes are of the same face."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("videos", nargs="*", type=Path, metavar="VIDEO", help="the embedded scene without any")
    parser.add_argument("--every", default="3,5,10", metavar="N,N", help="frames for one full look (default 3,5,10)")
    parser.add_argument("--size", default="320x240", help="of a full look")
    parser.add_argument("--model", type=Path, help="another model of fer-pi's detector")
    parser.add_argument("--faces", type=Path, metavar="DATA", help="compare both ways with these labels instead")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    wanted = parser.parse_args()
    options = {"size": wanted.size, "model": str(wanted.model) if wanted.model else None}
    if wanted.faces:
        _print_labelled(labelled(wanted.faces, options), wanted.json)
        return
    everies = sorted({1, *map(int, wanted.every.split(","))})
    figures = {str(video or "embedded scene"): compared(video, everies, options) for video in wanted.videos or [None]}
    if wanted.json:
        print(json.dumps({"options": options, "figures": figures}, indent=2))
        return
    for name, rows in figures.items():
        print(f"\n{name}: {rows[0]['frames']} frames, {rows[0]['faces']} faces in full looks\n")
        print("| every | detect ms | CPU ms a frame | frames/s | missed | extra | box IoU | landmarks % | same mood |")
        print("| --: | --: | --: | --: | --: | --: | --: | --: | --: |")
        for row in rows:
            print(
                f"| {row['every']} | {row['detect_ms']:.2f} | {row['cpu_ms']:.2f} | {row['frames_per_second']:.0f} "
                f"| {row['missed']} | {row['extra']} | {row['iou']:.3f} | {row['landmarks']:.1%} "
                f"| {row['same_mood']:.1%} |"
            )


def compared(video: Path | None, everies: list[int], options: dict[str, Any]) -> list[dict[str, Any]]:
    """One row of figures for each of `everies`, the first of which is 1, to which the others are compared."""
    chains = [open_chain(checked_config({"detector": {**options, "every": every}})) for every in everies]
    found: list[list[list[Face]]] = [[] for _ in chains]
    readings: list[list[Reading]] = [[] for _ in chains]
    costs: list[list[tuple[float, float]]] = [[] for _ in chains]
    for chain, faces in zip(chains, found, strict=True):
        _overhear(chain, faces)
    for number, frame in enumerate(islice(frames_of(video) if video else _scene(), MOST_FRAMES)):
        for turn in range(len(chains)):
            which = (number + turn) % len(chains)
            wall, cpu = time.perf_counter(), time.thread_time()
            readings[which].append(chains[which].read(frame))
            costs[which].append((time.perf_counter() - wall, time.thread_time() - cpu))
    return [
        {
            "every": every,
            "frames": len(readings[which]),
            "faces": sum(map(len, found[0])),
            "detect_ms": statistics.fmean(reading.timings.detect for reading in readings[which][WARM_UP:]) * 1e3,
            "cpu_ms": statistics.fmean(cpu for _, cpu in costs[which][WARM_UP:]) * 1e3,
            "frames_per_second": 1 / statistics.fmean(wall for wall, _ in costs[which][WARM_UP:]),
            "same_mood": statistics.fmean(
                one.mood.emotion is other.mood.emotion for one, other in zip(readings[which], readings[0], strict=True)
            ),
        }
        | _differences(found[which], found[0])
        for which, every in enumerate(everies)
    ]


def _overhear(chain: Chain, faces: list[list[Face]]) -> None:
    """Keep what the detector of `chain` finds in each frame, before it is smoothed."""
    look = chain.attention.look

    def looked(gray: Any, now: float) -> list[Face]:
        faces.append(look(gray, now))
        return faces[-1]

    chain.attention.look = looked  # type: ignore[method-assign]


def _differences(found: list[list[Face]], truth: list[list[Face]]) -> dict[str, Any]:
    """Faces of full looks that are missed, faces that they do not have, and how far off the others are.

    `landmarks` is the mean distance between the same points, in distances between the eyes.
    """
    missed = extra = 0
    overlaps, distances = [1.0], [0.0]
    for here, there in zip(found, truth, strict=True):
        left = list(here)
        for face in there:
            best = max(left, key=lambda other: other.box.iou(face.box), default=None)
            if best is None or best.box.iou(face.box) < SAME:
                missed += 1
                continue
            left.remove(best)
            overlaps.append(best.box.iou(face.box))
            if face.landmarks and best.landmarks:
                one, other = np.array(best.landmarks), np.array(face.landmarks)
                eyes = float(np.linalg.norm(other[0] - other[1])) or 1.0
                distances.append(float(np.linalg.norm(one - other, axis=1).mean()) / eyes)
        extra += len(left)
    return {
        "missed": missed,
        "extra": extra,
        "iou": statistics.fmean(overlaps),
        "landmarks": statistics.fmean(distances),
    }


def labelled(data: Path, options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Figures of full and of near looks at the pictures of split val that show one or two faces."""
    from fer_pi.training.detector.evaluate import evaluate
    from fer_pi.training.detector.labels.formats import read_labels

    chosen = checked_config({"detector": {**options, "every": 2}}).detector
    pictures = [one for one in read_labels(data) if one.split in ("val", "") and 1 <= len(one.boxes) <= 2]
    figures = {}
    for name, looks in (("full", 1), ("near", 2)):
        tally = evaluate(_Looks(open_attention(chosen), looks), pictures, parse_size(chosen.size))
        recall, faces = tally.recall(20)
        error = statistics.fmean(tally.landmark_errors)
        figures[name] = {"pictures": len(pictures), "faces": faces, "recall": recall, "landmark_error": error}
    return figures


@dataclass(frozen=True)
class _Looks:
    """What is found in a picture that stands still, in the last of so many looks."""

    attention: Attention
    count: int

    def detect(self, gray: Image) -> list[Face]:
        self.attention.reset()
        for number in range(self.count):
            faces = self.attention.look(gray, number / RATE_HZ)
        return faces


def _print_labelled(figures: dict[str, dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(figures, indent=2))
        return
    print("| looks | pictures | faces of 20 px or more | found | landmarks off |\n| --- | --: | --: | --: | --: |")
    for name, row in figures.items():
        print(f"| {name} | {row['pictures']} | {row['faces']} | {row['recall']:.1%} | {row['landmark_error']:.1%} |")


def _scene() -> Iterator[Frame]:
    for number in range(round(SCENE_S * RATE_HZ)):
        gray = np.asarray(cv2.cvtColor(scene(number / RATE_HZ), cv2.COLOR_BGR2GRAY), np.uint8)
        yield Frame(gray, number, number / RATE_HZ, number / RATE_HZ)


if __name__ == "__main__":
    main()
