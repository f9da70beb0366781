"""Judges a data set before anything is trained on it: what is in it, what is wrong with it, what would mislead."""

import difflib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fer_pi.training.dataset.contents import UNKNOWN, Contents, Done, Part, read_contents
from fer_pi.training.dataset.look_alikes import twins
from fer_pi.training.emotion.folders import NAMES, SPLITS
from fer_pi.training.emotion.split import LEAST_FACES
from fer_pi.types import CROP_SIZE, EMOTIONS

Level = Literal["error", "warning", "note"]

FEW = 20
"""An emotion with fewer faces than this cannot be learnt, and hardly be measured."""
MOST_UNEVEN = 20
"""The commonest emotion against the rarest, from which it is worth a word."""
MOST_SHARED = 0.01
"""The part of a split that may stand in another one before figures on it mislead, where training refuses none."""
MOST_REPEATED = 0.1
"""The part of a split that may look like another picture of it without a warning."""
BLANK_DEVIATION = 4.0
"""Of grey; as `align.LEAST_DEVIATION`."""
EXAMPLES = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the owner of the data should know."""

    level: Level
    """error: training refuses it, or it would mislead; warning: worth a look; note: good to know."""
    text: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures that are one photograph: (part, index) each."""

    one: tuple[int, int]
    other: tuple[int, int]
    likeness: float


def check(root: Path, done: Done = lambda: None) -> tuple[dict[str, Any], Contents, list[Pair]]:
    """The figures about the data set at `root` as plain JSON values; its contents; look-alikes across splits.

    Raises InputError if there is no data set at all.
    """
    contents = read_contents(root, done)
    parts = contents.parts
    within = [_within(part) for part in parts]
    pairs = _across(parts)
    findings = [*_of_the_whole(contents), *(finding for part in parts for finding in _of_part(part, contents.layout))]
    findings += [finding for part, repeated in zip(parts, within, strict=True) for finding in _of_twins(part, repeated)]
    findings += [*_of_pairs(contents, pairs), *_untaught(parts)]
    order = ("error", "warning", "note")
    findings.sort(key=lambda finding: order.index(finding.level))
    figures = {
        "data": root.resolve().name,
        "layout": contents.layout,
        "parts": {part.name: _counts(part) | repeated for part, repeated in zip(parts, within, strict=True)},
        "look_alikes_across": [
            {
                "one": parts[pair.one[0]].names[pair.one[1]],
                "other": parts[pair.other[0]].names[pair.other[1]],
                "likeness": round(pair.likeness, 3),
            }
            for pair in pairs
        ],
        "findings": [{"level": f.level, "text": f.text, "examples": list(f.examples)} for f in findings],
        "errors": sum(finding.level == "error" for finding in findings),
    }
    return figures, contents, pairs


def _counts(part: Part) -> dict[str, Any]:
    labels = Counter(part.labels)
    sizes = np.array(part.sizes or [(0, 0)])
    return {
        "pictures": len(part.names),
        "labels": {emotion.value: labels[emotion.value] for emotion in EMOTIONS},
        "unlabelled": labels[UNKNOWN],
        "width": _spread(sizes[:, 0]),
        "height": _spread(sizes[:, 1]),
        "broken": part.broken,
        "missing": part.missing,
        "other_files": dict(part.others),
    }


def _spread(values: Any) -> dict[str, int]:
    return {"least": int(values.min()), "median": int(np.median(values)), "most": int(values.max())}


def _within(part: Part) -> dict[str, int]:
    """How many pictures look like another of their split, and how many of those bear another label than it."""
    if len(part.images) < 2:
        return {"look_alikes": 0, "look_alikes_with_other_labels": 0}
    closest = twins(np.stack(part.images))
    found = closest.found()
    labels = np.array(part.labels)
    one, other = labels[found], labels[closest.index[found]]
    differ = (one != other) & (one != UNKNOWN) & (other != UNKNOWN)
    return {"look_alikes": len(found), "look_alikes_with_other_labels": int(differ.sum())}


def _across(parts: list[Part]) -> list[Pair]:
    pairs = []
    for later, part in enumerate(parts):
        for earlier in range(later):
            if part.images and parts[earlier].images:
                closest = twins(np.stack(part.images), np.stack(parts[earlier].images))
                pairs += [
                    Pair((earlier, int(closest.index[at])), (later, int(at)), float(closest.likeness[at]))
                    for at in closest.found()
                ]
    return sorted(pairs, key=lambda pair: -pair.likeness)


def _few(names: Iterable[str]) -> tuple[str, ...]:
    names = list(names)
    more = (f"and {len(names) - EXAMPLES} more",) if len(names) > EXAMPLES else ()
    return (*names[:EXAMPLES], *more)


def _of_the_whole(contents: Contents) -> list[Finding]:
    findings = [Finding("error", problem) for problem in contents.problems]
    if contents.strange:
        known = ", ".join(name for names in SPLITS.values() for name in names)
        findings.append(
            Finding("warning", f"folders beside the splits that nobody reads (splits: {known})", _few(contents.strange))
        )
    names = [part.name.lower() for part in contents.parts]
    for split, known_as in SPLITS.items():
        if names and "all" not in names and not set(names) & set(known_as):
            findings.append(Finding("error", f"no {split} part; name a folder or file {' or '.join(known_as[:3])}"))
    validating = [name for name in SPLITS["valid"] if name in names]
    if len(validating) > 1:
        findings.append(
            Finding("note", f"{validating[0]} judges what is trained; {', '.join(validating[1:])} is left unread")
        )
    return findings


