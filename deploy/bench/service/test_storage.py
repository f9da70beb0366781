"""Storage that is full or read-only: the mood goes on; and what was kept is there again."""

import time

from deploy.bench.conftest import Measure
from deploy.bench.container import Container
from deploy.bench.service.appliance import DEMO, LAST_GOOD, Appliance


def test_what_it_keeps_outlasts_restarts_and_reboots(machine: Container, appliance: Appliance) -> None:
    appliance.until_kept()
    owner = machine.run("stat --format=%u /var/lib/private/fer-pi").strip()
    assert int(owner) >= 61184, "a user that exists while it runs, systemd.exec(5)"
    machine.run("fer-pi privacy on")
    appliance.until(lambda told: told["status"] == "paused", 5)
    appliance.system("restart")
    appliance.until(lambda told: told["status"] == "paused" and told["uptime_s"] < 10)
    machine.shut_down()
    machine.boot()
    appliance.until(lambda told: told.get("status") == "paused")
    assert machine.get(LAST_GOOD).decode() == DEMO
    machine.run("fer-pi privacy off")
    appliance.until_mood()


def test_a_full_disk_changes_nothing(appliance: Appliance, measured: Measure) -> None:
    machine = appliance.machine
    appliance.until_kept()
    # Else the journal, which leaves some of a disk to others, would make room in it.
    machine.run("mkdir -p /etc/systemd/journald.conf.d; rm -rf /var/log/journal")
    machine.put(b"[Journal]\nStorage=volatile\n", "/etc/systemd/journald.conf.d/bench.conf")
    machine.run(f"systemctl restart systemd-journald; rm -f {LAST_GOOD}")
    machine.run("cat /dev/zero >/var/fill 2>/dev/null; ! echo more >/var/lib/more", 120)
    appliance.until(lambda told: appliance.clock() - told["told_at_s"] < 1 and told["mood"])
    before = appliance.pid
    began = time.monotonic()
    machine.run(f"kill -KILL {before}")
    appliance.until_mood(after=before)
    measured("kill -9 on a full disk: mood shown again", time.monotonic() - began, 5)
    # Once it has run well it is time to keep the configuration.
    appliance.until(lambda _: "the last good configuration cannot be kept" in appliance.journal(), 20)
    assert appliance.answer()["running"]


def test_a_read_only_var_changes_nothing(appliance: Appliance, measured: Measure) -> None:
    machine = appliance.machine
    machine.run("mount --bind /var /var && mount -o remount,bind,ro /var; ! touch /var/lib/x")
    began = time.monotonic()
    before = appliance.pid
    machine.run(f"kill -KILL {before}")
    appliance.until_mood(after=before)
    measured("kill -9 with /var read-only: mood shown again", time.monotonic() - began, 5)
    appliance.system("restart")
    appliance.until_mood()
