"""Sets classical classifiers and the net side by side: the same faces, the same figures, the same clock."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pi.errors import InputError
from fer_pi.training.classical.features import Matrix
from fer_pi.training.emotion.evaluate import Judged, report
from fer_pi.types import EMOTIONS

Labels = NDArray[np.int64]

FOLDS = 5
SEED = 1
TIMED = 100
"""Faces that are read one by one to see how long one takes."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Labelled faces by their features."""

    rows: Matrix
    """(N, F); NaN where a face was not found."""
    labels: Labels
    """(N,) index into `EMOTIONS`."""
    groups: Labels
    """(N,) one number for pictures that look alike: they stay in one fold."""


def classifiers(most_faces: int) -> dict[str, Callable[[], Any]]:
    """Makers of scikit-learn pipelines by name: what is missing is filled in, everything is scaled, then classified.

    Settings are the same for all features. A forest needs no scaling, and gets it all the same: it does not mind.
    """
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    def pipeline(*last: Any) -> Any:
        return make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), *last)

    return {
        # On 900 columns PCA makes it seven times faster, and more often right than without.
        "SVM": lambda: Sampled(pipeline(PCA(0.9, svd_solver="full"), SVC(C=3.0)), most_faces),
        "logistic regression": lambda: pipeline(LogisticRegression(C=0.01, max_iter=200, tol=1e-3)),
        "LDA": lambda: pipeline(LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")),
        # Few columns a branch: three times faster than the root of their number.
        "random forest": lambda: Sampled(
            pipeline(RandomForestClassifier(100, max_features="log2", min_samples_leaf=2, random_state=SEED)),
            most_faces,
        ),
    }


class Sampled:
    """A classifier that learns from `most` faces at random, as its time grows faster than their number."""

    def __init__(self, classifier: Any, most: int) -> None:
        self._classifier, self._most = classifier, most

    def fit(self, rows: Matrix, labels: Labels) -> "Sampled":
        if len(labels) > self._most:
            # At least two of each emotion, so that none is forgotten.
            order = np.random.default_rng(SEED).permutation(len(labels))
            first = np.concatenate([order[labels[order] == label][:2] for label in np.unique(labels)])
            chosen = list(dict.fromkeys([*first, *order]))[: self._most]
            rows, labels = rows[chosen], labels[chosen]
        self._classifier.fit(rows, labels)
        return self

    def predict(self, rows: Matrix) -> Labels:
        return np.asarray(self._classifier.predict(rows), np.int64)


def check_enough(labels: Labels, groups: Labels) -> None:
    """Raises InputError unless there are two emotions, and of each that occurs a group of look-alikes for each fold."""
    present = np.unique(labels)
    if len(present) < 2:
        raise InputError(f"{len(present)} emotion among the training faces; a comparison needs two")
    different = {at: len(np.unique(groups[labels == at])) for at in present}
    few = [
        f"{EMOTIONS[at].value} ({count} of {(labels == at).sum()})" for at, count in different.items() if count < FOLDS
    ]
    if few:
        raise InputError(
            f"too few different training faces for {', '.join(few)}; {FOLDS}-fold cross-validation needs {FOLDS} of"
            " each emotion, and pictures that look alike count as one: add some, or leave the emotion out"
        )


def folds(samples: Samples) -> Iterator[tuple[Labels, Labels]]:
    """Rows to learn from and rows to judge, `FOLDS` times; emotions in proportion, look-alikes together."""
    from sklearn.model_selection import StratifiedGroupKFold

    split = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
    yield from split.split(np.zeros(len(samples.labels)), samples.labels, samples.groups)


def cross_validated(make: Callable[[], Any], samples: Samples, on_done: Callable[[], None]) -> dict[str, Any]:
    """Accuracy in each fold, its mean and standard deviation, and macro-F1 over all folds together."""
    said = np.full(len(samples.labels), -1)
    accuracies = []
    for learn, judge in folds(samples):
        said[judge] = make().fit(samples.rows[learn], samples.labels[learn]).predict(samples.rows[judge])
        accuracies.append(float((said[judge] == samples.labels[judge]).mean()))
        on_done()
    return {
        "folds": accuracies,
        "accuracy": float(np.mean(accuracies)),
        "deviation": float(np.std(accuracies)),
        "macro_f1": figures(said, samples.labels)["macro_f1"],
    }


def figures(said: Labels, labels: Labels) -> dict[str, Any]:
    """Samples, accuracy, macro-F1 and figures per emotion, as `evaluate.report` has them, of plain answers."""
    full = report(Judged(np.eye(len(EMOTIONS))[said], labels))
    return {name: full[name] for name in ("samples", "accuracy", "macro_f1", "per_class")}


def milliseconds(answer: Callable[[int], Any], count: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """The median time of `answer(0)`, `answer(1)` ... , the first one apart."""
    answer(0)
    times = []
    for index in range(min(count, TIMED)):
        start = clock()
        answer(index)
        times.append(clock() - start)
    return 1000 * float(np.median(times))
