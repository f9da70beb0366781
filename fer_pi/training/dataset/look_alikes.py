"""Finds photographs that stand in a data set several times: mirrored, moved, in other greys, watermarked."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

LIKENESS = 0.95
"""Correlation of two windows from which they count as one photograph."""
PERHAPS = 0.90
"""Correlation below which hardly any two are one photograph: for keeping apart what might be one."""
SIDE = 12
"""Of a thumbnail, in its own pixels, each of which is the mean of `STEP` x `STEP` of the picture."""
STEP = 3
SHIFTS = (-2, -1, 0, 1, 2)
"""Pixels by which the window moves in one picture, and the other way in the other: up to 4 apart, across and down."""
RIM = 6
"""Of the picture, left out around the middle window, so that a moved one lies in the picture too."""
SKETCH = 48
"""Principal components that are compared first."""
BLOCK = 512

Thumbnails = NDArray[np.float32]
"""(N, 144) of mean 0 and length 1 each, so that a product is a correlation; all zero for a blank picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pictures that look alike, each pair once; (P,) each."""

    one: NDArray[np.int64]
    other: NDArray[np.int64]
    """Into the pictures that were searched; where they were searched among themselves, larger than `one`."""
    likeness: NDArray[np.float32]
    """Up to 1, for the same picture, also if brighter or with more contrast."""
    mirrored: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Twins:
    """For each picture the one most like it."""

    index: NDArray[np.int64]
    """(N,) into the pictures that were searched; -1 where none is like it."""
    likeness: NDArray[np.float32]
    """(N,) up to 1; 0 where none is like it."""
    mirrored: NDArray[np.bool_]
    """(N,)"""

    def found(self) -> NDArray[np.int64]:
        """The pictures that have a twin."""
        return np.flatnonzero(self.index >= 0)


def twins(images: NDArray[np.uint8], others: NDArray[np.uint8] | None = None, least: float = LIKENESS) -> Twins:
    """Which of `others` is most like each of the (N, 48, 48) `images`; without `others`, which other one of themselves.

    Only what correlates by `least` or more counts.
    """
    pairs = alike(images, others, least)
    one, other, likeness, mirrored = pairs.one, pairs.other, pairs.likeness, pairs.mirrored
    if others is None:
        one, other = np.concatenate([one, other]), np.concatenate([other, one])
        likeness, mirrored = np.tile(likeness, 2), np.tile(mirrored, 2)
    found = Twins(
        np.full(len(images), -1, np.int64), np.zeros(len(images), np.float32), np.zeros(len(images), np.bool_)
    )
    order = np.argsort(likeness, kind="stable")  # of several written to one place the last stays
    found.index[one[order]] = other[order]
    found.likeness[one[order]] = likeness[order]
    found.mirrored[one[order]] = mirrored[order]
    return found


def groups(images: NDArray[np.uint8], least: float = PERHAPS) -> NDArray[np.int64]:
    """(N,) one number for pictures that look alike, or are joined by others that do: the least of their indices."""
    leader = np.arange(len(images))
    pairs = alike(images, None, least)
    for one, other in zip(pairs.one.tolist(), pairs.other.tolist(), strict=True):
        one, other = _root(leader, one), _root(leader, other)
        leader[max(one, other)] = min(one, other)
    return np.array([_root(leader, index) for index in range(len(leader))], np.int64)


def alike(images: NDArray[np.uint8], others: NDArray[np.uint8] | None = None, least: float = LIKENESS) -> Pairs:
    """All pairs of (N, 48, 48) pictures that correlate by `least` or more, moved apart by `SHIFTS`, mirrored or not.

    All are compared with all: 26,818 pictures among themselves take 50 s on one core. What makes that possible is
    a bound: the correlation of two thumbnails is at most that of their first `SKETCH` principal components plus the
    product of the lengths of what is left of each (Cauchy and Schwarz), so few have to be compared in full.
    """
    sums = _sums(images)
    other_sums = sums if others is None else _sums(others)
    axes = _principal_axes(_window(other_sums, 0, 0))
    parts: list[tuple[NDArray[np.generic], ...]] = [
        (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.bool_))
    ]
    for down, across in product(SHIFTS, SHIFTS):
        searched = _window(other_sums, -down, -across)
        sketches = _sketches(searched, axes)
        plain, turned = _window(sums, down, across), _mirrored(_window(sums, down, -across))
        for start in range(0, len(images), BLOCK):
            first = start if others is None else 0  # among themselves each pair need be met once only
            for views, mirrored in ((plain, False), (turned, True)):
                query = views[start : start + BLOCK]
                bound = _sketches(query, axes) @ sketches[first:].T
                rows, columns = np.divmod(np.flatnonzero(bound.ravel() >= least - 1e-4), bound.shape[1])
                likeness = np.einsum("ij,ij->i", query[rows], searched[first + columns])
                one, other = rows + start, columns + first
                kept = likeness >= least - 1e-6
                if others is None:
                    kept &= other > one
                parts.append((one[kept], other[kept], likeness[kept], np.full(int(kept.sum()), mirrored)))
    return _closest(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _closest(
    one: NDArray[np.generic], other: NDArray[np.generic], likeness: NDArray[np.generic], mirrored: NDArray[np.generic]
) -> Pairs:
    """Of a pair that was met in several positions only the best."""
    order = np.lexsort((-likeness.astype(np.float32), other, one))
    one, other, likeness, mirrored = one[order], other[order], likeness[order], mirrored[order]
    new = np.ones(len(one), np.bool_)
    new[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
    return Pairs(
        one[new].astype(np.int64),
        other[new].astype(np.int64),
        likeness[new].astype(np.float32),
        mirrored[new].astype(np.bool_),
    )


def _mirrored(thumbs: Thumbnails) -> Thumbnails:
    return thumbs.reshape(-1, SIDE, SIDE)[:, :, ::-1].reshape(len(thumbs), -1)


def _sums(images: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(N, 49, 49): at each place the sum of all pixels above and left of it."""
    sums = np.zeros((len(images), images.shape[1] + 1, images.shape[2] + 1), np.int32)
    sums[:, 1:, 1:] = images.cumsum(axis=1, dtype=np.int32).cumsum(axis=2, dtype=np.int32)
    return sums


