"""Effects, fades and gamma: what a light does at any moment."""

from itertools import pairwise

import pytest

from fer_pi.outputs.effects import (
    DARK,
    PERIOD_S,
    SHORTEST_PERIOD_S,
    WHITE,
    Effect,
    Glow,
    Look,
    led_duty,
    level_at,
    mixed,
)

TIMES = [(index + 0.5) / 100 for index in range(3000)]  # between the edges of a strobe, where rounding would decide
MOVING = [Effect.PULSE, Effect.BREATHE, Effect.STROBE, Effect.FLICKER]


@pytest.mark.parametrize("effect", Effect)
def test_every_level_is_between_dark_and_full_and_depends_on_time_alone(effect: Effect) -> None:
    levels = [level_at(effect, t) for t in TIMES]
    assert all(0 <= level <= 1 for level in levels)
    assert levels == [level_at(effect, t) for t in TIMES]


def test_solid_is_full_and_off_is_dark() -> None:
    assert {level_at(Effect.SOLID, t) for t in TIMES} == {1.0}
    assert {level_at(Effect.OFF, t) for t in TIMES} == {0.0}


@pytest.mark.parametrize("effect", [Effect.PULSE, Effect.BREATHE, Effect.STROBE])
def test_rhythmic_effects_repeat_and_use_the_whole_range(effect: Effect) -> None:
    for period_s in (PERIOD_S[effect], 2.0):
        levels = [level_at(effect, t, period_s) for t in TIMES]
        assert min(levels) < 0.01
        assert max(levels) > 0.99
        assert levels == pytest.approx([level_at(effect, t + 4 * period_s, period_s) for t in TIMES], abs=1e-6)


def test_pulse_rises_fast_and_falls_slowly_and_breathe_takes_as_long_for_both() -> None:
    def peak(effect: Effect) -> float:
        return max(range(1000), key=lambda n: level_at(effect, n / 1000, 1.0)) / 1000

    assert peak(Effect.PULSE) == pytest.approx(0.15, abs=0.01)
    assert peak(Effect.BREATHE) == pytest.approx(0.5, abs=0.01)


def test_flicker_never_stands_still_nor_repeats() -> None:
    levels = [level_at(Effect.FLICKER, t) for t in TIMES]
    assert max(levels) - min(levels) > 0.7
    seconds = [tuple(levels[start : start + 100]) for start in range(0, 3000, 100)]
    assert len(set(seconds)) == len(seconds)


@pytest.mark.parametrize("effect", MOVING)
@pytest.mark.parametrize("period_s", [None, SHORTEST_PERIOD_S, 0.01])
def test_nothing_flashes_more_than_three_times_a_second_even_if_asked_to(
    effect: Effect, period_s: float | None
) -> None:
    """A flash is a rise that is followed by a fall (WCAG 2.3.1)."""
    levels = [level_at(effect, t, period_s) for t in TIMES]
    ups = [after > before for before, after in pairwise(levels) if after != before]
    flashes = sum(up and not next_up for up, next_up in pairwise(ups))
    assert 5 < flashes <= 3 * TIMES[-1]


def test_a_look_sinks_to_its_floor_and_no_deeper() -> None:
    colors = [Look((1.0, 0.5, 0.0), Effect.BREATHE, floor=0.5, brightness=0.8).color_at(t) for t in TIMES]
    assert min(red for red, _, _ in colors) == pytest.approx(0.4, abs=1e-4)
    assert max(red for red, _, _ in colors) == pytest.approx(0.8, abs=1e-4)
    assert all(green == pytest.approx(red / 2) and blue == 0 for red, green, blue in colors)


def test_off_is_dark_whatever_the_floor() -> None:
    assert Look(WHITE, Effect.OFF, floor=0.5).color_at(1.0) == DARK


def test_a_fade_starts_at_the_old_colour_ends_at_the_new_one_and_never_jumps() -> None:
    red, blue = Look((1.0, 0.0, 0.0)), Look((0.0, 0.0, 1.0))
    glow = Glow(red, 0.0).turned_to(blue, 10.0, fade_s=0.5)
    assert glow.color_at(10.0, 0.5) == (1.0, 0.0, 0.0)
    assert glow.color_at(10.25, 0.5) == pytest.approx((0.5, 0.0, 0.5))
    assert glow.color_at(10.5, 0.5) == glow.color_at(99.0, 0.5) == (0.0, 0.0, 1.0)
    steps = [glow.color_at(10 + n / 50, 0.5) for n in range(26)]
    assert max(abs(a[0] - b[0]) for a, b in pairwise(steps)) < 0.07


def test_a_fade_that_is_overtaken_goes_on_from_where_it_was() -> None:
    glow = Glow(Look((1.0, 0.0, 0.0)), 0.0).turned_to(Look((0.0, 0.0, 1.0)), 10.0, 1.0)
    halfway = glow.color_at(10.5, 1.0)
    assert glow.turned_to(Look((0.0, 1.0, 0.0)), 10.5, 1.0).color_at(10.5, 1.0) == halfway


def test_without_a_fade_the_new_colour_is_there_at_once() -> None:
    assert Glow(Look(WHITE), 0.0).turned_to(Look((0.0, 1.0, 0.0)), 5.0, 0.0).color_at(5.0, 0.0) == (0.0, 1.0, 0.0)


def test_a_new_effect_begins_at_its_start_and_mere_brightness_does_not_restart_it() -> None:
    strobe = Look(WHITE, Effect.STROBE, 2.0)
    glow = Glow().turned_to(strobe, 10.9, 0.0)
    assert glow.color_at(10.9, 0.0) == WHITE
    dimmer = glow.turned_to(Look(WHITE, Effect.STROBE, 2.0, brightness=0.5), 11.5, 0.0)
    assert dimmer.began_at == 10.9
    assert dimmer.color_at(12.95, 0.0) == (0.5, 0.5, 0.5)


def test_only_a_fade_or_a_moving_effect_moves_by_itself() -> None:
    still = Glow().turned_to(Look(WHITE), 10.0, 0.5)
    assert [still.moves_at(t, 0.5) for t in (10.0, 10.49, 10.5, 99.0)] == [True, True, False, False]
    assert all(Glow(Look(WHITE, effect)).moves_at(99.0, 0.5) for effect in MOVING)


def test_mixed_has_both_ends_exactly() -> None:
    assert mixed(DARK, WHITE, 0) == DARK
    assert mixed(DARK, WHITE, 1) == WHITE


def test_gamma_makes_half_as_bright_look_half_as_bright() -> None:
    """0.5 ** 2.2 is 0.218; without gamma the duty cycle is what was asked for."""
    assert led_duty((0.5, 1.0, 0.0), 1.0, 2.2) == (0.22, 1.0, 0.0)
    assert led_duty((1.0, 1.0, 1.0), 0.5, 2.2) == (0.22, 0.22, 0.22)
    assert led_duty((0.5, 0.25, 0.0), 1.0, 1.0) == (0.5, 0.25, 0.0)


def test_what_is_faint_still_gets_the_smallest_step_and_dark_is_dark() -> None:
    assert led_duty((0.06, 0.01, 0.0), 1.0, 2.2) == (0.01, 0.0, 0.0)
    assert led_duty(WHITE, 0.0, 2.2) == DARK


def test_a_duty_cycle_is_never_out_of_range() -> None:
    assert led_duty((1.5, -0.5, 1.0), 1.0, 2.2) == (1.0, 0.0, 1.0)
