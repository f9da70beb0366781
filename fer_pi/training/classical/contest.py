"""From a data set to the table of `fer-pi train classical`: features cut, classifiers judged, the net beside them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group
from rich.table import Table

from fer_pi.errors import InputError
from fer_pi.training.classical.compare import (
    FOLDS,
    Samples,
    check_enough,
    classifiers,
    cross_validated,
    figures,
    milliseconds,
)
from fer_pi.training.classical.features import KINDS, FoundShape, Predictor, feature_rows, found_shape
from fer_pi.training.classical.geometry import POINTS_68
from fer_pi.training.dataset.look_alikes import groups as look_alikes
from fer_pi.training.emotion.data import NO_LABEL, Faces, load_faces
from fer_pi.training.emotion.evaluate import answers
from fer_pi.training.emotion.frame import face_detector
from fer_pi.training.emotion.split import without_shared
from fer_pi.types import CROP_SIZE, EMOTIONS
from fer_pi.vision.align import TEMPLATE, normalized
from fer_pi.vision.classifier import EmotionClassifier

Step = Callable[[str, int], Callable[[], None]]
"""To be told what comes and in how many steps; what it returns is called at each."""


def labelled_faces(data: Path) -> tuple[Faces, Faces | None]:
    """The faces with a majority label to learn from, and those that judge: None if `data` has no split of its own.

    Training pictures of a photograph that judges as well are left out. Raises InputError if none judges.
    """
    train, valid = load_faces(data, "train"), load_faces(data, "valid")
    alone = train.source_sha256 == valid.source_sha256
    train, valid = (faces.part(faces.majority != NO_LABEL) for faces in (train, valid))
    if not alone:
        if len(valid) == 0:
            raise InputError(f"{data}: no validation face has a label; add some")
        train = without_shared(train, valid, "leave out", data)
    return train, None if alone else valid


def compare(
    train: Faces,
    valid: Faces | None,
    *,
    net: EmotionClassifier,
    predictor: Predictor | None,
    most_faces: int,
    step: Step,
) -> dict[str, Any]:
    """Figures of every classifier on every kind of features, and of the `net`, as plain JSON values.

    `rows` holds one entry each: features, classifier, columns (of the features), cross_validation (None for the net,
    which was trained before), valid (None without such faces), milliseconds (one face at a time, from picture and
    points to answer; finding face and points is not counted). Raises InputError if there are too few faces.
    """
    compared = step("look-alikes", 1)
    groups = look_alikes(train.images)
    check_enough(train.majority, groups)
    compared()
    detect = face_detector()
    done = step("shapes", len(train) + (0 if valid is None else len(valid)))

    def shapes_of(faces: Faces) -> list[FoundShape]:
        found = []
        for image in faces.images:
            found.append(found_shape(image, detect, predictor))
            done()
        return found

    of_68 = predictor is not None
    shapes = shapes_of(train)
    timed, timed_shapes = (train, shapes) if valid is None else (valid, shapes_of(valid))
    makers = classifiers(most_faces)
    fitted_once = step("classifiers", len(KINDS) * len(makers) * (FOLDS + 1))
    rows: list[dict[str, Any]] = []
    for kind in KINDS:
        samples = Samples(feature_rows(kind, train.images, shapes, of_68), train.majority, groups)
        to_judge = None if valid is None else feature_rows(kind, valid.images, timed_shapes, of_68)
        for name, make in makers.items():
            crossed = cross_validated(make, samples, fitted_once)
            fitted = make().fit(samples.rows, samples.labels)
            fitted_once()

            def read(index: int, kind: str = kind, fitted: Any = fitted) -> Any:
                one = slice(index, index + 1)
                return fitted.predict(feature_rows(kind, timed.images[one], timed_shapes[one], of_68))

            rows.append(
                {
                    "features": kind,
                    "columns": samples.rows.shape[1],
                    "classifier": name,
                    "cross_validation": crossed,
                    "valid": None
                    if to_judge is None or valid is None
                    else figures(fitted.predict(to_judge), valid.majority),
                    "milliseconds": milliseconds(read, len(timed)),
                }
            )
    rows.append(_net_row(net, valid, timed))
    return {
        "train": len(train),
        "valid": None if valid is None else len(valid),
        "groups": len(np.unique(groups)),
        "faces_found": sum(shape.points is not None for shape in shapes) / len(shapes),
        "points": POINTS_68 if of_68 else len(TEMPLATE),
        "most_faces": min(most_faces, len(train)),
        "rows": rows,
    }


def _net_row(net: EmotionClassifier, valid: Faces | None, timed: Faces) -> dict[str, Any]:
    return {
        "features": "pixels",
        "columns": CROP_SIZE**2,
        "classifier": "fer-pi's net",
        "cross_validation": None,
        "valid": None if valid is None else figures(answers(net, valid).argmax(axis=1), valid.majority),
        "milliseconds": milliseconds(lambda index: net.classify([normalized(timed.images[index])]), len(timed)),
    }


def as_tables(result: dict[str, Any]) -> Group:
    """The figures for a terminal: how often each is right, and the recall of each emotion on the validation faces."""
    title = (
        f"{result['train']:,} faces to learn from, {result['groups']:,} different ones; SVM and forest learn from"
        f" at most {result['most_faces']:,}; shape by {result['points']} points, found in {result['faces_found']:.1%}"
    )
    right = _table("features", "classifier", f"{FOLDS} folds", "macro-F1", "valid", "macro-F1", "ms")
    recalls = _table("recall", "classifier", *(emotion.value[:5] for emotion in EMOTIONS))
    for row in result["rows"]:
        name, crossed, valid = (row["features"], row["classifier"]), row["cross_validation"], row["valid"]
        cells = ["-", "-"] if crossed is None else [_percent(crossed), f"{crossed['macro_f1']:.3f}"]
        cells += ["-", "-"] if valid is None else [f"{valid['accuracy']:.1%}", f"{valid['macro_f1']:.3f}"]
        right.add_row(*name, *cells, f"{row['milliseconds']:.2f}")
        if valid is not None:
            recalls.add_row(*name, *(_recall(valid["per_class"][emotion.value]) for emotion in EMOTIONS))
    return Group(title, right, *([""] if recalls.row_count else []), *([recalls] if recalls.row_count else []))


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index < 2 else "right", no_wrap=True)
    return table


def _percent(crossed: dict[str, Any]) -> str:
    return f"{crossed['accuracy']:.1%} ±{100 * crossed['deviation']:.1f}"


def _recall(figures: dict[str, Any]) -> str:
    return f"{figures['recall']:.2f}" if figures["support"] else "-"
