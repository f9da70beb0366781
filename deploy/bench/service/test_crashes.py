"""Whatever ends or stops the process, the mood is back soon, by itself, for ever."""

import time
from pathlib import Path

import pytest

from deploy.bench.conftest import Measure
from deploy.bench.service.appliance import DEMO, Appliance


@pytest.mark.parametrize("signal", ["KILL", "SEGV"])
def test_what_is_killed_shows_the_mood_again(appliance: Appliance, measured: Measure, signal: str) -> None:
    before = appliance.pid
    appliance.machine.run(f"kill -{signal} {before}")
    back_s = appliance.until_mood(after=before)
    measured(f"kill -{signal}: mood shown again", back_s, 5)
    assert appliance.answer()["restarts"] == 1


def test_a_stopped_process_is_replaced_by_the_watchdog(appliance: Appliance, measured: Measure) -> None:
    before = appliance.pid
    appliance.machine.run(f"kill -STOP {before}")
    measured("SIGSTOP: watchdog, mood shown again", appliance.until_mood(60, after=before), 25)
    assert "Watchdog timeout" in appliance.machine.run("journalctl --boot --unit=fer-pi.service --no-pager")


def test_a_loop_that_makes_no_progress_is_replaced_by_the_watchdog(appliance: Appliance, measured: Measure) -> None:
    """The process is well, its threads run, it answers signals: only the loop hangs."""
    machine = appliance.machine
    machine.put((Path(__file__).parent / "hang.py").read_bytes(), "/etc/fer-pi/hang.py")
    arguments = machine.run("sed -n 's/^ExecStart=[^ ]*//p' /etc/systemd/system/fer-pi.service").strip()
    appliance.alter(f"ExecStart=\nExecStart=/opt/fer-pi/bin/python /etc/fer-pi/hang.py /etc/fer-pi/hangs {arguments}")
    appliance.until_mood()
    before = appliance.pid
    machine.put(str(before).encode(), "/etc/fer-pi/hangs")
    began = time.monotonic()
    appliance.until(lambda _: "fer-pi hangs" in appliance.answer()["answer"])  # `fer-pi status` says so meanwhile
    appliance.until_mood(60, after=before)
    measured("loop hangs: watchdog, mood shown again", time.monotonic() - began, 25)


def test_it_never_gives_up(appliance: Appliance, measured: Measure) -> None:
    """systemd's own limit is five starts in ten seconds."""
    began = time.monotonic()
    for _ in range(8):
        before = appliance.pid
        appliance.machine.run(f"kill -KILL {before}")
        appliance.until_other_than(before)
    appliance.until_mood()
    measured("eight kill -9 in a row, mood shown again", time.monotonic() - began, 40)


def test_a_journal_that_takes_nothing_does_not_slow_the_loop(appliance: Appliance) -> None:
    """What writes to it is blocked; the loop, which only leaves its readings in a slot, is not."""
    machine = appliance.machine
    appliance.configure(DEMO.replace("]", ", {kind: console, style: lines}]"))
    appliance.system("reload")
    machine.run("systemctl kill --signal=STOP systemd-journald.service; sleep 8")
    told = appliance.status()
    assert told["rate_hz"] > 20
    assert told["latency_ms"]["p95"] < 100
    assert appliance.clock() - told["told_at_s"] < 2
    machine.run("systemctl kill --signal=CONT systemd-journald.service")
