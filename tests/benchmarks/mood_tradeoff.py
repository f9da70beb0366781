"""How calm and how quick the mood is, for several settings, over simulated scores: run as a script, it prints a table.

A person holds one expression for 10 s and then takes on another. Flips are the mood changes a minute while the
expression is held, the first one left out; the delay is the time from the change until the mood follows.
"""

import argparse
from collections.abc import Sequence
from itertools import pairwise, product
from statistics import median

import numpy as np

from fer_pi.mood.engine import MoodEngine
from fer_pi.mood.options import MoodOptions
from fer_pi.testing.faces import GOOD, face_at, noisy_scores
from fer_pi.types import Emotion, Scores

HELD_S, AFTER_S = 10.0, 3.0
CHANGES = (
    (Emotion.NEUTRAL, Emotion.HAPPINESS),
    (Emotion.HAPPINESS, Emotion.NEUTRAL),
    (Emotion.HAPPINESS, Emotion.SADNESS),
    (Emotion.SURPRISE, Emotion.ANGER),
)
NOISES = {  # name: (deviation of the logits' noise, what is left of it after 0.1 s)
    "10 % wrong": (1.0, 0.0),
    "27 % wrong": (1.45, 0.0),
    "40 % wrong": (1.85, 0.0),
    "27 % wrong, slow": (1.45, 0.37),
}
RATES_HZ = (30, 10, 5)


def sequences(rate_hz: float, noise: float, memory: float, count: int) -> list[tuple[list[Scores], Emotion, Emotion]]:
    """Scores of `count` people who change from one emotion to another after `HELD_S`."""
    made = []
    for seed in range(count):
        before, after = CHANGES[seed % len(CHANGES)]
        emotions = [before] * round(HELD_S * rate_hz) + [after] * round(AFTER_S * rate_hz)
        left = memory ** (10 / rate_hz) if memory else 0.0
        made.append((list(noisy_scores(emotions, np.random.default_rng(seed), 3.0, noise, left)), before, after))
    return made


def measured(options: MoodOptions, rate_hz: float, people: Sequence[tuple[list[Scores], Emotion, Emotion]]) -> str:
    """Flips a minute, and median, 95th percentile and worst delay in seconds, as one cell of the table."""
    face = face_at(320, 240)
    flips, delays = 0, []
    for scores, _, after in people:
        engine = MoodEngine(options)
        moods = [engine.update([face], [each], [GOOD], index / rate_hz)[1].emotion for index, each in enumerate(scores)]
        held = round(HELD_S * rate_hz)
        changes = sum(one is not other for one, other in pairwise(moods[:held]))
        flips += max(0, changes - 1)
        # The change came somewhere after the last frame before it: count from there.
        followed = next((index for index, mood in enumerate(moods[held:], 1) if mood is after), None)
        delays.append(AFTER_S if followed is None else followed / rate_hz)
    per_minute = flips / len(people) * 60 / HELD_S
    return f"{per_minute:7.2f} {median(delays):4.2f} {np.quantile(delays, 0.95):4.2f} {max(delays):4.2f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100, help="simulated people in each cell")
    parser.add_argument("--evidence", type=float, nargs="+", default=[0.1, 0.15, 0.2, 0.3], help="evidence_s to try")
    parser.add_argument("--enter", type=float, nargs="+", default=[0.5, 0.7, 0.8], help="enter to try")
    parser.add_argument("--tau", type=float, nargs="+", default=[0.3], help="tau_s to try")
    parser.add_argument("--sure", type=float, nargs="+", default=[0.25], help="sure to try")
    parser.add_argument("--dwell", type=float, nargs="+", default=[0.5], help="dwell_s to try")
    arguments = parser.parse_args()
    names = ("evidence_s", "enter", "tau_s", "sure", "dwell_s")
    grid = product(arguments.evidence, arguments.enter, arguments.tau, arguments.sure, arguments.dwell)
    settings = [MoodOptions(**dict(zip(names, values, strict=True))) for values in grid]
    settings.append(MoodOptions(sure=0.0).for_pictures())  # no smoothing at all, to compare
    for name, (noise, memory) in NOISES.items():
        print(f"\n{name}: flips a minute, then delay in s: median, p95, worst")
        print("".join(f"{each:>11}" for each in names) + "".join(f"{f'{rate} fps':>26}" for rate in RATES_HZ))
        people = {rate: sequences(rate, noise, memory, arguments.people) for rate in RATES_HZ}
        for options in settings:
            row = "".join(f"{getattr(options, each):>11g}" for each in names)
            print(row + "".join(f"{measured(options, rate, people[rate]):>26}" for rate in RATES_HZ), flush=True)


if __name__ == "__main__":
    main()
