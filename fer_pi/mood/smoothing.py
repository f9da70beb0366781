"""Smooths the scores of one person in time, at any frame rate, trusting good frames more than bad ones."""

import math

from fer_pi.types import EMOTIONS, Emotion, Scores

FIRST_S = 1 / 30
"""What the first frame of a person counts for: there is no interval before it."""
LONGEST_S = 0.2
"""What one frame counts for at most, however long the interval before it: nobody knows what was in a longer gap."""
CHANGES_PER_S = 0.3
"""How often people are taken to change their expression; more makes the mood quicker and less calm."""
LEAST = 1e-3
"""A probability counts as at least this much: no single frame can rule an emotion out."""
NEUTRAL = EMOTIONS.index(Emotion.NEUTRAL)


class ScoreMean:
    """The exponential mean of scores: a frame weighs as long as it lasted, times its trust.

    The mean is divided by the sum of its weights, so it starts at the first scores and not at nothing.
    """

    __slots__ = ("_at", "_sums", "_tau_s", "_weight")

    def __init__(self, tau_s: float) -> None:
        self._tau_s = tau_s
        self._sums = [0.0] * len(EMOTIONS)
        self._weight = 0.0
        self._at: float | None = None

    def add(self, scores: Scores, trust: float, now: float) -> None:
        """Take in the scores of the frame at `now`; `trust` is 0..1, and at 0 only time passes."""
        interval_s = FIRST_S if self._at is None else min(now - self._at, LONGEST_S)
        kept = 1.0 if self._at is None else self._kept(now - self._at)
        share = trust * (1 - self._kept(interval_s))
        self._sums = [kept * old + share * new for old, new in zip(self._sums, scores.probabilities, strict=True)]
        self._weight = kept * self._weight + share
        self._at = now

    def scores(self, otherwise: Scores) -> Scores:
        """The smoothed scores, or `otherwise` if nothing trusted was taken in yet."""
        if self._weight < 1e-9:
            return otherwise
        total = math.fsum(self._sums)
        return Scores(tuple(value / total for value in self._sums))

    def evidence(self, now: float) -> float:
        """How much the scores rest on, 0..1: 1 after a long look at a good face, fading once it is out of sight."""
        return 0.0 if self._at is None else self._weight * self._kept(now - self._at)

    def _kept(self, interval_s: float) -> float:
        if self._tau_s > 0:
            return math.exp(-interval_s / self._tau_s)
        return 1.0 if interval_s == 0 else 0.0


class Belief:
    """How probable each emotion is after all that was seen: quick on clear scores, slow on doubtful ones.

    The forward recursion of a hidden Markov model (Rabiner, "A Tutorial on Hidden Markov Models", Proc. IEEE 1989):
    from frame to frame the expression changes with a small chance, to any other; a frame's scores then count as
    evidence. As frames close together err alike, a frame counts only for the part of `evidence_s` that it lasted, which
    makes the belief independent of the frame rate. At the same delay it changes its mind about a third as often as
    thresholds on an exponential mean did, where errors last over several frames.
    """

    __slots__ = ("_at", "_evidence_s", "probabilities")

    def __init__(self, evidence_s: float) -> None:
        self._evidence_s = evidence_s
        self._at: float | None = None
        self.probabilities: tuple[float, ...] = (1 / len(EMOTIONS),) * len(EMOTIONS)
        """In the order of `EMOTIONS`; they sum to 1."""

    def add(self, scores: Scores, trust: float, now: float) -> None:
        """Take in the scores of the frame at `now`; `trust` is 0..1, and at 0 only time passes."""
        passed_s = 0.0 if self._at is None else now - self._at
        counted_s = FIRST_S if self._at is None else min(passed_s, LONGEST_S)
        self._at = now
        if self._evidence_s == 0:
            self.probabilities = scores.probabilities
            return
        # In pieces no longer than FIRST_S, so that a change may have come at any time within the interval.
        pieces = max(1, math.ceil(counted_s / FIRST_S - 1e-6))
        factors = [max(new, LEAST) ** (trust * counted_s / self._evidence_s / pieces) for new in scores.probabilities]
        self._age(passed_s - min(passed_s, counted_s))
        for _ in range(pieces):
            self._age(min(passed_s, counted_s) / pieces)
            values = [old * factor for old, factor in zip(self.probabilities, factors, strict=True)]
            total = math.fsum(values)
            # With next to no evidence asked for, all may come out as 0: then the frame is believed as it is.
            self.probabilities = tuple(value / total for value in values) if total else scores.probabilities

    def _age(self, interval_s: float) -> None:
        stays = math.exp(-CHANGES_PER_S * interval_s)
        comes = (1 - stays) / len(EMOTIONS)
        self.probabilities = tuple(stays * old + comes for old in self.probabilities)


def weighted(scores: Scores, neutral_weight: float) -> Scores:
    """`scores` as they would be if neutral faces were so many times as frequent (Bayes' rule for another prior)."""
    if neutral_weight == 1:
        return scores
    values = [value * neutral_weight if index == NEUTRAL else value for index, value in enumerate(scores.probabilities)]
    total = math.fsum(values)
    return Scores(tuple(value / total for value in values))
