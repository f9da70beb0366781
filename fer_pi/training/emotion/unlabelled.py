"""Faces without a label, cut out of photographs as the Pi cuts them, for teachers to give their opinion on."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_pi.errors import InputError
from fer_pi.training.dataset.look_alikes import twins
from fer_pi.training.emotion.folders import read_grey
from fer_pi.training.picture_files import picture_files
from fer_pi.types import CROP_SIZE, Face, Image
from fer_pi.vision.align import raw_crop
from fer_pi.vision.detector import open_detector
from fer_pi.vision.detector_input import DetectorOptions

log = logging.getLogger(__name__)

LEAST_SIDE_PX = 24
"""Of a face's box: a smaller face shows a teacher too little."""


def unlabelled_faces(
    folders: Sequence[Path], detect: Callable[[Image], list[Face]], judges: Sequence[NDArray[np.uint8]]
) -> NDArray[np.uint8]:
    """(M, 48, 48) every face found in the pictures anywhere below the folders, in the order of their names.

    A face that looks like one of those in `judges`, each (N, 48, 48), is left out, so that nobody hears an opinion on
    it. Raises InputError for a folder in whose pictures no face is found.
    """
    found = np.concatenate([_faces_below(folder, detect) for folder in folders])
    known = np.zeros(len(found), np.bool_)
    for images in judges:
        known[twins(found, images).found()] = True
    if known.any():
        log.warning("%d of %d unlabelled faces look like faces that judge; left out", known.sum(), len(found))
    if known.all():
        named = ", ".join(str(folder) for folder in folders)
        raise InputError(f"{named}: all faces there stand in the data set already; give other people's")
    return found[~known]


def as_on_the_pi(detector: Path | None) -> Callable[[Image], list[Face]]:
    """The detector with the settings that it runs with: that file's, or the one that comes with fer_pi."""
    return open_detector(DetectorOptions(model=detector)).detect


def _faces_below(folder: Path, detect: Callable[[Image], list[Face]]) -> NDArray[np.uint8]:
    files = picture_files(folder)
    crops, unread = [], 0
    for file in files:
        picture = read_grey(file)
        if picture is None:
            unread += 1
            continue
        large = [face for face in detect(picture) if min(face.box.width, face.box.height) >= LEAST_SIDE_PX]
        crops += [raw_crop(picture, face) for face in large]
    if unread:
        log.warning("%s: %d of %d pictures cannot be read; left out", folder, unread, len(files))
    if not crops:
        raise InputError(f"{folder}: no face of {LEAST_SIDE_PX} px or more is found in its {len(files)} pictures")
    log.info("%s: %d faces in %d pictures", folder, len(crops), len(files))
    return np.stack(crops).reshape(-1, CROP_SIZE, CROP_SIZE)
