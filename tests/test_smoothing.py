"""Scores smoothed in time: the same at any frame rate, good frames before bad ones."""

import math

import numpy as np
import pytest

from fer_pi.mood.smoothing import Belief, ScoreMean, weighted
from fer_pi.testing.faces import noisy_scores, scores_for
from fer_pi.types import EMOTIONS, Emotion, Scores

HAPPY, SAD = scores_for(Emotion.HAPPINESS), scores_for(Emotion.SADNESS)


def after_change(rate_hz: float, seconds: float) -> tuple[Scores, tuple[float, ...]]:
    """Mean and belief `seconds` after a person who looked happy for 2 s turned sad."""
    mean, belief = ScoreMean(0.3), Belief(0.2)
    for index in range(round((2 + seconds) * rate_hz) + 1):
        time = index / rate_hz
        for each in (mean, belief):
            each.add(HAPPY if time <= 2 else SAD, 1.0, time)
    return mean.scores(HAPPY), belief.probabilities


@pytest.mark.parametrize("rate_hz", [5, 10, 15, 60])
@pytest.mark.parametrize("seconds", [0.2, 0.4, 0.8])
def test_the_same_answer_at_any_frame_rate(rate_hz: float, seconds: float) -> None:
    mean, belief = after_change(rate_hz, seconds)
    expected_mean, expected_belief = after_change(30, seconds)
    assert mean.probabilities == pytest.approx(expected_mean.probabilities, abs=0.01)
    assert belief == pytest.approx(expected_belief, abs=0.02)


def test_the_mean_has_gone_63_percent_of_the_way_after_tau() -> None:
    mean, _ = after_change(30, 0.3)
    way = (mean[Emotion.SADNESS] - HAPPY[Emotion.SADNESS]) / (SAD[Emotion.SADNESS] - HAPPY[Emotion.SADNESS])
    assert way == pytest.approx(1 - math.exp(-1), abs=0.01)


def test_the_first_scores_are_the_mean() -> None:
    mean = ScoreMean(0.3)
    mean.add(HAPPY, 0.4, 17.0)
    assert mean.scores(SAD).probabilities == pytest.approx(HAPPY.probabilities)


def test_without_anything_trusted_there_is_no_mean() -> None:
    mean = ScoreMean(0.3)
    mean.add(HAPPY, 0.0, 0.0)
    assert mean.scores(otherwise=SAD) is SAD
    assert mean.evidence(0.0) == 0


def test_a_tau_of_zero_keeps_only_the_last_frame() -> None:
    mean = ScoreMean(0.0)
    mean.add(HAPPY, 1.0, 0.0)
    mean.add(SAD, 1.0, 0.1)
    assert mean.scores(HAPPY).probabilities == pytest.approx(SAD.probabilities)
    assert mean.evidence(0.1) == 1


def test_a_blurred_frame_counts_less_than_a_sharp_one() -> None:
    """Every other frame says sad, at a fifth of the trust: the mean and the belief stay with the good frames."""
    mean, belief = ScoreMean(0.3), Belief(0.2)
    for index in range(90):
        scores, trust = (HAPPY, 1.0) if index % 2 else (SAD, 0.2)
        mean.add(scores, trust, index / 30)
        belief.add(scores, trust, index / 30)
    assert mean.scores(SAD)[Emotion.HAPPINESS] / mean.scores(SAD)[Emotion.SADNESS] > 3
    assert belief.probabilities[EMOTIONS.index(Emotion.HAPPINESS)] > 0.9


def test_evidence_grows_with_a_good_look_and_fades_out_of_sight() -> None:
    mean = ScoreMean(0.3)
    seen = []
    for index in range(31):
        mean.add(HAPPY, 1.0, index / 30)
        seen.append(mean.evidence(index / 30))
    assert seen == sorted(seen) and seen[0] < 0.15 and seen[-1] > 0.95
    assert mean.evidence(1.3) == pytest.approx(seen[-1] * math.exp(-1), rel=1e-6)


def test_one_frame_after_a_long_gap_does_not_settle_a_belief() -> None:
    belief = Belief(1.0)
    belief.add(HAPPY, 1.0, 0.0)
    belief.add(scores_for(Emotion.SADNESS, 0.5), 1.0, 3600.0)
    assert belief.probabilities[EMOTIONS.index(Emotion.SADNESS)] < 0.3


def test_a_certain_belief_can_still_be_changed_within_half_a_second() -> None:
    """An hour of certain happiness must not outweigh what is there now."""
    belief = Belief(0.2)
    for index in range(3600):
        belief.add(scores_for(Emotion.HAPPINESS, 1.0), 1.0, float(index))
    for index in range(15):
        belief.add(scores_for(Emotion.SADNESS, 0.7), 1.0, 3600 + index / 30)
    assert belief.probabilities[EMOTIONS.index(Emotion.SADNESS)] > 0.7


def test_smoothed_scores_and_beliefs_stay_probabilities_whatever_comes() -> None:
    rng = np.random.default_rng(3)
    mean, belief = ScoreMean(0.3), Belief(0.2)
    time = 0.0
    for raw in noisy_scores(list(rng.choice(EMOTIONS, 2000)), rng, lead=9, noise=9):
        time += float(rng.choice([0, 1e-9, 0.03, 0.2, 5, 4000]))
        trust = float(rng.choice([0, 0.01, 0.5, 1]))
        mean.add(raw, trust, time)
        belief.add(raw, trust, time)
        assert 0 <= mean.evidence(time) <= 1
        for values in (mean.scores(raw).probabilities, belief.probabilities):
            assert min(values) >= 0 and math.fsum(values) == pytest.approx(1, abs=1e-9)


def test_a_neutral_weight_of_a_half_names_a_faint_smile() -> None:
    faint = Scores((0.5, 0.4, 0.1, 0, 0, 0, 0, 0))
    assert faint.top is Emotion.NEUTRAL
    assert weighted(faint, 0.5).probabilities == pytest.approx((1 / 3, 8 / 15, 2 / 15, 0, 0, 0, 0, 0))
    assert weighted(faint, 1.0) is faint
