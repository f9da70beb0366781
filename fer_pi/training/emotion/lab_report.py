"""Brings all figures about an emotion model together into one HTML page and report.json."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pi.shipped import shipped
from fer_pi.training.emotion import plots
from fer_pi.training.emotion.conditions import CONDITIONS
from fer_pi.training.emotion.data import NO_LABEL, Faces
from fer_pi.training.emotion.measures import protocols, worst_mistakes
from fer_pi.training.emotion.robustness import SEED, robustness
from fer_pi.training.emotion.slices import slices
from fer_pi.training.page import picture, write_report
from fer_pi.types import Face, Image
from fer_pi.vision.classifier import EmotionClassifier
from fer_pi.vision.model_file import open_model

MISTAKES = 50

Step = Callable[[str, int], Callable[[], None]]
"""Told what comes next and in how many steps; returns what to call after each."""


def silent(title: str, steps: int) -> Callable[[], None]:
    """A `Step` that shows nothing."""
    del title, steps
    return lambda: None


def full_figures(
    faces: Faces,
    said: NDArray[np.float64],
    classifier: EmotionClassifier,
    *,
    model: Path | None,
    data: str,
    detect: Callable[[Image], list[Face]] | None,
    step: Step = silent,
) -> dict[str, Any]:
    """All of report.json as plain values: model, data, protocols, robustness, slices, mistakes.

    `said` are the classifier's answers to the faces; robustness, slices and mistakes are by the majority protocol.
    """
    file = open_model(model or shipped("models/emotion"), "emotion")
    figures: dict[str, Any] = {
        "created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "model": {
            "name": file.manifest.get("name", file.path.name),
            "sha256": file.manifest.get("sha256"),
            "bytes": file.path.stat().st_size,
        },
        "data": {
            "name": data,
            "split": "valid",
            "sha256": faces.source_sha256,
            "faces": len(faces),
            "voted": faces.voted,
        },
        "protocols": protocols(said, faces),
        "mistakes": worst_mistakes(said, faces, "majority", MISTAKES),
    }
    figures["robustness"] = robustness(
        classifier, faces, "majority", clean=said, on_done=step("bad pictures", len(CONDITIONS))
    )
    watched = None if detect is None else _counted(detect, step("size and pose", len(faces)))
    figures["slices"] = slices(said, faces, "majority", watched)
    return figures


def write_page(folder: Path, figures: dict[str, Any], faces: Faces) -> Path:
    """Write report.html and report.json; the pictures are those of `faces`, nowhere else. The page's path."""
    main = figures["protocols"]["majority"]
    return write_report(
        folder,
        "emotion.html",
        figures,
        main=main,
        wrong=round(main["samples"] * (1 - main["accuracy"])),
        plots={
            "confusion": plots.confusion(main),
            "reliability": plots.reliability(main),
            "coverage": plots.coverage(main),
            "roc": plots.roc(main),
            "robustness": plots.robustness(figures["robustness"]),
            "slices": plots.slices({"slices": figures["slices"], "accuracy": main["accuracy"]}),
        },
        spoilt=_spoilt(faces),
        mistakes=[{**one, "picture": picture(faces.images[one["face"]])} for one in figures["mistakes"]],
    )


def _spoilt(faces: Faces) -> list[dict[str, str]]:
    """One face as it stands and under each condition."""
    labelled = np.flatnonzero(faces.majority != NO_LABEL)
    one = faces.images[labelled[:1]]
    return [{"title": "as it stands", "picture": picture(one[0])}] + [
        {"title": condition.title, "picture": picture(condition.change(one, SEED)[0])} for condition in CONDITIONS
    ]


def _counted(detect: Callable[[Image], list[Face]], done: Callable[[], None]) -> Callable[[Image], list[Face]]:
    def counting(image: Image) -> list[Face]:
        found = detect(image)
        done()
        return found

    return counting
