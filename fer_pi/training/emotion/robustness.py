"""What each bad condition costs: the same faces, spoilt before the normalisation that runs on the Pi."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pi.training.emotion.conditions import CONDITIONS
from fer_pi.training.emotion.data import Faces
from fer_pi.training.emotion.evaluate import Protocol, answers, judged, report
from fer_pi.vision.classifier import EmotionClassifier

SEED = 1


def robustness(
    classifier: EmotionClassifier,
    faces: Faces,
    protocol: Protocol,
    *,
    clean: NDArray[np.float64],
    on_done: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Accuracy and macro-F1 under each of `CONDITIONS`, and the points of accuracy lost against `clean`.

    Each condition changes the raw pictures; `evaluate.answers` then normalises them as `vision.align` does at run
    time. `clean` are the answers to the faces as they stand.
    """
    before = report(judged(clean, faces, protocol))
    table: dict[str, Any] = {}
    for condition in CONDITIONS:
        spoilt = replace(faces, images=condition.change(faces.images, SEED))
        after = report(judged(answers(classifier, spoilt), faces, protocol))
        lost = 100 * (before["accuracy"] - after["accuracy"])
        table[condition.name] = {
            "title": condition.title,
            "accuracy": after["accuracy"],
            "macro_f1": after["macro_f1"],
            "ece": after["ece"],
            "points_lost": lost,
            "most_lost": condition.most_lost,
            "within": bool(lost <= condition.most_lost),
        }
        on_done()
    return {"protocol": protocol, "seed": SEED, "clean": before["accuracy"], "conditions": table}


def as_text(figures: dict[str, Any]) -> str:
    """The table for a terminal."""
    lines = [f"{'condition':>24}  accuracy  macro-F1  points lost  (at most)"]
    for row in figures["conditions"].values():
        lines.append(
            f"{row['title']:>24}  {row['accuracy']:8.2%}  {row['macro_f1']:8.3f}  {row['points_lost']:11.1f}"
            f"  {row['most_lost']:9g}{'' if row['within'] else '  too much'}"
        )
    return "\n".join(lines)
