"""All that a report says about answers to labelled faces: beyond `evaluate.report`, what its plots are drawn from."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pi.training.emotion.data import NO_LABEL, Faces
from fer_pi.training.emotion.evaluate import BINS, Judged, Protocol, judged, report
from fer_pi.types import EMOTIONS

LEVELS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Confidences below which the table of coverage would say "not sure"."""
CURVE_POINTS = 150
"""Most points of one curve in report.json."""


def measures(result: Judged) -> dict[str, Any]:
    """`evaluate.report` and more, as plain JSON values; fractions throughout.

    balanced_accuracy (mean recall of the emotions that occur), accuracy_interval (95 %), log_loss, roc_auc (mean),
    confusion (rows: labels, columns: answers), roc (one emotion against the rest), reliability, coverage.
    """
    from sklearn.metrics import confusion_matrix, log_loss, recall_score

    said = result.probabilities.argmax(axis=1)
    indices = np.arange(len(EMOTIONS))
    roc = _roc(result)
    occurring = np.unique(result.labels)
    return {
        **report(result),
        "accuracy_interval": interval(int((said == result.labels).sum()), len(said)),
        "balanced_accuracy": float(recall_score(result.labels, said, labels=occurring, average="macro")),
        "log_loss": float(log_loss(result.labels, result.probabilities, labels=indices)),
        "roc_auc": float(np.mean([curve["auc"] for curve in roc.values()])) if roc else None,
        "confusion": {
            "labels": [emotion.value for emotion in EMOTIONS],
            "counts": confusion_matrix(result.labels, said, labels=indices).tolist(),
        },
        "roc": roc,
        "reliability": _reliability(result),
        "coverage": _coverage(result),
    }


def interval(hits: int, trials: int) -> list[float]:
    """Where a share lies with 95 % confidence, given `hits` of `trials` (Wilson 1927); [0, 1] without trials."""
    if trials == 0:
        return [0.0, 1.0]
    z = 1.96
    share, weight = hits / trials, 1 + z * z / trials
    middle = (share + z * z / (2 * trials)) / weight
    reach = z * math.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2) / weight
    return [max(0.0, middle - reach), min(1.0, middle + reach)]


def worst_mistakes(said: NDArray[np.float64], faces: Faces, protocol: Protocol, count: int) -> list[dict[str, Any]]:
    """The wrong answers that were most certain, worst first: by how much more was believed of them than of the label.

    `face` is the index into `faces`; `people` is what share of the votes fell on each emotion, the largest first.
    """
    labels = faces.majority if protocol == "majority" else faces.top
    answers = said.argmax(axis=1)
    rows = np.arange(len(said))
    excess = said[rows, answers] - said[rows, np.maximum(labels, 0)]
    wrong = np.flatnonzero((labels != NO_LABEL) & (answers != labels))
    worst = wrong[np.argsort(-excess[wrong], kind="stable")][:count]
    return [
        {
            "face": int(index),
            "label": EMOTIONS[labels[index]].value,
            "answer": EMOTIONS[answers[index]].value,
            "confidence": float(said[index, answers[index]]),
            "believed_of_label": float(said[index, labels[index]]),
            "people": _votes(faces.targets[index]),
        }
        for index in worst
    ]


def by_slice(said: NDArray[np.float64], faces: Faces, protocol: Protocol, chosen: NDArray[np.bool_]) -> dict[str, Any]:
    """Faces, accuracy and its interval among the `chosen` (N,) of `faces`; accuracy is None where none has a label."""
    labels = faces.majority if protocol == "majority" else faces.top
    kept = chosen & (labels != NO_LABEL)
    hits = int((said.argmax(axis=1) == labels)[kept].sum())
    samples = int(kept.sum())
    return {
        "samples": samples,
        "accuracy": hits / samples if samples else None,
        "accuracy_interval": interval(hits, samples),
    }


def protocols(said: NDArray[np.float64], faces: Faces) -> dict[str, dict[str, Any]]:
    """`measures` under each protocol that the labels allow, the one to report first."""
    names: tuple[Protocol, ...] = ("majority", "top") if faces.voted else ("majority",)
    return {name: measures(judged(said, faces, name)) for name in names}


def _votes(shares: NDArray[np.float32]) -> dict[str, float]:
    order = np.argsort(-shares, kind="stable")
    return {EMOTIONS[index].value: round(float(shares[index]), 3) for index in order if shares[index] > 0}


def _roc(result: Judged) -> dict[str, dict[str, Any]]:
    """False and true positive rates of each emotion against the rest, where both kinds occur, and the area below."""
    from sklearn.metrics import auc, roc_curve

    curves = {}
    for index, emotion in enumerate(EMOTIONS):
        positive = result.labels == index
        if positive.any() and not positive.all():
            false, true, _ = roc_curve(positive, result.probabilities[:, index])
            some = np.unique(np.linspace(0, len(false) - 1, CURVE_POINTS).astype(int))
            curves[emotion.value] = {
                "auc": float(auc(false, true)),
                "false_positive_rate": np.round(false[some], 5).tolist(),
                "true_positive_rate": np.round(true[some], 5).tolist(),
            }
    return curves


def _reliability(result: Judged) -> list[dict[str, Any]]:
    """Confidence against accuracy in `BINS` equal steps of confidence, empty ones left out."""
    confidence = result.probabilities.max(axis=1)
    right = result.probabilities.argmax(axis=1) == result.labels
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return [
        {
            "from": step / BINS,
            "to": (step + 1) / BINS,
            "samples": int(inside.sum()),
            "confidence": float(confidence[inside].mean()),
            "accuracy": float(right[inside].mean()),
            "accuracy_interval": interval(int(right[inside].sum()), int(inside.sum())),
        }
        for step in range(BINS)
        if (inside := place == step).any()
    ]


def _coverage(result: Judged) -> dict[str, Any]:
    """How many faces still get an answer, and how many of those answers are right, if below a confidence it is none.

    `levels` at fixed confidences; `curve` at every fiftieth of the faces, the surest first.
    """
    confidence = result.probabilities.max(axis=1)
    right = result.probabilities.argmax(axis=1) == result.labels
    levels = []
    for level in LEVELS:
        sure = confidence >= level
        accuracy = float(right[sure].mean()) if sure.any() else None
        levels.append({"confidence": level, "coverage": float(sure.mean()), "accuracy": accuracy})
    surest = np.argsort(-confidence, kind="stable")
    hits = np.cumsum(right[surest])
    counts = np.unique(np.maximum(1, np.rint(np.linspace(0.02, 1, 50) * len(right)).astype(int)))
    return {
        "levels": levels,
        "curve": {
            "coverage": (counts / len(right)).round(5).tolist(),
            "accuracy": (hits[counts - 1] / counts).round(5).tolist(),
            "confidence": confidence[surest][counts - 1].round(5).tolist(),
        },
    }
