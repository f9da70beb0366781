"""Labelled faces for training and evaluation, from the FER+ arrays or from a folder for each emotion."""

import hashlib
import logging
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pi.errors import InputError
from fer_pi.training.emotion.folders import read_folder
from fer_pi.types import CROP_SIZE, EMOTIONS

log = logging.getLogger(__name__)

NO_LABEL = -1


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Faces and what people saw in them; every array has one row for each face."""

    images: NDArray[np.uint8]
    """(N, 48, 48) grey, not normalised."""
    targets: NDArray[np.float32]
    """(N, 8) share of the votes for each emotion; sums to 1, or to 0 where nobody named one of the eight."""
    weights: NDArray[np.float32]
    """(N,) share of all votes that fell on the eight: how much a face may teach, 0..1."""
    majority: NDArray[np.int64]
    """(N,) the emotion with more than half of the votes, as an index into `EMOTIONS`, or `NO_LABEL`."""
    top: NDArray[np.int64]
    """(N,) the emotion with the most votes, or `NO_LABEL` if that was "unknown" or "not a face"."""
    voted: bool
    """Whether several people voted on each face (FER+), so that `majority` and `top` can differ."""
    source_sha256: str
    """Of pictures and labels together."""
    names: NDArray[np.str_]
    """(N,) where each picture lies, below the data set's folder."""

    def __len__(self) -> int:
        return len(self.images)

    def part(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Faces":
        """Only the chosen faces."""
        return replace(
            self,
            images=self.images[chosen],
            targets=self.targets[chosen],
            weights=self.weights[chosen],
            majority=self.majority[chosen],
            top=self.top[chosen],
            names=self.names[chosen],
        )


def load_faces(data: Path, split: str) -> Faces:
    """The `split` ("train" or "valid") of a data set.

    `data` holds train.npz and valid.npz as FER+ has them (images, votes), or a folder for each emotion, perhaps
    below train/ and validation/ (or valid/, val/, test/). Raises InputError if there is nothing to use.
    """
    if not data.exists():
        raise InputError(f"{data}: no such folder; give the folder that holds train.npz or train/<emotion>/")
    archive = data if data.suffix == ".npz" else data / f"{split}.npz"
    if archive.is_file():
        return _voted_faces(archive)
    if not data.is_dir():
        raise InputError(f"{data}: neither a folder nor an .npz file")
    images, labels, names = read_folder(data, split)
    targets = np.eye(len(EMOTIONS), dtype=np.float32)[labels]
    ones = np.ones(len(labels), np.float32)
    return Faces(images, targets, ones, labels, labels.copy(), False, _sha256(images, labels), names)


def _voted_faces(archive: Path) -> Faces:
    try:
        with np.load(archive, allow_pickle=False) as arrays:
            images, votes = arrays["images"], arrays["votes"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{archive}: not a FER+ archive ({error}); it needs the arrays 'images' and 'votes'"
        ) from error
    side = CROP_SIZE
    if images.dtype != np.uint8 or images.shape[1:] != (side, side):
        raise InputError(f"{archive}: 'images' is {images.dtype} {images.shape}; it must be uint8 (N, {side}, {side})")
    if votes.shape != (len(images), 10):
        raise InputError(
            f"{archive}: 'votes' is {votes.shape}; it must be ({len(images)}, 10), one column for each FER+ label"
        )
    if len(images) == 0:
        raise InputError(f"{archive}: holds no faces")
    return faces_from_votes(images, votes, archive.name)


def faces_from_votes(images: NDArray[np.uint8], votes: NDArray[np.integer[Any]], source: str = "") -> Faces:
    """Faces from FER+ votes (N, 10) by the protocol of Barsoum et al. 2016: a single vote counts for nothing.

    `source` is what their names begin with.
    """
    kept = np.where(votes <= 1, 0, votes).astype(np.float32)
    known, total = kept[:, : len(EMOTIONS)], kept.sum(axis=1)
    of_known = known.sum(axis=1, keepdims=True)
    targets = np.divide(known, of_known, out=np.zeros_like(known), where=of_known > 0)
    weights = np.divide(of_known[:, 0], total, out=np.zeros_like(total), where=total > 0)
    best = kept.argmax(axis=1)
    named = (best < len(EMOTIONS)) & (total > 0)
    top = np.where(named, best, NO_LABEL)
    majority = np.where(named & (kept.max(axis=1) > total / 2), best, NO_LABEL)
    names = np.array([f"{source}[{index}]" for index in range(len(images))], np.str_)
    return Faces(images, targets, weights, majority, top, True, _sha256(images, votes), names)


def _sha256(*arrays: NDArray[np.generic]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def sampling_weights(targets: NDArray[np.float32], weights: NDArray[np.float32], power: float) -> NDArray[np.float64]:
    """(N,) how often to draw each face: rare emotions more, by (commonest / share) ** power; sums to 1."""
    share = np.maximum((targets * weights[:, None]).sum(axis=0), 1e-6)
    boost = (share.max() / share) ** power
    wanted = np.where(weights > 0, (targets * boost).sum(axis=1), 0.0)
    return np.asarray(wanted / wanted.sum(), np.float64)