def _window(sums: NDArray[np.int32], down: int, across: int) -> Thumbnails:
    """The thumbnails of the middle window, moved by so many pixels."""
    top, left = RIM + down, RIM + across
    at = sums[:, top : top + SIDE * STEP + 1 : STEP, left : left + SIDE * STEP + 1 : STEP]
    cells = at[:, 1:, 1:] - at[:, :-1, 1:] - at[:, 1:, :-1] + at[:, :-1, :-1]
    flat = cells.reshape(len(cells), SIDE * SIDE).astype(np.float32) / STEP**2
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.sqrt((flat**2).sum(axis=1, keepdims=True))
    return np.asarray(np.divide(flat, length, out=np.zeros_like(flat), where=length > 1), np.float32)


def _principal_axes(thumbs: Thumbnails) -> NDArray[np.float32]:
    """(144, `SKETCH`) orthonormal directions along which the thumbnails are longest."""
    _, axes = np.linalg.eigh(thumbs.T.astype(np.float64) @ thumbs)
    return np.asarray(axes[:, ::-1][:, :SKETCH], np.float32)


def _sketches(thumbs: Thumbnails, axes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, `SKETCH` + 1) coordinates along the axes, and the length of what they leave out."""
    along = thumbs @ axes
    left = np.sqrt(np.maximum((thumbs**2).sum(axis=1) - (along**2).sum(axis=1), 0))
    return np.concatenate([along, left[:, None]], axis=1)


def _root(leader: NDArray[np.int64], index: int) -> int:
    while leader[index] != index:
        leader[index] = leader[leader[index]]
        index = int(leader[index])
    return index
