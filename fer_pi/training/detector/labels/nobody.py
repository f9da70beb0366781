"""Reads a folder of pictures that show no face: the folder itself is the label."""

from pathlib import Path

import numpy as np

from fer_pi.training.detector.data import LabelledPicture
from fer_pi.training.picture_files import picture_files


def pictures_of_nobody(folder: Path) -> list[LabelledPicture]:
    """The pictures anywhere below `folder`, as labelled ones of split train without a face.

    The set has the folder's name. Those in one folder below it are of one kin; those in `folder` itself of none.
    Raises InputError if there are none.
    """
    name = folder.resolve().name
    none = np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, np.bool_)
    return [
        LabelledPicture(
            file,
            str(file.relative_to(folder)),
            "train",
            name,
            *none,
            kin="" if file.parent == folder else f"{name}:{file.parent.relative_to(folder)}",
        )
        for file in picture_files(folder)
    ]
