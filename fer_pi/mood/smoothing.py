"""Smooths the scores of one person in time, at any frame rate, trusting good frames more than bad ones."""

import math

from fer_pi.types import EMOTIONS, Emotion, Scores

FIRST_S = 1 / 30
"""What the first frame of a person counts for: there is no interval before it."""
LONGEST_S = 0.25
"""What one frame counts for at most, however long the interval before it."""
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
        return math.exp(-interval_s / self._tau_s) if self._tau_s > 0 else 0.0


def weighted(scores: Scores, neutral_weight: float) -> Scores:
    """`scores` as they would be if neutral faces were so many times as frequent (Bayes' rule for another prior)."""
    if neutral_weight == 1:
        return scores
    values = [
        value * neutral_weight if index == NEUTRAL else value for index, value in enumerate(scores.probabilities)
    ]
    total = math.fsum(values)
    return Scores(tuple(value / total for value in values))
