"""The settings of following, smoothing and deciding."""

from typing import Literal, Self

from pydantic import Field, model_validator

from fer_pi.config import Options


class MoodOptions(Options):
    """How scores become a mood. The defaults were chosen with tests/benchmarks/mood_tradeoff.py."""

    room: Literal["nearest", "everyone"] = "nearest"
    """Whose mood is shown: `nearest`, that of the largest face; `everyone`, the mean of all, weighted by face size."""
    tau_s: float = Field(default=0.3, ge=0, le=10)
    """Seconds of memory in the scores that are shown (time constant of an exponential mean), 0..10; 0 for none."""
    evidence_s: float = Field(default=0.15, ge=0, le=10)
    """Seconds, 0..10, for which a frame's scores must last to count once in full; longer is calmer and slower."""
    enter: float = Field(default=0.7, ge=0, le=1)
    """Belief, 0..1, from which an emotion becomes the mood."""
    leave: float = Field(default=0.4, ge=0, le=1)
    """Belief, 0..1, below which the mood is in doubt; at most `enter`."""
    sure: float = Field(default=0.25, ge=0, le=1)
    """Smoothed probability, 0..1, that an emotion needs to be named, however long it has led the others."""
    doubt_s: float = Field(default=0.5, ge=0, le=10)
    """Seconds, 0..10, that doubt must last before the mood becomes "not sure"."""
    dwell_s: float = Field(default=0.5, ge=0, le=60)
    """Seconds, 0..60, that a mood stays at least."""
    neutral_weight: float = Field(default=1.0, ge=0.1, le=10)
    """Factor on the probability of neutral, 0.1..10; below 1 faint expressions are named sooner."""
    hold_s: float = Field(default=0.3, ge=0, le=5)
    """Seconds, 0..5, that a face which is no longer found is still shown where it was; at most `remember_s`."""
    remember_s: float = Field(default=1.5, ge=0, le=30)
    """Seconds, 0..30, after which a face that is no longer found is forgotten and would come back as a new person."""
    leave_s: float = Field(default=1.0, ge=0, le=60)
    """Seconds, 0..60, without any face after which nobody is there."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.leave > self.enter:
            raise ValueError(
                f"leave ({self.leave:g}) is above enter ({self.enter:g}); lower it to {self.enter:g} or less"
            )
        if self.hold_s > self.remember_s:
            raise ValueError(
                f"hold_s ({self.hold_s:g}) is above remember_s ({self.remember_s:g}); "
                f"lower it to {self.remember_s:g} or less"
            )
        return self

    def for_pictures(self) -> "MoodOptions":
        """The same options without waiting or memory: one picture alone is enough for a mood."""
        at_once = {"tau_s": 0.0, "evidence_s": 0.0, "doubt_s": 0.0, "dwell_s": 0.0}
        # One picture's belief is its probability: `enter` and `leave` are for beliefs gathered over many.
        return self.model_copy(update={**at_once, "enter": self.sure, "leave": 0.0})
