"""The mood of the room, over whole sequences of faces and scores."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError

from fer_pi.mood.engine import MoodEngine
from fer_pi.mood.options import MoodOptions
from fer_pi.testing.faces import GOOD, face_at, jittered, noisy_scores, scores_for
from fer_pi.testing.moods import changes, moods, shown
from fer_pi.types import EMOTIONS, Emotion, Face, Mood, Quality, Scores

HAPPY, SAD, CALM = (scores_for(each) for each in (Emotion.HAPPINESS, Emotion.SADNESS, Emotion.NEUTRAL))
TORN = Scores((0.02, 0.45, 0.02, 0.45, 0.02, 0.02, 0.01, 0.01))
FLAT = Scores((0.125,) * 8)
DARK = Quality(size_px=120, sharpness=300, brightness=8, contrast=2, yaw=0)
HERE = face_at(320, 240)


def person(
    emotions: Sequence[Emotion], seed: int, noise: float, memory: float = 0.0
) -> list[list[tuple[Face, Scores]]]:
    """Frames of one person who shivers and whose scores are noisy."""
    rng = np.random.default_rng(seed)
    return [[(jittered(HERE, rng), scores)] for scores in noisy_scores(emotions, rng, 3.0, noise, memory)]


@pytest.mark.parametrize("rate_hz", [10, 15, 30])
@pytest.mark.parametrize("noise", [1.0, 1.4])
def test_a_face_held_still_changes_the_mood_at_most_once_in_ten_seconds(rate_hz: int, noise: float) -> None:
    """Under noise that makes 10 % and 25 % of the frames wrong; the one change is the first, to the right mood."""
    for seed in range(20):
        truth = EMOTIONS[seed % 4]
        frames = person([truth] * (10 * rate_hz), seed, noise)
        assert any(scores.top is not truth for [(_, scores)] in frames)
        assert changes(moods(frames, rate_hz)) == [None, truth]


@pytest.mark.parametrize(("rate_hz", "noise"), [(10, 1.0), (15, 1.0), (30, 1.0), (30, 1.4)])
def test_the_mood_follows_a_change_of_expression_within_0_7_seconds(rate_hz: int, noise: float) -> None:
    for seed in range(40):
        before, after = EMOTIONS[seed % 5], EMOTIONS[(seed + 1) % 5]
        frames = person([before] * (5 * rate_hz) + [after] * rate_hz, seed, noise)
        followed = moods(frames, rate_hz)[5 * rate_hz :].index(after) + 1
        assert followed / rate_hz <= 0.7


def test_nineteen_in_twenty_changes_are_followed_in_time_at_ten_frames_with_a_quarter_of_them_wrong() -> None:
    delays = []
    for seed in range(60):
        before, after = EMOTIONS[seed % 5], EMOTIONS[(seed + 1) % 5]
        frames = person([before] * 50 + [after] * 30, seed, 1.4)
        delays.append((moods(frames, 10)[50:].index(after) + 1) / 10)
    assert np.quantile(delays, 0.95) <= 0.7


@pytest.mark.parametrize("rate_hz", [5, 10, 30, 60])
def test_clear_scores_are_followed_as_fast_at_any_frame_rate(rate_hz: int) -> None:
    followed = moods([[(HERE, HAPPY)]] * (3 * rate_hz) + [[(HERE, SAD)]] * (2 * rate_hz), rate_hz)
    delay_s = followed[3 * rate_hz :].index(Emotion.SADNESS) / rate_hz
    assert 0.2 <= delay_s <= 0.3
    assert changes(followed) == [None, Emotion.HAPPINESS, Emotion.SADNESS]


def test_strength_and_since_are_those_of_the_mood() -> None:
    said = [mood for _, mood in shown([[(HERE, HAPPY)]] * 60 + [[(HERE, SAD)]] * 60)]
    began = {mood.emotion: index / 30 for index, mood in reversed(list(enumerate(said)))}
    assert (said[0].emotion, said[0].strength, said[0].since) == (None, 0.0, 0.0)
    assert all(mood.since == pytest.approx(began[mood.emotion]) for mood in said)
    assert said[-1].strength == pytest.approx(HAPPY[Emotion.HAPPINESS], abs=0.02)
    assert all(0 < mood.strength <= 1 for mood in said if mood.emotion)


@pytest.mark.parametrize("interval_s", [0.9, 1.1, 1.6, 2.9])
def test_a_board_that_manages_less_than_one_look_a_second_still_tells_the_mood(interval_s: float) -> None:
    """Nobody was seen to leave, so nobody has; after a longer gap everybody is looked at afresh."""
    seen = shown([[(HERE, HAPPY)]] * 6, 1 / interval_s)
    assert [mood.emotion for _, mood in seen[1:]] == [Emotion.HAPPINESS] * 5
    assert {sighting.track for sightings, _ in seen for sighting in sightings} == {1}


def test_frames_more_than_three_seconds_apart_tell_nothing_of_each_other() -> None:
    seen = shown([[(HERE, HAPPY)]] * 4, 1 / 3.1)
    assert [(sightings[0].track, mood.emotion) for sightings, mood in seen] == [(n, None) for n in (1, 2, 3, 4)]


def test_two_emotions_alike_are_not_sure() -> None:
    assert changes(moods([[(HERE, TORN)]] * 90)) == [None]


def test_a_mood_that_becomes_doubtful_is_given_up_only_after_a_while() -> None:
    said = moods([[(HERE, HAPPY)]] * 60 + [[(HERE, FLAT)]] * 120)
    assert changes(said) == [None, Emotion.HAPPINESS, None]
    assert 0.5 <= said[60:].index(None) / 30 <= 1.5


def test_a_mood_that_two_others_have_caught_up_with_is_given_up_in_the_end() -> None:
    """Nothing speaks against it any more than for it, so that takes seconds."""
    alike = Scores((0.02, 0.31, 0.31, 0.31, 0.02, 0.01, 0.01, 0.01))
    said = moods([[(HERE, HAPPY)]] * 60 + [[(HERE, alike)]] * 900)
    assert changes(said) == [None, Emotion.HAPPINESS, None]
    assert 3 <= said[60:].index(None) / 30 <= 30


def test_a_low_lead_is_not_named_when_sure_asks_for_more() -> None:
    faint = Scores((0.1, 0.4, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05))
    assert moods([[(HERE, faint)]] * 60)[-1] is Emotion.HAPPINESS
    assert changes(moods([[(HERE, faint)]] * 60, sure=0.5)) == [None]


def test_a_face_that_cannot_be_read_is_not_sure_and_loses_its_mood() -> None:
    assert changes([mood.emotion for _, mood in shown([[(HERE, HAPPY)]] * 60, quality=DARK)]) == [None]
    engine = MoodEngine(MoodOptions())
    said = [engine.update([HERE], [HAPPY], [GOOD if i < 60 else DARK], i / 30)[1].emotion for i in range(150)]
    assert changes(said) == [None, Emotion.HAPPINESS, None]


def test_a_face_that_can_scarcely_be_read_is_never_named_however_long_it_is_seen() -> None:
    scarcely = Quality(size_px=12.6, sharpness=300, brightness=120, contrast=45, yaw=0)  # a trust of 0.05
    assert changes([mood.emotion for _, mood in shown([[(HERE, HAPPY)]] * 600, quality=scarcely)]) == [None]


def test_a_mood_stays_as_long_as_dwell_says() -> None:
    flicker = [HAPPY if index // 20 % 2 else SAD for index in range(600)]  # every 0.67 s
    said = [mood for _, mood in shown([[(HERE, scores)] for scores in flicker], dwell_s=2.0)]
    begins = sorted({mood.since for mood in said if mood.since > 0})
    assert len(begins) > 3
    assert all(later - earlier >= 2.0 - 1e-6 for earlier, later in pairwise(begins))


def test_a_face_that_drops_out_for_single_frames_stays_in_sight_without_flicker() -> None:
    """At the border a detector finds a face in every other frame only."""
    edge = face_at(10, 200)
    for rate_hz in (5, 10, 30):
        said = shown([[(edge, HAPPY)] if index % 2 == 0 else [] for index in range(20)], rate_hz)
        assert [[seen.track for seen in sightings] for sightings, _ in said] == [[1]] * 20


def test_a_face_out_of_sight_is_shown_where_it_was_for_hold_s_and_the_mood_lasts_until_leave_s() -> None:
    said = shown([[(HERE, HAPPY)]] * 30 + [[]] * 60)
    last = said[29][0][0]
    held = [sightings for sightings, _ in said[30:] if sightings]
    assert held == [(last,)] * 9  # 0.3 s
    assert sum(mood.emotion is Emotion.HAPPINESS for _, mood in said[30:]) == 30  # 1 s
    assert said[-1][1].emotion is None
    assert said[-1][1].since == pytest.approx(29 / 30 + 31 / 30)


def test_whoever_comes_next_starts_without_the_mood_of_those_who_left() -> None:
    said = moods([[(HERE, HAPPY)]] * 30 + [[]] * 40 + [[(HERE, CALM)]] * 30)
    assert changes(said) == [None, Emotion.HAPPINESS, None, Emotion.NEUTRAL]


def test_pictures_are_judged_one_by_one() -> None:
    engine = MoodEngine(MoodOptions())
    engine.reset(pictures=True)
    said = []
    for index, scores in enumerate([HAPPY, SAD, FLAT, CALM]):
        engine.reset(pictures=True)
        sightings, mood = engine.update([HERE], [scores], [GOOD], float(-index))
        assert (sightings[0].track, sightings[0].scores) == (1, scores)
        said.append(mood.emotion)
    assert said == [Emotion.HAPPINESS, Emotion.SADNESS, None, Emotion.NEUTRAL]


def test_reset_forgets_everybody_and_ends_the_judging_of_pictures() -> None:
    engine = MoodEngine(MoodOptions())
    engine.reset(pictures=True)
    engine.update([HERE], [HAPPY], [GOOD], 100.0)
    engine.reset()
    sightings, mood = engine.update([HERE, face_at(500, 100, 50)], [SAD, SAD], [GOOD, GOOD], 5.0)
    assert ([seen.track for seen in sightings], mood) == ([1, 2], Mood(None, 0.0, 5.0, sightings[0].scores, 1))


def test_follow_and_settle_do_what_update_does() -> None:
    frames = person([Emotion.HAPPINESS] * 60, 1, 1.4)
    engine = MoodEngine(MoodOptions())
    said = []
    for index, [(face, scores)] in enumerate(frames):
        tracked = engine.follow([face], index / 30)
        said.append(engine.settle(tracked, [scores], [GOOD], index / 30))
    assert said == shown(frames)


def test_faces_may_be_followed_without_new_scores() -> None:
    """An app that classifies only every third frame: sightings move on, scores stay."""
    engine = MoodEngine(MoodOptions())
    for index in range(60):
        tracked = engine.follow([face_at(200 + index, 200)], index / 30)
        scored = tracked if index % 3 == 0 else ()
        sightings, mood = engine.settle(scored, [HAPPY] * len(scored), [GOOD] * len(scored), index / 30)
        assert sightings[0].face == tracked[0].face
    assert mood.emotion is Emotion.HAPPINESS


def test_scores_that_do_not_belong_to_the_faces_are_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        MoodEngine(MoodOptions()).update([HERE], [], [], 0.0)


def test_a_clock_that_goes_back_changes_nothing_and_the_mood_stays_as_old_as_it_was() -> None:
    engine = MoodEngine(MoodOptions())
    before = [engine.update([HERE], [HAPPY], [GOOD], 1000 + index / 30) for index in range(60)][-1][1]
    age_s = 1000 + 59 / 30 - before.since
    after = [engine.update([HERE], [HAPPY], [GOOD], 5 + index / 30) for index in range(60)]
    assert {sightings[0].track for sightings, _ in after} == {1}
    assert [mood.emotion for _, mood in after] == [Emotion.HAPPINESS] * 60
    assert 5 - after[0][1].since == pytest.approx(age_s)
    assert len({round(mood.since, 6) for _, mood in after}) == 1


def test_an_hour_without_a_frame_is_an_hour_of_absence() -> None:
    engine = MoodEngine(MoodOptions())
    for index in range(60):
        engine.update([HERE], [HAPPY], [GOOD], index / 30)
    after = [engine.update([HERE], [SAD], [GOOD], 3600 + index / 30) for index in range(60)]
    assert after[0][0][0].track == 2
    assert changes([mood.emotion for _, mood in after]) == [None, Emotion.SADNESS]
    assert after[0][1].since == 3600


@pytest.mark.parametrize("now", [math.nan, math.inf])
def test_a_time_that_is_no_number_is_an_error(now: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        MoodEngine(MoodOptions()).follow([HERE], now)


@pytest.mark.parametrize("room", ["nearest", "everyone"])
def test_whatever_comes_in_whatever_order_the_answer_makes_sense(room: str) -> None:
    """Random people, scores, qualities and times, backward ones included."""
    rng = np.random.default_rng(5)
    for _ in range(15):
        engine = MoodEngine(MoodOptions.model_validate({"room": room}))
        now, newest, known = 0.0, 0, 0
        for _ in range(150):
            now += float(rng.choice([0.03, 0.03, 0.1, 0.0, -0.01, -500.0, 3600.0]))
            count = int(rng.integers(0, 6))
            faces = [face_at(*rng.uniform((-50, -50, 1), (600, 600, 300)).tolist()) for _ in range(count)]
            scores = [Scores.of(rng.dirichlet(np.full(8, 0.2))) for _ in faces]
            qualities = [Quality(*rng.uniform([0, 0, 0, 0, -1], [200, 500, 255, 90, 1]).tolist()) for _ in faces]
            sightings, mood = engine.update(faces, scores, qualities, now)
            numbers = [seen.track for seen in sightings]
            areas = [seen.face.box.area for seen in sightings]
            known += count
            assert len(set(numbers)) == len(numbers) and count <= len(numbers) <= known
            assert areas == sorted(areas, reverse=True)
            assert max(numbers, default=newest) <= newest + count
            newest = max(newest, *numbers, 0)
            assert mood.since <= now + 1e-6 and 0 <= mood.strength <= 1
            assert (mood.strength > 0) == (mood.emotion is not None)
            for seen in sightings:
                assert math.fsum(seen.scores.probabilities) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"leave": 0.8}, "leave .0.8. is above enter .0.7."), ({"hold_s": 2.0}, "hold_s"), ({"tau_s": -1.0}, "tau_s"),
     ({"calm": 1.0}, "calm"), ({"room": "all"}, "room")],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused_by_name(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        MoodOptions.model_validate(options)


def test_next_to_no_evidence_is_as_good_as_none() -> None:
    assert moods([[(HERE, HAPPY)]] * 60, evidence_s=1e-6)[-1] is Emotion.HAPPINESS
