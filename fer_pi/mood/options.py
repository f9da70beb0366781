"""The settings of following, smoothing and deciding."""

from typing import Literal, Self

from pydantic import Field, model_validator

from fer_pi.config import Options


class MoodOptions(Options):
    """How scores become a mood. The defaults were chosen with tests/benchmarks/mood_tradeoff.py."""

    room: Literal["nearest", "everyone"] = "nearest"
    """Whose mood is shown: `nearest`, that of the largest face; `everyone`, the mean of all, weighted by face size."""
    tau_s: float = Field(0.3, ge=0, le=10)
    """Seconds of memory in the scores (time constant of an exponential mean), 0..10; longer is calmer and slower."""
    enter: float = Field(0.45, ge=0, le=1)
    """Smoothed probability, 0..1, at which an emotion may become the mood."""
    leave: float = Field(0.35, ge=0, le=1)
    """Smoothed probability, 0..1, below which the mood is given up; at most `enter`."""
    margin: float = Field(0.1, ge=0, le=1)
    """Lead over the next emotion, 0..1, that an emotion needs to become the mood."""
    confirm_s: float = Field(0.2, ge=0, le=10)
    """Seconds, 0..10, that a new emotion must keep its lead before it becomes the mood."""
    doubt_s: float = Field(0.5, ge=0, le=10)
    """Seconds, 0..10, that doubt must last before the mood becomes "not sure"."""
    dwell_s: float = Field(0.5, ge=0, le=60)
    """Seconds, 0..60, that a mood stays at least."""
    neutral_weight: float = Field(1.0, ge=0.1, le=10)
    """Factor on the probability of neutral, 0.1..10; below 1 faint expressions are named sooner."""
    hold_s: float = Field(0.3, ge=0, le=5)
    """Seconds, 0..5, that a face which is no longer found is still shown where it was; at most `remember_s`."""
    remember_s: float = Field(1.5, ge=0, le=30)
    """Seconds, 0..30, after which a face that is no longer found is forgotten and would come back as a new person."""
    leave_s: float = Field(1.0, ge=0, le=60)
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
        return self.model_copy(update={"tau_s": 0.0, "confirm_s": 0.0, "doubt_s": 0.0, "dwell_s": 0.0})
