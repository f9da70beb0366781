"""Cuts a data set into slices of light, sharpness, size and pose, to show where a model is weak."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pi.training.emotion.data import Faces
from fer_pi.training.emotion.evaluate import Protocol
from fer_pi.training.emotion.frame import measure
from fer_pi.training.emotion.measures import by_slice
from fer_pi.types import CROP_SIZE, Box, Face, Image
from fer_pi.vision.quality import quality, yaw

SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Where light, sharpness and size are cut: the tails are narrow, for it is there that models fail."""
YAW_EDGES = (0.15, 0.35, 0.6)
TILT_EDGES = (5.0, 10.0, 20.0)
"""Degrees."""

Values = NDArray[np.float64]


def light(faces: Faces) -> dict[str, Values]:
    """(N,) brightness, contrast and sharpness of each picture as it stands, as `vision.quality` measures them."""
    whole = Face(Box(0, 0, CROP_SIZE, CROP_SIZE), (), 1.0)
    found = [quality(image, whole, image) for image in faces.images]
    return {
        "brightness": np.array([one.brightness for one in found]),
        "contrast": np.array([one.contrast for one in found]),
        "sharpness": np.array([one.sharpness for one in found]),
    }


def pose(faces: Faces, detect: Callable[[Image], list[Face]]) -> dict[str, Values]:
    """(N,) size in pixels of the crop, turn (0 frontal .. 1) and tilt in degrees; NaN where no face is found."""
    measured = measure(faces.images, detect)
    size, turn, tilt = (np.full(len(faces), np.nan) for _ in range(3))
    size[measured.found] = measured.boxes[:, 2:].min(axis=1)
    across = measured.landmarks[:, 1] - measured.landmarks[:, 0]
    turn[measured.found] = [abs(yaw(tuple(map(tuple, points)))) for points in measured.landmarks.tolist()]
    tilt[measured.found] = np.abs(np.degrees(np.arctan2(across[:, 1], across[:, 0])))
    return {"size": size, "turn": turn, "tilt": tilt}


def slices(
    said: NDArray[np.float64], faces: Faces, protocol: Protocol, detect: Callable[[Image], list[Face]] | None
) -> dict[str, list[dict[str, Any]]]:
    """Accuracy by slice: for each property, from its least to its most; without `detect` no size and pose."""
    values = light(faces)
    edges = {name: np.unique(np.quantile(of, SHARES)) for name, of in values.items()}
    if detect is not None:
        values |= pose(faces, detect)
        found = values["size"][np.isfinite(values["size"])]
        edges["size"] = np.unique(np.quantile(found, SHARES)) if len(found) else np.empty(0)
        edges |= {"turn": np.array(YAW_EDGES), "tilt": np.array(TILT_EDGES)}
    table = {
        name: [{"range": text, **by_slice(said, faces, protocol, chosen)} for text, chosen in _cut(values[name], cuts)]
        for name, cuts in edges.items()
    }
    if detect is not None:
        missing = np.isnan(values["size"])
        table["found by the detector"] = [
            {"range": text, **by_slice(said, faces, protocol, chosen)}
            for text, chosen in (("found", ~missing), ("not found", missing))
        ]
    return table


def _cut(values: Values, edges: Values) -> list[tuple[str, NDArray[np.bool_]]]:
    """What each slice is called, and which of the values lie in it; NaN lies in none."""
    digits = 2 if edges.max(initial=0) < 2 else 0
    limits = [-np.inf, *edges, np.inf]
    cut = []
    for low, high in pairwise(limits):
        if np.isinf(low):
            text = f"below {high:.{digits}f}"
        elif np.isinf(high):
            text = f"{low:.{digits}f} and more"
        else:
            text = f"{low:.{digits}f} to {high:.{digits}f}"
        cut.append((text if len(edges) else "all", (values >= low) & (values < high)))
    return cut
