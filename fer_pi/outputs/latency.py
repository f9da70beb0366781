"""How old the mood was when it was known: half of the readings of late, and all but a few of them."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple


class Spread(NamedTuple):
    """Of some ages, in seconds."""

    p50_s: float
    """Half of them are no more than this."""
    p95_s: float
    """Nineteen in twenty are no more than this."""


class Latencies:
    """The ages of the readings of the last `window_s` seconds."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._ages: deque[tuple[float, float]] = deque()

    def add(self, age_s: float, now: float) -> None:
        """Take note of a reading that was so old at `now`."""
        self._ages.append((now, age_s))

    def spread(self, now: float) -> Spread | None:
        """Of those not older than the window at `now`; None if there are none."""
        while self._ages and now - self._ages[0][0] > self._window_s:
            self._ages.popleft()
        return spread(age_s for _, age_s in self._ages)


def spread(ages_s: Iterable[float]) -> Spread | None:
    """The 50th and the 95th percentile by nearest rank; None of nothing."""
    ages = sorted(ages_s)
    return Spread(*(ages[-(-rank * len(ages) // 100) - 1] for rank in (50, 95))) if ages else None
