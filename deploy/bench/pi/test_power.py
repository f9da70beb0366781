"""The plug is pulled while files are being written: it starts every time, with whole settings."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.bench.conftest import Measure
from deploy.bench.pi.image import Image
from deploy.bench.pi.rig import Rig, rig
from deploy.bench.service.appliance import CONFIG

LAST_GOOD = "/var/lib/private/fer-pi/config.yaml.last-good"
SEED = 7

WRITER = f"""
import itertools, sys
from pathlib import Path
from fer_pi.atomic_file import replace_file
good = Path("{CONFIG}").read_bytes()
for number in itertools.count():
    replace_file(Path("{LAST_GOOD}"), good + b"# %d\\n" % number + b"#" * (number % 3000))
    with open("/var/log/something", "ab") as log:
        log.write(b"x" * 5000)
    Path("/run/written").write_text(str(number))
"""
"""Without a pause: what the service itself does once, when a configuration has run well."""


def acknowledged_by_now(pi: Rig) -> int:
    """The number of the last file that was said to be written; the note of it may just be empty."""
    return int(pi.appliance.until(lambda _: pi.guest.run("cat /run/written 2>/dev/null || true").strip())[0])


@pytest.fixture
def pi(image: Image, tmp_path: Path) -> Iterator[Rig]:
    made = rig(image, tmp_path / "w", screen=None)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.short
def test_a_power_cut_in_mid_write_leaves_whole_settings(pi: Rig, times: int, measured: Measure) -> None:
    chance = random.Random(SEED)
    pi.webcam.plug()
    pi.guest.boot()
    pi.appliance.until(lambda told: bool(told.get("mood")) and told["uptime_s"] > 12, 180)
    config = pi.guest.get(CONFIG)
    slowest_s, written = 0.0, 0
    for _ in range(times):
        pi.appliance.system("stop")  # which writes the same file once, ten seconds after its start
        pi.guest.put(WRITER.encode(), "/run/writer.py")
        pi.guest.run("systemd-run --quiet --unit=writer /opt/fer-pi/bin/python /run/writer.py")
        acknowledged_by_now(pi)
        time.sleep(chance.uniform(0.2, 2.0))
        acknowledged = acknowledged_by_now(pi)
        pi.guest.cut_power()
        began = time.monotonic()
        pi.guest.boot()
        kept = pi.guest.get(LAST_GOOD)
        pi.appliance.until_mood(180)
        slowest_s = max(slowest_s, time.monotonic() - began)
        assert pi.guest.get(CONFIG) == config
        assert kept.startswith(config + b"# "), kept[:200]
        number = int(kept[len(config) :].split()[1])
        assert number >= acknowledged, "what was said to be written is there"
        assert kept == config + b"# %d\n" % number + b"#" * (number % 3000)
        assert not pi.appliance.status()["config"]["fault"]
        written += number
    assert written > 0
    measured(f"power cut in mid-write, {times} times: from power on to the mood, at the slowest", slowest_s, 120)
