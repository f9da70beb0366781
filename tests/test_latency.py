"""Latencies of late: percentiles by nearest rank over a window that moves on."""

from fer_pi.outputs.latency import Latencies, spread


def test_percentiles_are_by_nearest_rank() -> None:
    assert spread(float(age) for age in range(100, 0, -1)) == (50, 95)
    assert spread([0.3, 0.1]) == (0.1, 0.3)
    assert spread([0.007]) == (0.007, 0.007)
    assert spread([]) is None


def test_what_is_older_than_the_window_no_longer_counts() -> None:
    ages = Latencies(window_s=5.0)
    assert ages.spread(0.0) is None
    for now, age_s in ((0.0, 0.9), (3.0, 0.2), (6.0, 0.1)):
        ages.add(age_s, now)
    assert [ages.spread(now) for now in (5.0, 6.0, 8.0, 11.0, 11.1)] == [
        (0.2, 0.9),
        (0.1, 0.2),
        (0.1, 0.2),
        (0.1, 0.1),
        None,
    ]
