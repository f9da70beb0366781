"""Measures, on a simulated household, what adapting the model to one's own faces gains and what it forgets.

    python -m fer_pi.training.emotion.personal LFW_EXPRESSIONS FERPLUS [MODEL] [--count 5] [--threads N] [--seed N]

The household are the people of `LFW_EXPRESSIONS` (labels.csv with subject, label and five landmarks; images/) with at
least `LEAST_PICTURES` whose two commonest labels cover less than `MOST_PLAIN` of them: those with something to tell
apart, chosen by their labels alone. The first half of each one's pictures is written out as `fer-pi collect` does and
given to `personalise`; the second half, without look-alikes of the first, is what the household would see later. The
validation part of `FERPLUS`, and all other people of `LFW_EXPRESSIONS`, tell what was forgotten. It is done without
other people's faces and with those of the training part of `FERPLUS`, without their labels.

What it is not: the labels of that set are rough, and the household's way of labelling is learnt with its faces.
"""

import argparse
import csv
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from fer_pi.errors import InputError
from fer_pi.shipped import shipped
from fer_pi.training.dataset.look_alikes import twins
from fer_pi.training.emotion.adapt import Gently
from fer_pi.training.emotion.data import load_faces
from fer_pi.training.emotion.folders import NAMES
from fer_pi.training.emotion.personalise import LEAST_OF_EACH, personalise
from fer_pi.types import EMOTIONS, Box, Face
from fer_pi.vision.align import normalized, raw_crop
from fer_pi.vision.classifier import ClassifierOptions, EmotionClassifier

LEAST_PICTURES = 60
MOST_PLAIN = 0.9
MOST_LEARNT = 60
"""Pictures of each person that are learnt from."""
POINTS = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Labelled crops of named people, in the order of the table."""

    images: NDArray[np.uint8]
    """(N, 48, 48) as `align.raw_crop` cuts them."""
    labels: NDArray[np.int64]
    subjects: NDArray[np.str_]


def read_people(root: Path) -> People:
    """Everybody in `root`/labels.csv. Raises InputError if it is not such a table."""
    images, labels, subjects = [], [], []
    try:
        with (root / "labels.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                picture = cv2.imread(str(root / "images" / row["image"]), cv2.IMREAD_GRAYSCALE)
                if picture is None or not row["nose_x"]:
                    continue
                points = tuple((float(row[f"{name}_x"]), float(row[f"{name}_y"])) for name in POINTS)
                whole = Box(0, 0, picture.shape[1], picture.shape[0])
                images.append(raw_crop(np.asarray(picture, np.uint8), Face(whole, points, 1.0)))
                labels.append(EMOTIONS.index(NAMES[row["label"].lower()]))
                subjects.append(row["subject"])
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{root}: not a folder with labels.csv, images/ and five landmarks each ({error})") from error
    if not images:
        raise InputError(f"{root}: no picture of it can be read")
    return People(np.stack(images), np.array(labels), np.array(subjects, np.str_))


def household(people: People, count: int) -> list[str]:
    """Up to `count` people with many pictures and more than two expressions, most pictures first."""
    chosen = []
    for subject, pictures in Counter(people.subjects.tolist()).most_common():
        common = Counter(people.labels[people.subjects == subject].tolist()).most_common(2)
        if pictures >= LEAST_PICTURES and sum(times for _, times in common) < MOST_PLAIN * pictures:
            chosen.append(subject)
    return chosen[:count]


def halves(people: People, names: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which pictures are learnt from, and which are seen later and look like none of those."""
    early, late = [], []
    for name in names:
        places = np.flatnonzero(people.subjects == name)
        early.append(places[: len(places) // 2][:MOST_LEARNT])
        late.append(places[len(places) // 2 :])
    learnt, later = np.concatenate(early), np.concatenate(late)
    counts = Counter(people.labels[learnt].tolist())
    learnt = learnt[[counts[label] >= LEAST_OF_EACH for label in people.labels[learnt].tolist()]]
    return learnt, later[twins(people.images[later], people.images[learnt]).index < 0]


def write_collected(people: People, places: NDArray[np.int64], folder: Path) -> None:
    """The pictures as `fer-pi collect` leaves them; the names keep each one's order, one person after the other."""
    counts: Counter[str] = Counter()
    for place in places.tolist():
        subject = str(people.subjects[place])
        counts[subject] += 1
        file = folder / EMOTIONS[people.labels[place]].value / f"{counts[subject]:03}-{subject}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), people.images[place])


def right(model: Path | None, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N,) whether the int8 model names the label."""
    said = EmotionClassifier(ClassifierOptions(model=model)).classify(list(normalized(images)))
    return np.asarray(np.array([EMOTIONS.index(scores.top) for scores in said]) == labels)


def main() -> None:
    """Print one line for each way of adapting."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("people", type=Path)
    parser.add_argument("ferplus", type=Path)
    parser.add_argument("model", type=Path, nargs="?", default=shipped("models/emotion"))
    parser.add_argument("--count", type=int, default=5, help="people in the household")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    torch.set_num_threads(wanted.threads)
    people, valid = read_people(wanted.people), load_faces(wanted.ferplus, "valid")
    valid = valid.part(valid.majority >= 0)
    names = household(people, wanted.count)
    learnt, later = halves(people, names)
    rest = np.flatnonzero(~np.isin(people.subjects, names))
    judges = {
        "household, later": (people.images[later], people.labels[later]),
        "other people": (people.images[rest], people.labels[rest]),
        "FER+ valid": (valid.images, valid.majority),
    }
    print(f"{len(names)} people; {len(learnt)} pictures to learn from and decide by; seed {wanted.seed}")
    print("labels learnt", {EMOTIONS[i].value: n for i, n in Counter(people.labels[learnt].tolist()).most_common()})
    before = {name: right(wanted.model, *judge) for name, judge in judges.items()}
    print(
        "as it is:", ", ".join(f"{name} {hits.mean():.1%} of {len(hits)}" for name, hits in before.items()), flush=True
    )
    with tempfile.TemporaryDirectory() as scratch:
        write_collected(people, learnt, Path(scratch) / "own")
        for kind, others in (("alone", None), ("with other people's faces", wanted.ferplus / "train.npz")):
            out = Path(scratch) / "model"
            try:
                settings = Gently(seed=wanted.seed)
                made = personalise(Path(scratch) / "own", out, settings, model=wanted.model, others=others)
            except InputError as error:
                print(f"{kind}: refused: {error}", flush=True)
                continue
            after = {name: right(out, *judge) for name, judge in judges.items()}
            changes = [
                f"{name} {hits.mean():.1%} (+{(hits & ~before[name]).sum()} -{(before[name] & ~hits).sum()})"
                for name, hits in after.items()
            ]
            print(f"{kind}, {made['share']:g} of the way:", ", ".join(changes), flush=True)


if __name__ == "__main__":
    main()
