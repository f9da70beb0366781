"""A webcam that is pulled out and put back, or breaks: noticed, said, opened anew, and nothing is left behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.bench.conftest import Measure
from deploy.bench.pi.rig import Rig
from deploy.bench.pi.webcam import Fault


@pytest.fixture(autouse=True)
def smiling(pi: Rig) -> Iterator[None]:
    """Each scenario begins with a mood, and the next one finds the webcam in order."""
    pi.webcam.plug()
    pi.appliance.until_mood(120)
    yield
    pi.webcam.fault = Fault.NONE
    pi.webcam.plug()


@pytest.mark.short
def test_one_that_is_pulled_out_and_put_back_is_used_again(
    pi: Rig, times: int, artefacts: Path, measured: Measure
) -> None:
    noticed, recovered = [], []
    before = None
    for turn in range(times):
        pi.webcam.unplug()
        noticed.append(pi.until_status("no camera"))
        if turn == 0:
            pi.guest.screenshot(artefacts / "unplugged.png")
        pi.webcam.plug()
        recovered.append(pi.appliance.until_mood())
        before = before or pi.appliance.belongings()  # the first turn warms it up
    measured(f"webcam pulled out, {times} times: shown, at the slowest", max(noticed), 3)
    measured(f"webcam put back, {times} times: mood shown, at the slowest", max(recovered), 5)
    assert before is not None
    after = pi.appliance.belongings()
    assert after.threads <= before.threads
    assert after.descriptors <= before.descriptors
    left_mb = (after.memory_kb - before.memory_kb) / 1024
    measured(f"webcam pulled out and put back, {times} times: megabytes left behind", left_mb, 3)


def test_it_may_come_back_under_another_number(pi: Rig, measured: Measure) -> None:
    """As it does while somebody else still holds the old one open."""
    old = pi.appliance.status()["camera"]["name"].split()[1]
    pi.guest.run(f"systemd-run --quiet --unit=holds-on --property=StandardInput=file:{old} sleep infinity")
    try:
        pi.webcam.unplug()
        pi.until_status("no camera")
        pi.webcam.plug()
        measured("webcam comes back under another number: mood shown", pi.appliance.until_mood(), 5)
        assert old not in pi.appliance.status()["camera"]["name"]
    finally:
        pi.guest.run("systemctl stop holds-on")


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.GARBAGE, Fault.STILL])
def test_one_that_breaks_is_noticed_and_opened_anew(pi: Rig, artefacts: Path, measured: Measure, fault: Fault) -> None:
    pi.webcam.fault = fault
    noticed_s = pi.appliance.until(lambda told: bool(told["camera"]["problem"]) and told["status"] == "no camera")[1]
    pi.guest.screenshot(artefacts / f"webcam_{fault}.png")
    pi.webcam.fault = Fault.NONE
    recovered_s = pi.appliance.until_mood()
    measured(f"webcam is {fault}: shown", noticed_s, 3)
    measured(f"webcam was {fault}: mood shown", recovered_s, 5)
