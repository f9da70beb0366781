"""Measures where a detector finds the face and its landmarks inside FER+ pictures: the source of `align.TEMPLATE`.

    python -m fer_pi.training.emotion.frame DATA [DETECTOR]

FER+ pictures are crops without a rim, too tight for a detector. Each is enlarged `ENLARGED` times and given a
rim of half its side that repeats its edge; the detector's findings are then brought back to the 48 x 48 pixels.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_pi.training.emotion.data import Faces, load_faces
from fer_pi.training.emotion.evaluate import answers
from fer_pi.types import CROP_SIZE, Face, Image
from fer_pi.vision.align import raw_crop
from fer_pi.vision.classifier import EmotionClassifier
from fer_pi.vision.detector import open_detector
from fer_pi.vision.detector_input import DetectorOptions

ENLARGED = 3
RIM = CROP_SIZE // 2
"""Pixels of the crop added on each side."""
LEAST_CONFIDENCE = 0.5
"""Of the detector: lower than on a camera's pictures, as here nearly every picture holds a face."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Where the faces lie in their crops, in crop pixels."""

    found: NDArray[np.bool_]
    """(N,) whether the detector found a face at all."""
    landmarks: NDArray[np.float64]
    """(M, 5, 2) of the M faces found."""
    boxes: NDArray[np.float64]
    """(M, 4) left, top, width, height."""


def padded(crop: Image) -> Image:
    """The crop as a picture that a detector can work on: (288, 288) uint8."""
    large = cv2.resize(crop, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
    rim = RIM * ENLARGED
    return np.asarray(cv2.copyMakeBorder(large, rim, rim, rim, rim, cv2.BORDER_REPLICATE), np.uint8)


def measure(images: NDArray[np.uint8], detect: Callable[[Image], list[Face]]) -> Measured:
    """Run `detect` over (N, 48, 48) crops; where it finds several faces, the one nearest to the middle counts."""
    found, landmarks, boxes = [], [], []
    for crop in images:
        face = middle_face(detect(padded(crop)))
        found.append(face is not None)
        if face is not None:
            landmarks.append((np.array(face.landmarks) + 0.5) / ENLARGED - 0.5 - RIM)
            left, top = (np.array([face.box.left, face.box.top])) / ENLARGED - RIM
            boxes.append([left, top, face.box.width / ENLARGED, face.box.height / ENLARGED])
    return Measured(np.array(found), np.array(landmarks).reshape(-1, 5, 2), np.array(boxes).reshape(-1, 4))


def middle_face(faces: list[Face]) -> Face | None:
    """The face nearest to the middle of a padded picture, if its middle lies in the middle half."""
    middle = (CROP_SIZE / 2 + RIM) * ENLARGED
    reach = CROP_SIZE * ENLARGED / 4

    def distance(face: Face) -> float:
        x, y = face.box.center
        return max(abs(x - middle), abs(y - middle))

    near = [face for face in faces if distance(face) <= reach]
    return min(near, key=distance, default=None)


def recropped(
    images: NDArray[np.uint8], detect: Callable[[Image], list[Face]]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The (N, 48, 48) crops cut anew through detector and `align.raw_crop`, and (N,) which faces were found.

    Faces that were not found stand as they were.
    """
    crops, found = images.copy(), np.zeros(len(images), bool)
    for index, crop in enumerate(images):
        picture = padded(crop)
        face = middle_face(detect(picture))
        if face is not None:
            crops[index] = raw_crop(picture, face)
            found[index] = True
    return crops, found


def template(measured: Measured) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The typical five landmarks (5, 2) and box (4,): medians, made symmetric about the middle of the crop."""
    typical = np.median(measured.landmarks, axis=0)
    mirrored = typical[[1, 0, 2, 4, 3]] * [-1, 1] + [CROP_SIZE - 1, 0]
    box = np.median(measured.boxes, axis=0)
    box[0] = (CROP_SIZE - box[2]) / 2
    return (typical + mirrored) / 2, box


def face_detector(model: Path | None = None) -> Callable[[Image], list[Face]]:
    """The detector that finds faces in padded crops: the one that comes with fer_pi, or another model file."""
    side = CROP_SIZE * ENLARGED * 2
    return open_detector(DetectorOptions(model=model, size=f"{side}x{side}", threshold=LEAST_CONFIDENCE)).detect


def cost_of_recropping(faces: Faces, detect: Callable[[Image], list[Face]], classifier: EmotionClassifier) -> str:
    """What cutting the faces anew costs, in words: majority protocol, only the faces that were found, and all."""
    crops, found = recropped(faces.images, detect)
    kept = faces.majority >= 0
    as_they_stand = answers(classifier, faces).argmax(axis=1) == faces.majority
    anew = answers(classifier, replace(faces, images=crops)).argmax(axis=1) == faces.majority
    both = kept & found
    return (
        f"found {found[kept].mean():.1%} of {kept.sum()} faces; of those found, right as they stand"
        f" {as_they_stand[both].mean():.2%}, cut anew {anew[both].mean():.2%}; of all, as they stand"
        f" {as_they_stand[kept].mean():.2%}, cut anew where found {anew[kept].mean():.2%}"
    )


def main(arguments: list[str]) -> None:
    """Measure on 4,000 training faces and print the template; then what cutting anew costs on the validation faces."""
    data = Path(arguments[0])
    detect = face_detector(Path(arguments[1]) if len(arguments) > 1 else None)
    faces = load_faces(data, "train")
    some = np.random.default_rng(1).choice(len(faces), min(4000, len(faces)), replace=False)
    measured = measure(faces.images[some], detect)
    points, box = template(measured)
    print(f"found {measured.found.mean():.1%} of {len(some)} training faces")
    print("landmarks", np.round(points, 2).tolist(), "spread", np.round(measured.landmarks.std(axis=0), 2).tolist())
    print("box", np.round(box, 2).tolist(), "spread", np.round(measured.boxes.std(axis=0), 2).tolist())
    print(cost_of_recropping(load_faces(data, "valid"), detect, EmotionClassifier()))


if __name__ == "__main__":
    main(sys.argv[1:])
