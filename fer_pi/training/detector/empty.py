"""What a net sees where nobody is: the pictures that fool it, to learn from, and the threshold that rules it out."""

import copy
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fer_pi.training.detector.data import LabelledPicture, read_gray
from fer_pi.training.detector.export import export
from fer_pi.training.detector.net import FaceNet
from fer_pi.training.detector.sampling import UNSURE
from fer_pi.vision.detector import open_detector
from fer_pi.vision.detector_input import DetectorOptions

SIZE = "320x240"
MOST_FALSE = 0.02
"""False boxes a picture that the threshold lets pass, at most, on empty pictures that taught nothing."""
LEAST_EMPTY = math.ceil(1 / MOST_FALSE)
"""Of fewer empty pictures not one false box may pass, and where there is none, next to nothing is known."""


def false_confidences(net: FaceNet, pictures: Sequence[LabelledPicture]) -> list[list[float]]:
    """Of each empty picture the confidences above `UNSURE`, as the detector reports them on a Pi."""
    with tempfile.TemporaryDirectory() as folder:
        file = export(copy.deepcopy(net), Path(folder), UNSURE, {})
        detector = open_detector(DetectorOptions(model=file, size=SIZE, max_faces=300))
    return [[face.confidence for face in detector.detect(read_gray(picture.path))] for picture in pictures]


def lowest_threshold(found: Sequence[Sequence[float]], most: float = MOST_FALSE) -> float:
    """The lowest threshold, in hundredths, that at most `most` false boxes a picture exceed."""
    ranked = sorted((confidence for one in found for confidence in one), reverse=True)
    allowed = math.floor(most * len(found))
    if len(ranked) <= allowed:
        return UNSURE
    return min(0.99, max(UNSURE, math.ceil(100 * ranked[allowed]) / 100))
