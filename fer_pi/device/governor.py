"""Spares a board that is too hot or badly fed: it looks less often, in steps, until the board has recovered."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from fer_pi.device.board import SLOWED, SYSFS, UNDER_VOLTAGE, BoardState, board_state

log = logging.getLogger(__name__)

RESTS_S = (0.0, 1 / 15, 1 / 6, 1 / 3)
"""Seconds of rest after each reading, step by step: at most 15, 6, 3 readings a second. The mood stays live."""

HOT_C = 78.0
"""Just before the firmware slows the processor down by itself, at 80 °C, with no regard for what is being done."""
COOL_C = 72.0
"""Not hot any more; what lies between changes nothing, so that the steps do not go back and forth."""
WORSE_AFTER_S = 10.0
"""After so long in trouble the next step is taken: heat follows the load only slowly."""
BETTER_AFTER_S = 60.0
"""After so long without trouble a step is taken back."""

LOOK_S = 2.0
"""How often the board is looked at."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much the board is spared."""

    step: int = 0
    """Index into `RESTS_S`."""
    reason: str = ""
    """Why, in one line for people; empty for step 0."""
    changed_at: float = float("-inf")
    """When `step` last changed."""
    calm_since: float | None = None
    """Since when nothing has been wrong; None while something is."""


def paced(pace: Pace, board: BoardState, now: float) -> Pace:
    """The pace that follows `pace` for the state of the board at `now`, in seconds on any clock."""
    if trouble := _trouble(board):
        if pace.step == len(RESTS_S) - 1 or now - pace.changed_at < WORSE_AFTER_S:
            return replace(pace, reason=trouble, calm_since=None)
        return Pace(pace.step + 1, trouble, now)
    if pace.step == 0:
        return Pace()
    if board.temperature_c is not None and board.temperature_c > COOL_C:
        return replace(pace, calm_since=None)
    calm_since = now if pace.calm_since is None else pace.calm_since
    if now - calm_since < BETTER_AFTER_S:
        return replace(pace, calm_since=calm_since)
    step = pace.step - 1
    return Pace(step, pace.reason if step else "", now, now)


class Governor:
    """Looks at the board now and then, and remembers the pace."""

    def __init__(self, sysfs: Path = SYSFS) -> None:
        self.board = board_state(sysfs)
        """As it was last seen."""
        self.pace = Pace()
        self._sysfs = sysfs
        self._looked_at = float("-inf")

    @property
    def rest_s(self) -> float:
        """Seconds to rest after each reading."""
        return RESTS_S[self.pace.step]

    def look(self, now: float) -> None:
        """Look at the board, if it is time."""
        if now - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        self.board = board_state(self._sysfs)
        before, self.pace = self.pace, paced(self.pace, self.board, now)
        if self.pace.step != before.step:
            level = logging.WARNING if self.pace.step > before.step else logging.INFO
            log.log(level, "%s: step %d of %d", self.pace.reason or "recovered", self.pace.step, len(RESTS_S) - 1)


def _trouble(board: BoardState) -> str:
    flags = board.flags or 0
    if flags & UNDER_VOLTAGE:
        return "the power supply is too weak, so it looks less often"
    if flags & SLOWED or (board.temperature_c is not None and board.temperature_c >= HOT_C):
        return "it is too hot, so it looks less often"
    return ""
