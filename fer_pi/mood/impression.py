"""Which emotion it is: thresholds to enter and to leave, patience in doubt, a minimum stay, and "not sure"."""

from fer_pi.mood.options import MoodOptions
from fer_pi.mood.smoothing import LONGEST_S, Belief, ScoreMean, weighted
from fer_pi.types import EMOTIONS, Emotion, Scores

ENOUGH, TOO_LITTLE = 0.15, 0.08
"""Evidence from which an emotion may be named, and below which it is given up."""
SLACK = 0.1
"""A smoothed probability may fall this far below `MoodOptions.sure` before the emotion in force is in doubt."""
ROUNDING_S = 1e-6
"""Times that are sums of frame intervals may fall short of a whole by this much."""


class Impression:
    """What somebody, or the room, looks like over time: smoothed scores and the emotion in force."""

    __slots__ = ("_at", "_belief", "_doubted_s", "_mean", "_options", "_stays", "emotion", "scores", "since")

    def __init__(self, options: MoodOptions, now: float) -> None:
        self._options = options
        self._mean = ScoreMean(options.tau_s)
        self._belief = Belief(options.evidence_s)
        self._doubted_s = 0.0
        self._at = now
        self._stays = False
        self.scores: Scores | None = None
        """Smoothed; None before the first frame."""
        self.emotion: Emotion | None = None
        """None is "not sure"."""
        self.since = now
        """When `emotion` came into force."""

    @property
    def strength(self) -> float:
        """The smoothed probability of the emotion in force; 0 if there is none."""
        return 0.0 if self.emotion is None or self.scores is None else self.scores[self.emotion]

    def see(self, raw: Scores, trust: float, now: float) -> Scores:
        """Take in the scores of the frame at `now`, of which `trust` 0..1 is to be had; returns the smoothed scores."""
        raw = weighted(raw, self._options.neutral_weight)
        self._mean.add(raw, trust, now)
        self._belief.add(raw, trust, now)
        self.scores = self._mean.scores(otherwise=raw)
        self._decide(self.scores, self._mean.evidence(now), now)
        return self.scores

    def _decide(self, scores: Scores, evidence: float, now: float) -> None:
        options = self._options
        wanted = self._wanted(scores, evidence)
        # A gap between frames proves no doubt, so it does not count in full.
        self._doubted_s = self._doubted_s + min(now - self._at, LONGEST_S) if wanted is None else 0.0
        self._at = now
        if wanted is self.emotion or (self._stays and now - self.since + ROUNDING_S < options.dwell_s):
            return
        if wanted is not None or self._doubted_s + ROUNDING_S >= options.doubt_s:
            self.emotion, self.since, self._stays = wanted, now, True

    def _wanted(self, scores: Scores, evidence: float) -> Emotion | None:
        """What was seen speaks for this, given what is in force."""
        options, current, beliefs = self._options, self.emotion, self._belief.probabilities
        best = max(beliefs)
        top = EMOTIONS[beliefs.index(best)]
        if top is not current and best >= options.enter and evidence >= ENOUGH and scores[top] >= options.sure:
            return top
        if current is None or evidence < TOO_LITTLE or scores[current] < options.sure - SLACK:
            return None
        return current if beliefs[EMOTIONS.index(current)] >= options.leave else None
