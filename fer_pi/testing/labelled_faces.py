"""Made-up labelled faces that can be told apart: for trying out training."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_pi.training.emotion.data import Faces, faces_from_votes


def two_mouths(count: int, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two kinds of made-up faces that differ in the mouth, (N, 48, 48), and which is which (0 or 1)."""
    rng = np.random.default_rng(seed)
    kinds = np.arange(count) % 2
    images = rng.normal(0, 12, (count, 48, 48)) + rng.uniform(60, 150, (count, 1, 1))
    images += 30 * np.kron(rng.normal(0, 1, (count, 6, 6)), np.ones((8, 8)))
    for image, kind in zip(images, kinds, strict=True):
        image[12:18, 10:18] -= 60
        image[12:18, 30:38] -= 60
        image[32:38, 12:36] += 90 if kind else -90
    return np.clip(images, 0, 255).astype(np.uint8), kinds


def voted(count: int, seed: int = 0) -> Faces:
    """Such faces, each with ten votes for one of the first two emotions."""
    images, kinds = two_mouths(count, seed)
    votes = np.zeros((count, 10), np.uint8)
    votes[np.arange(count), kinds] = 10
    return faces_from_votes(images, votes)


def write_archives(folder: Path, train: int = 200, valid: int = 40) -> Path:
    """An archive for each part, as FER+ has them."""
    folder.mkdir(exist_ok=True)
    for name, count, seed in (("train", train, 1), ("valid", valid, 2)):
        images, kinds = two_mouths(count, seed)
        votes = np.zeros((count, 10), np.uint8)
        votes[np.arange(count), kinds] = 10
        np.savez(folder / f"{name}.npz", images=images, votes=votes)
    return folder


def write_folders(root: Path, names: tuple[str, str], count: int = 8, seed: int = 0) -> Path:
    """The two kinds of faces in a folder each."""
    images, kinds = two_mouths(count, seed)
    for index, (image, kind) in enumerate(zip(images, kinds, strict=True)):
        folder = root / names[kind]
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{index}.png"), image)
    return root
