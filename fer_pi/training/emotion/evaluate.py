"""Judges an emotion classifier on labelled faces, through the very class that runs on the Pi."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fer_pi.errors import InputError
from fer_pi.training.emotion.data import NO_LABEL, Faces
from fer_pi.types import EMOTIONS
from fer_pi.vision.align import normalized
from fer_pi.vision.classifier import EmotionClassifier, probabilities

Protocol = Literal["majority", "top"]

BINS = 15
"""Of the expected calibration error."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a classifier said about labelled faces."""

    probabilities: NDArray[np.float64]
    """(N, 8)"""
    labels: NDArray[np.int64]
    """(N,) index into `EMOTIONS`."""


def answers(classifier: EmotionClassifier, faces: Faces) -> NDArray[np.float64]:
    """(N, 8) probabilities for the faces as they stand."""
    crops = list(normalized(faces.images))
    return np.array([scores.probabilities for scores in classifier.classify(crops)])


def judged(said: NDArray[np.float64], faces: Faces, protocol: Protocol) -> Judged:
    """Only the faces that have a label under the protocol; raises InputError if none has."""
    labels = faces.majority if protocol == "majority" else faces.top
    kept = labels != NO_LABEL
    if not kept.any():
        raise InputError(f"no face has a label under the protocol '{protocol}'")
    return Judged(said[kept], labels[kept])


def report(result: Judged) -> dict[str, Any]:
    """Accuracy, macro-F1 over the emotions that occur, calibration error, and figures per emotion; all fractions.

    An emotion that occurs neither among the labels nor among the answers has no figures of its own.
    """
    from sklearn.metrics import precision_recall_fscore_support

    said = result.probabilities.argmax(axis=1)
    numbers = precision_recall_fscore_support(result.labels, said, labels=np.arange(len(EMOTIONS)), zero_division=0.0)
    per_class = {
        emotion.value: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
        for emotion, p, r, f, s in zip(EMOTIONS, *numbers, strict=True)
    }
    occurring = [figures["f1"] for figures in per_class.values() if figures["support"] > 0]
    return {
        "samples": len(result.labels),
        "accuracy": float((said == result.labels).mean()),
        "macro_f1": float(np.mean(occurring)),
        "ece": expected_calibration_error(result),
        "per_class": per_class,
    }


def expected_calibration_error(result: Judged) -> float:
    """How far confidence is from accuracy, averaged over `BINS` equal steps of confidence (Guo et al. 2017)."""
    confidence = result.probabilities.max(axis=1)
    right = result.probabilities.argmax(axis=1) == result.labels
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(right))


def fitted_temperature(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The temperature, 0.25 to 4, under which the labels are likeliest; fit it on faces that taught nothing."""
    candidates = np.exp(np.linspace(np.log(0.25), np.log(4.0), 241))
    rows = np.arange(len(labels))
    losses = [-np.log(np.maximum(probabilities(logits, t)[rows, labels], 1e-12)).mean() for t in candidates]
    return float(candidates[int(np.argmin(losses))])


def as_text(name: str, figures: dict[str, Any]) -> str:
    """The report as a table for a terminal."""
    lines = [
        f"{name}: {figures['samples']} faces, accuracy {figures['accuracy']:.2%}, macro-F1 {figures['macro_f1']:.3f},"
        f" calibration error {figures['ece']:.3f}",
        f"{'':>10}  precision  recall     f1  support",
    ]
    for emotion, row in figures["per_class"].items():
        lines.append(
            f"{emotion:>10}  {row['precision']:9.3f}  {row['recall']:6.3f}  {row['f1']:5.3f}  {row['support']:7d}"
        )
    return "\n".join(lines)
