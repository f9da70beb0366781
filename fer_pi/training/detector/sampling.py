"""How often each picture starts a scene: crowds more, look-alikes less, and empty pictures that fool the net most."""

import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fer_pi.training.detector.data import LabelledPicture

Weights = NDArray[np.float64]

SMALL_PX = 32.0
"""Shorter side of a face, in pixels of its picture, below which a picture of several counts as a crowd."""
CROWD, MOST_SMALL = 0.3, 10
"""Weight that each such face adds to its picture, and how many of them count."""
KINSHIP = 0.25
"""A picture of n of one kin counts by n to the power of minus this: 16 frames of one film as 8 pictures."""
FOOLED = 8.0
"""Weight that an empty picture gains for each unit of confidence of its surest false box above `UNSURE`."""
UNSURE = 0.3
ASIDE = 8
"""One in so many kins of empty pictures teaches nothing and chooses the threshold."""


def weights(pictures: Sequence[LabelledPicture], fooled: Sequence[float]) -> Weights:
    """(n,) how often each picture is wanted; `fooled` is the confidence of its surest false box, 0 if none."""
    kin = Counter(picture.kin for picture in pictures if picture.kin)
    wanted = np.ones(len(pictures))
    for n, (picture, confidence) in enumerate(zip(pictures, fooled, strict=True)):
        small = int((picture.boxes[~picture.ignored, 2:].min(1, initial=np.inf) < SMALL_PX).sum())
        wanted[n] += CROWD * min(small, MOST_SMALL) + FOOLED * max(0.0, confidence - UNSURE)
        wanted[n] *= kin.get(picture.kin, 1) ** -KINSHIP
    return wanted


def drawn(wanted: Weights, count: int, rng: np.random.Generator) -> list[int]:
    """`count` numbers, each as often as its share of the weights asks, rounded up or down by chance; shuffled."""
    if count == 0:
        return []
    ends = np.cumsum(wanted) / wanted.sum() * count
    numbers = np.searchsorted(ends, np.arange(count) + rng.random(), side="right").clip(max=len(wanted) - 1)
    rng.shuffle(numbers)
    chosen: list[int] = numbers.tolist()
    return chosen


def teaching(pictures: Sequence[LabelledPicture]) -> tuple[list[LabelledPicture], list[LabelledPicture]]:
    """Pictures to learn from, and empty ones set aside to choose the threshold by.

    Where a set was gathered to hold no face, empty pictures of the other sets are left out: of those most hold a face
    that the labeller overlooked.
    """
    peopled = {picture.group for picture in pictures if not picture.empty}
    known_empty = any(picture.empty and picture.group not in peopled for picture in pictures)
    kept = [p for p in pictures if not (p.empty and known_empty and p.group in peopled)]
    aside = [p for p in kept if p.empty and zlib.crc32((p.kin or p.name).encode()) % ASIDE == 0]
    chosen = {id(picture) for picture in aside}
    return [picture for picture in kept if id(picture) not in chosen], aside
