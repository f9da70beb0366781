"""What ends or stops the process on the Pi: the light is never stuck on the last mood."""

import time

import pytest

from deploy.bench.conftest import Measure
from deploy.bench.pi.rig import Rig


@pytest.mark.short
def test_what_is_killed_is_back(pi: Rig, measured: Measure) -> None:
    pi.webcam.plug()
    pi.appliance.until_mood(180)
    before = pi.appliance.pid
    at = pi.appliance.clock()
    pi.guest.run(f"kill -KILL {before}")
    measured("kill -9: mood shown again", pi.appliance.until_mood(60, after=before), 15)
    levels = pi.leds.levels(since=at)
    dark_at = next((level.at for level in levels if not level.lit), levels[-1].at)
    lit_at = next((level.at for level in levels if level.lit and level.at > dark_at), levels[-1].at)
    measured("kill -9: the light stays on the last mood for", dark_at - at, 5)
    measured("kill -9: the light says that it starts", lit_at - at, 5)


def test_out_of_memory_it_is_back(pi: Rig, measured: Measure) -> None:
    """Its group is given no more than it has, and more is asked for."""
    pi.webcam.plug()
    pi.appliance.until_mood(180)
    before = pi.appliance.pid
    pi.guest.run(
        "group=/sys/fs/cgroup/system.slice/fer-pi.service; "
        "(echo $BASHPID > $group/cgroup.procs && exec python3 -c 'bytearray(400_000_000)') >/dev/null 2>&1 &"
    )
    measured("out of memory: mood shown again", pi.appliance.until_mood(60, after=before), 15)


def test_a_clock_that_jumps_changes_nothing(pi: Rig, measured: Measure) -> None:
    pi.webcam.plug()
    pi.appliance.until_mood(180)
    before = pi.appliance.pid
    for jump in ("+1 hour", "-2 hours"):
        pi.guest.run(f"date --set='{jump}'")
        time.sleep(3)
        told = pi.appliance.status()
        assert told["mood"] == "happiness"
        assert pi.appliance.clock() - told["told_at_s"] < 3
    assert pi.appliance.pid == before