def _of_part(part: Part, layout: str) -> list[Finding]:
    findings: list[Finding] = []

    def say(level: Level, names: list[str], text: str) -> None:
        if names:
            findings.append(Finding(level, f"{part.name}: {len(names):,} {text}", _few(names)))

    numbers = [name for name in sorted(part.strange) if name.isdigit()]
    words = [f"{name!r} ({part.strange[name]:,} pictures){_meant(name)}" for name in sorted(part.strange)]
    if len(numbers) == len(words):
        say("error", numbers, "labels are numbers, and data sets count emotions differently; write the emotions' names")
    else:
        say("error", words, f"labels are not names of emotions; known: {', '.join(NAMES)}")
    say("error", part.empty, "empty folders; put pictures in or remove them")
    say("error", part.missing, "files named in the table are missing")
    say("warning", part.broken, "files cannot be read and are left out")
    images = zip(part.names, part.images, strict=True)
    say("warning", [name for name, image in images if image.std() < BLANK_DEVIATION], "pictures show nothing")
    sized = list(zip(part.names, part.sizes, strict=True))
    if "detector" not in layout:
        small = [f"{name} ({w} x {h})" for name, (w, h) in sized if min(w, h) < CROP_SIZE]
        say("warning", small, f"pictures are smaller than {CROP_SIZE} px and are enlarged")
        uneven = [f"{name} ({w} x {h})" for name, (w, h) in sized if max(w, h) > 1.15 * min(w, h)]
        say("warning", uneven, "pictures are not square and are squeezed; crop them around the face")
        findings += _of_balance(part)
    if part.others:
        what = ", ".join(f"{count} {suffix}" for suffix, count in part.others.most_common(6))
        findings.append(Finding("note", f"{part.name}: files that are no pictures by their names: {what}"))
    return findings


def _meant(name: str) -> str:
    close = difflib.get_close_matches(name.lower(), NAMES, n=1, cutoff=0.75)
    return f"; did you mean {close[0]!r}?" if close else ""


def _of_balance(part: Part) -> list[Finding]:
    counts = Counter(label for label in part.labels if label != UNKNOWN)
    findings: list[Finding] = []
    if part.name.lower() in (*SPLITS["train"], "all") and (sum(counts.values()) < LEAST_FACES or len(counts) < 2):
        findings.append(
            Finding(
                "error",
                f"{part.name}: {sum(counts.values())} labelled faces of {len(counts)} emotions; training needs at least"
                f" {LEAST_FACES} faces and two emotions",
            )
        )
    if not counts:
        return findings
    absent = [emotion.value for emotion in EMOTIONS if not counts[emotion.value]]
    if absent:
        findings.append(Finding("note", f"{part.name}: no faces for {', '.join(absent)}; it will never be said"))
    few = [f"{label} ({count})" for label, count in sorted(counts.items()) if count < FEW]
    if few:
        findings.append(Finding("warning", f"{part.name}: fewer than {FEW} faces for {', '.join(few)}"))
    (most, many), (least, rare) = counts.most_common()[0], counts.most_common()[-1]
    if many > MOST_UNEVEN * rare:
        findings.append(
            Finding("note", f"{part.name}: {many / rare:.0f} times as many faces for {most} as for {least}")
        )
    if part.voted and UNKNOWN in part.labels:
        count = part.labels.count(UNKNOWN)
        findings.append(Finding("note", f"{part.name}: on {count:,} faces most votes name none of the eight emotions"))
    return findings


def _of_twins(part: Part, repeated: dict[str, int]) -> list[Finding]:
    count, differ = repeated["look_alikes"], repeated["look_alikes_with_other_labels"]
    if not count:
        return []
    text = f"{part.name}: {count:,} pictures look like another of it ({count / len(part.names):.1%})"
    level: Level = "warning" if differ or count > MOST_REPEATED * len(part.names) else "note"
    return [Finding(level, text + (f", {differ:,} of them with another label" if differ else ""))]


def _untaught(parts: list[Part]) -> list[Finding]:
    """Emotions that a part asks for and that the training part does not have."""
    training = [part for part in parts if part.name.lower() in SPLITS["train"]]
    known = {label for part in training for label in part.labels}
    findings = []
    for part in parts:
        strange = sorted(set(part.labels) - known - {UNKNOWN})
        if training and strange:
            text = f"{part.name}: has faces for {', '.join(strange)}, of which {training[0].name} has none"
            findings.append(Finding("error", text))
    return findings


def _of_pairs(contents: Contents, pairs: list[Pair]) -> list[Finding]:
    findings = []
    parts, refused = contents.parts, _kept_apart(contents)
    between = Counter((pair.one[0], pair.other[0]) for pair in pairs)
    for (earlier, later), count in between.items():
        one, other = parts[earlier], parts[later]
        share = count / len(other.names)
        names = [
            f"{other.names[pair.other[1]]} = {one.names[pair.one[1]]} ({pair.likeness:.3f})"
            for pair in pairs
            if (pair.one[0], pair.other[0]) == (earlier, later)
        ]
        text = f"{other.name}: {count:,} of its pictures ({share:.2%}) stand in {one.name} too; figures on it flatter"
        level: Level = "error" if share > MOST_SHARED else "warning"
        if {one.name, other.name} == refused:
            level, text = "error", f"{text}, and training refuses: remove them, or train with --twins leave-out"
        findings.append(Finding(level, text, _few(names)))
    return findings


def _kept_apart(contents: Contents) -> set[str]:
    """The two parts that share no photograph, or `train emotion` refuses them: what teaches, and what judges."""
    if "detector" in contents.layout:
        return set()
    names = {part.name.lower(): part.name for part in contents.parts}
    first = [next((names[name] for name in known if name in names), None) for known in SPLITS.values()]
    return {name for name in first if name is not None}
