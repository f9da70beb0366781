"""A board that is hot or badly fed is spared in steps, and works at full pace again once it has recovered."""

import logging
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from fer_pi.device.board import BoardState
from fer_pi.device.governor import (
    BETTER_AFTER_S,
    COOL_C,
    HOT_C,
    LOOK_S,
    RESTS_S,
    WORSE_AFTER_S,
    Governor,
    Pace,
    paced,
)

AT_FULL_PACE = Pace()


def run(board: Callable[[float], BoardState], seconds: float, pace: Pace = AT_FULL_PACE) -> list[tuple[float, int]]:
    """Each change of the step with its time, when the board is looked at every two seconds."""
    changes = []
    for look in range(int(seconds / 2)):
        after = paced(pace, board(look * 2.0), look * 2.0)
        if after.step != pace.step:
            changes.append((look * 2.0, after.step))
        pace = after
    return changes


def test_heat_slows_it_down_step_by_step_and_the_last_step_is_the_end() -> None:
    steps = run(lambda _: BoardState(HOT_C, 0), 100)
    assert steps == [(0.0, 1), (WORSE_AFTER_S, 2), (2 * WORSE_AFTER_S, 3)]


def test_every_step_is_slower_and_the_mood_stays_live() -> None:
    assert all(shorter < longer for shorter, longer in pairwise(RESTS_S))
    assert RESTS_S[0] == 0
    assert RESTS_S[-1] <= 0.5


def test_once_it_is_cool_for_a_while_it_speeds_up_again_step_by_step() -> None:
    slowest = Pace(3, "hot", 0.0)
    steps = run(lambda _: BoardState(COOL_C, 0), 300, slowest)
    assert steps == [(BETTER_AFTER_S, 2), (2 * BETTER_AFTER_S, 1), (3 * BETTER_AFTER_S, 0)]
    assert paced(Pace(1, "hot", 0.0, 0.0), BoardState(COOL_C, 0), BETTER_AFTER_S).reason == ""


def test_between_hot_and_cool_nothing_changes() -> None:
    between = (HOT_C + COOL_C) / 2
    assert run(lambda _: BoardState(between, 0), 600) == []
    assert run(lambda _: BoardState(between, 0), 600, Pace(2, "hot", 0.0)) == []


def test_a_moment_of_heat_starts_the_wait_anew() -> None:
    def board(at: float) -> BoardState:
        return BoardState(HOT_C - 1 if at == 50 else COOL_C - 5, 0)

    assert run(board, 130, Pace(1, "hot", 0.0)) == [(52 + BETTER_AFTER_S, 0)]


@pytest.mark.parametrize(
    ("flags", "word"), [(0x1, "supply"), (0x2, "hot"), (0x4, "hot"), (0x8, "hot"), (0x5, "supply")]
)
def test_the_firmware_s_flags_count_even_while_it_is_cool(flags: int, word: str) -> None:
    pace = paced(Pace(), BoardState(45.0, flags), 100.0)
    assert pace.step == 1
    assert word in pace.reason


def test_what_was_wrong_earlier_does_not_count() -> None:
    assert run(lambda _: BoardState(45.0, 0xF0000), 100) == []


def test_a_machine_that_tells_nothing_is_not_slowed_down() -> None:
    assert run(lambda _: BoardState(None, None), 100) == []
    assert run(lambda _: BoardState(None, None), 100, Pace(1, "hot", 0.0)) == [(BETTER_AFTER_S, 0)]


def test_the_board_is_looked_at_now_and_then_and_changes_are_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    temperature = tmp_path / "class/thermal/thermal_zone0/temp"
    temperature.parent.mkdir(parents=True)
    temperature.write_text("50000\n")
    governor = Governor(tmp_path)
    governor.look(10.0)
    assert (governor.board.temperature_c, governor.rest_s) == (50.0, 0.0)
    temperature.write_text("85000\n")
    governor.look(10.0 + LOOK_S / 2)
    assert governor.rest_s == 0.0
    with caplog.at_level(logging.WARNING):
        governor.look(10.0 + LOOK_S)
    assert governor.rest_s == RESTS_S[1]
    assert "too hot" in caplog.text
