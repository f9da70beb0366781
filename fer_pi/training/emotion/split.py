"""Parts a data set into faces to learn from, faces set aside and faces that judge, so that no photograph is in two."""

import logging
from pathlib import Path
from typing import Literal

import numpy as np

from fer_pi.errors import InputError
from fer_pi.training.dataset.look_alikes import LIKENESS, groups, twins
from fer_pi.training.emotion.data import NO_LABEL, Faces, load_faces
from fer_pi.types import EMOTIONS

log = logging.getLogger(__name__)

ASIDE_SHARE, ASIDE_SEED = 0.06, 7
"""The part of train that teaches nothing: it watches the run and calibrates the result. Always the same faces."""
LEAST_FACES = 40
MOST_ALIKE = 30
"""A larger group of look-alikes is no photograph but a chain of dim faces, each a little like the next: it teaches."""
EXAMPLES = 5

TwinsRule = Literal["refuse", "leave out", "allow"]
"""What becomes of training faces whose photograph stands in the validation part too."""


def split_data(data: Path, shared: TwinsRule = "leave out") -> tuple[Faces, Faces, Faces]:
    """The faces to learn from, those set aside, and those that judge; no photograph stands in two of them.

    Where `data` has no split of its own the faces set aside judge as well. Raises InputError if there is too little
    to learn from, or if train and validation share photographs and `shared` is "refuse".
    """
    whole, valid = load_faces(data, "train"), load_faces(data, "valid")
    alone = whole.source_sha256 == valid.source_sha256
    _enough(whole, data)
    if not alone:
        _taught(whole, valid, data)
        whole = without_shared(whole, valid, shared, data)
        _enough(whole, data)
    faces, aside = split_by_photograph(whole, ASIDE_SHARE, ASIDE_SEED)
    if len(faces) == 0 or not (aside.majority != NO_LABEL).any():
        raise InputError(f"{data}: too few different pictures to set some aside; add more")
    return faces, aside, aside if alone else valid


def without_shared(whole: Faces, valid: Faces, rule: TwinsRule, data: Path) -> Faces:
    """The training faces `whole`, but for those whose photograph stands in `valid`, as `rule` has it."""
    found = twins(whole.images, valid.images)
    twice = found.found()
    if len(twice) == 0:
        return whole
    closest = twice[np.argsort(-found.likeness[twice], kind="stable")][:EXAMPLES]
    examples = "".join(
        f"\n  {whole.names[at]} = {valid.names[found.index[at]]} ({found.likeness[at]:.3f})" for at in closest
    )
    photographs = len(np.unique(found.index[twice]))
    text = (
        f"{data}: {len(twice):,} of {len(whole):,} training pictures show a photograph that stands in the validation"
        f" part too, where it is {photographs:,} of {len(valid):,} pictures (likeness {LIKENESS:g} or more),"
    )
    if rule == "refuse":
        raise InputError(
            f"{text} so figures on it would flatter:{examples}\n  --twins leave-out trains without them,"
            " --twins allow with them; `fer-pi dataset check` shows all"
        )
    if rule == "allow":
        log.warning("%s and are trained on all the same: figures on it flatter%s", text, examples)
        return whole
    log.warning("%s and are left out of training%s", text, examples)
    kept = np.ones(len(whole), np.bool_)
    kept[twice] = False
    return whole.part(kept)


def split_by_photograph(faces: Faces, share: float, seed: int) -> tuple[Faces, Faces]:
    """Faces to train on, and about `share` of them set aside; pictures that look alike stay on one side."""
    group = groups(faces.images)
    sizes = np.bincount(group, minlength=len(group))
    drawn = np.random.default_rng(seed).random(len(group)) < share
    aside = (drawn & (sizes <= MOST_ALIKE))[group]
    return faces.part(~aside), faces.part(aside)


def _taught(whole: Faces, valid: Faces, data: Path) -> None:
    """Raises InputError if an emotion is asked for that nobody could have learnt."""
    strange = set(valid.top.tolist()) - set(whole.top.tolist()) - {NO_LABEL}
    if strange:
        names = ", ".join(EMOTIONS[index] for index in sorted(strange))
        raise InputError(
            f"{data}: the validation part has faces for {names}, the training part has none; add some there, or take"
            " these out of the validation part"
        )


def _enough(faces: Faces, data: Path) -> None:
    named = faces.top[faces.top != NO_LABEL]
    if len(named) < LEAST_FACES or len(np.unique(named)) < 2:
        raise InputError(
            f"{data}: {len(named)} labelled faces of {len(np.unique(named))} emotions; training needs at least"
            f" {LEAST_FACES} faces and two emotions"
        )
