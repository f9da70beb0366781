"""Which emotion it is: thresholds to enter and to leave, patience before a change, and "not sure"."""

from fer_pi.mood.options import MoodOptions
from fer_pi.types import Emotion, Scores

ENOUGH, TOO_LITTLE = 0.15, 0.08
"""Evidence from which an emotion may be named, and below which it is given up."""
LONGEST_S = 0.25
"""What one frame adds at most to the time for which a wish has lasted: nobody knows what was in a longer gap."""
ROUNDING_S = 1e-6
"""Times that are sums of frame intervals may fall short of a whole by this much."""


class Decision:
    """The emotion in force, and since when; None is "not sure"."""

    __slots__ = ("_at", "_fresh", "_options", "_wish", "_wished_s", "emotion", "since")

    def __init__(self, options: MoodOptions, now: float) -> None:
        self._options = options
        self._wish: Emotion | None = None
        self._wished_s = 0.0
        self._at = now
        self._fresh = True
        self.emotion: Emotion | None = None
        self.since = now

    def step(self, scores: Scores, evidence: float, now: float) -> None:
        """Take in the smoothed scores at `now`, and how much they rest on (0..1)."""
        options = self._options
        wish = self._wanted(scores, evidence)
        self._wished_s = self._wished_s + min(now - self._at, LONGEST_S) if wish is self._wish else 0.0
        self._wish, self._at = wish, now
        if wish is self.emotion:
            return
        patience_s = options.doubt_s if wish is None else options.confirm_s
        stayed = self._fresh or now - self.since + ROUNDING_S >= options.dwell_s
        if stayed and self._wished_s + ROUNDING_S >= patience_s:
            self.emotion, self.since, self._fresh = wish, now, False

    def end(self, now: float) -> None:
        """There is nobody any more."""
        if self.emotion is not None:
            self.emotion, self.since = None, now
        self._wish, self._fresh = None, True

    def _wanted(self, scores: Scores, evidence: float) -> Emotion | None:
        """What these scores speak for, given what is in force."""
        options, current = self._options, self.emotion
        if evidence < (ENOUGH if current is None else TOO_LITTLE):
            return None
        second, first = sorted(scores.probabilities)[-2:]
        top = scores.top
        if top is not current and first >= options.enter and first - second >= options.margin:
            return top
        if current is None:
            return None
        return current if scores[current] >= options.leave and first - scores[current] < options.margin else None
