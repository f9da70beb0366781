"""install.sh where systemd runs: one command, again and again; up, back where the new one is no good, and away."""

import re
import time
from pathlib import Path

import pytest

from deploy.bench.conftest import Measure
from deploy.bench.container import Container
from deploy.bench.machine import CommandError
from deploy.bench.package import spoilt
from deploy.bench.service.appliance import DEMO, Appliance

IN_PASSING = ("/var/lib/private", "__pycache__", "config.yaml.new", "group-", "gshadow-")
"""What is not a trace: state of the service, bytecode, the default beside a configuration, the backups of groupadd."""
PLACES = "/etc /opt /usr/local /var/lib /boot /home /root /srv"


def listing(machine: Container) -> set[str]:
    """Every path that an installation might leave something at, with what is in it."""
    beside = " ".join(f"-path /var/lib/{folder} -prune -o" for folder in ("apt", "dbus", "dpkg", "systemd"))
    find = f"find {PLACES} -xdev {beside}"
    return set(machine.run(f"{find} -type f -exec sha256sum {{}} + -o -printf '%y %p %l\\n'").splitlines())


def changed(now: set[str], before: set[str]) -> set[str]:
    """What is not as it was."""
    return {line for line in now ^ before if not any(word in line for word in IN_PASSING)}


def test_without_network_one_command_and_the_light_is_on(bare: Container, package: Path, measured: Measure) -> None:
    before = listing(bare)
    installer = f"{bare.files_of(package)}/deploy/install.sh"
    began = time.monotonic()
    bare.run(installer, 300)
    measured("install.sh, offline, to a running service", time.monotonic() - began, 120)
    appliance = Appliance(bare)
    assert (appliance.shown("ActiveState"), appliance.shown("UnitFileState")) == ("active", "enabled")
    assert appliance.answer()["status"] == "no camera"
    assert bare.run("fer-pi --version").startswith("fer-pi, version")

    appliance.configure(DEMO)
    appliance.system("reload")
    appliance.until_mood()
    process, installed = appliance.pid, listing(bare)
    began = time.monotonic()
    assert "is up to date" in bare.run(installer, 120)
    measured("install.sh again: nothing to do", time.monotonic() - began, 30)
    assert appliance.pid == process
    assert changed(listing(bare), installed) == set()
    assert bare.get("/etc/fer-pi/config.yaml").decode() == DEMO

    began = time.monotonic()
    bare.run(f"{installer} --uninstall", 120)
    measured("install.sh --uninstall", time.monotonic() - began, 30)
    assert changed(listing(bare), before) == set()
    assert bare.run("systemctl list-unit-files 'fer-pi*' | tail -1").startswith("0 unit files")
    assert bare.run("getent group gpio; pgrep -f '[f]er-pi'; true") == ""


def test_an_upgrade_takes_over_and_keeps_what_is_yours(
    machine: Container, appliance: Appliance, package: Path, measured: Measure
) -> None:
    newer = spoilt(package, "newer", new_version(package))
    appliance.until_kept()
    before = appliance.pid
    installer = f"{machine.files_of(newer)}/deploy/install.sh"
    machine.run(installer, 300)
    stopped, ready = (int(appliance.shown(f"{name}TimestampMonotonic")) for name in ("InactiveEnter", "ActiveEnter"))
    measured("upgrade: from the old one's end until the new one is ready", (ready - stopped) / 1e6, 5)
    assert appliance.pid != before
    assert machine.run("fer-pi --version").strip().endswith("99.1")
    assert machine.get("/etc/fer-pi/config.yaml").decode() == DEMO
    assert machine.run("ls /opt/fer-pi.d | grep -x '[ab]' | wc -l").strip() == "1"
    appliance.until_mood()


NEVER = {
    "does not import": ("fer_pi/chain.py", "raise RuntimeError('spoilt')\n"),
    "is no Python": ("fer_pi/cli.py", "this is (not\n"),
}
"""What a trial finds out."""

TOO_LATE = {
    "does not start": "raise RuntimeError('spoilt')",
    "hangs when it is started": "import time; time.sleep(1000)",
    "crashes after its first picture": "import os, threading; threading.Timer(2, os.kill, (os.getpid(), 11)).start()",
}
"""What is found out only where the service runs."""


def spoilt_service(package: Path, first: str) -> dict[str, bytes]:
    """The module of the service, which before all else does that."""
    path = "fer_pi/service.py"
    after = f"_serve = serve\ndef serve(*given, **named):\n    {first}\n    _serve(*given, **named)\n"
    return {path: f"{(package / path).read_text()}\n{after}".encode()}


@pytest.mark.parametrize("fault", NEVER)
def test_a_version_that_cannot_work_never_takes_over(
    machine: Container, appliance: Appliance, package: Path, fault: str
) -> None:
    before, installed = appliance.pid, listing(machine)
    path, text = NEVER[fault]
    installer = f"{machine.files_of(spoilt(package, 'spoilt', {path: text.encode()}))}/deploy/install.sh"
    with pytest.raises(CommandError, match="is still in place, as it was"):
        machine.run(installer, 300)
    assert appliance.pid == before, "it was never stopped"
    assert appliance.answer()["running"]
    assert changed(listing(machine), installed) == set()


def test_a_broken_wheel_never_takes_over(machine: Container, appliance: Appliance, package: Path) -> None:
    before = appliance.pid
    broken = spoilt(package, "spoilt", {})
    (wheel,) = (broken / "deploy/wheelhouse").glob("fer_pi-*.whl")
    wheel.write_bytes(wheel.read_bytes()[:-1000])
    with pytest.raises(CommandError, match="is still in place, as it was"):
        machine.run(f"{machine.files_of(broken)}/deploy/install.sh", 300)
    assert appliance.pid == before
    assert appliance.answer()["running"]


@pytest.mark.parametrize("fault", TOO_LATE)
def test_a_version_that_falls_over_gives_way_to_the_old_one(
    machine: Container, appliance: Appliance, package: Path, measured: Measure, fault: str
) -> None:
    bad = spoilt(package, "spoilt", spoilt_service(package, TOO_LATE[fault]))
    installed = listing(machine)
    process, began = appliance.pid, appliance.clock()
    with pytest.raises(CommandError, match="the new version does not do; the old one is back"):
        machine.run(f"{machine.files_of(bad)}/deploy/install.sh", 300)
    appliance.until_mood(after=process)
    assert appliance.answer()["config"] == {"path": "/etc/fer-pi/config.yaml", "fault": ""}
    stopped = min(at for at in appliance.said_at("^Stopping fer-pi") if at > began)
    ready = max(appliance.said_at("^Started fer-pi"))
    measured(f"upgrade that {fault}: from the old one's end until it is back", ready - stopped, 240)
    assert changed(listing(machine), installed) == set()


def new_version(package: Path) -> dict[str, bytes]:
    """The file that says which version it is, with another one."""
    path = "fer_pi/__init__.py"
    text, times = re.subn(r'(__version__ = )".*"', r'\1"99.1"', (package / path).read_text())
    assert times == 1
    return {path: text.encode()}
