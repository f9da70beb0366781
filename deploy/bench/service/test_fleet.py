"""Ansible's role against appliances that it reaches over SSH, as a user's computer does."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from deploy.bench.conftest import Measure
from deploy.bench.container import Container
from deploy.bench.package import spoilt
from deploy.bench.service.appliance import Appliance
from deploy.bench.service.test_install import new_version, spoilt_service

ROLE = Path(__file__).parent.parent.parent / "ansible"
NAMES = ("door", "lounge")
"""The order in which they are upgraded."""


class Fleet:
    """Some machines, and Ansible."""

    def __init__(self, machines: dict[str, Container], ansible: Path, folder: Path) -> None:
        self.appliances = {name: Appliance(machine) for name, machine in machines.items()}
        self._ansible = ansible
        self._folder = folder
        self._key = folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self._key], check=True)
        self.addresses = {}
        for number, (name, machine) in enumerate(machines.items()):
            machine.connect(f"10.93.{number}.2/30", f"10.93.{number}.1/30")
            machine.run("install -d -o pi -g pi -m 700 /home/pi/.ssh")
            machine.put(self._key.with_suffix(".pub").read_bytes(), "/home/pi/.ssh/authorized_keys")
            self.addresses[name] = f"10.93.{number}.2"

    def play(self, package: Path, configs: dict[str, object], **variables: object) -> tuple[int, str, dict[str, str]]:
        """The exit status of a run, all it said, and its summary for each machine."""
        options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        hosts = {
            name: {"ansible_host": address, "fer_pi_config": configs.get(name, {})}
            for name, address in self.addresses.items()
        }
        common = {
            "ansible_user": "pi",
            "ansible_ssh_private_key_file": str(self._key),
            "ansible_ssh_common_args": options,
            "ansible_python_interpreter": "/usr/bin/python3",
            "fer_pi_source": str(package),
            "fer_pi_health_within_s": 20,
            "fer_pi_health_steady_s": 5,
            **variables,
        }
        inventory = self._folder / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"fer_pi": {"hosts": hosts, "vars": common}}))
        done = subprocess.run(
            [str(self._ansible), "-i", str(inventory), str(ROLE / "fleet.yml")],
            cwd=ROLE,
            env={
                **os.environ,
                "HOME": str(self._folder),
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_LOCAL_TEMP": str(self._folder / "tmp"),
            },
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        recap = done.stdout.rpartition("PLAY RECAP")[2]
        return done.returncode, done.stdout + done.stderr, dict(re.findall(r"^(\w+) +: (.*?) *$", recap, re.MULTILINE))

    def versions(self) -> list[str]:
        """What each says it is."""
        return [appliance.machine.run("fer-pi --version").split()[-1] for appliance in self.appliances.values()]

    def processes(self) -> list[int]:
        """The process of each."""
        return [appliance.pid for appliance in self.appliances.values()]


@pytest.fixture(scope="session")
def ansible(cache: Path) -> Path:
    """`ansible-playbook`, of its own venv."""
    program = cache / "ansible/bin/ansible-playbook"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", cache / "ansible"], check=True)
        pip = [str(cache / "ansible/bin/python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "ansible-core>=2.15", "ansible-lint"], check=True)
    return program


@pytest.fixture(scope="module")
def fleet(root: Path, ansible: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Machines that have never heard of fer_pi."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh is not on this machine (apt install openssh-client)")
    folder = tmp_path_factory.mktemp("fleet")
    machines = {name: Container(name, [root], folder / name) for name in NAMES}
    try:
        for machine in machines.values():
            machine.boot()
        yield Fleet(machines, ansible, folder)
    finally:
        for machine in machines.values():
            machine.close()


def config(*outputs: object) -> dict[str, object]:
    return {"version": 1, "camera": {"kind": "demo", "loop": True}, "outputs": [{"kind": "event_log"}, *outputs]}


CONFIGS: dict[str, object] = {"door": config(), "lounge": config({"kind": "console", "style": "lines"})}


BLIND = (
    "import time; from fer_pi.shutter import Shutter; "
    "Shutter.read = lambda _, patience_s: time.sleep(patience_s); Shutter.problem = 'blind'"
)


def test_ansible_lint_has_nothing_to_complain_of(ansible: Path) -> None:
    """In its strictest profile."""
    environment = {**os.environ, "PATH": os.pathsep.join([str(ansible.parent), os.environ["PATH"]])}
    syntax = ["ansible-playbook", "--syntax-check", "fleet.yml"]
    lint = ["ansible-lint", "--offline", "--profile=production"]
    for command in (syntax, lint):
        done = subprocess.run(
            command, cwd=ROLE, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


# One story, told in order: what a test leaves is what the next one begins with.


def test_all_are_installed_and_configured_each_in_its_own_way(fleet: Fleet, package: Path, measured: Measure) -> None:
    began = time.monotonic()
    status, said, _ = fleet.play(package, CONFIGS)
    assert status == 0, said
    measured("ansible: two machines installed, each", (time.monotonic() - began) / 2, 180)
    for appliance, outputs in zip(fleet.appliances.values(), (1, 2), strict=True):
        told = appliance.answer()
        assert told["running"]
        assert len(told["outputs"]) == outputs


def test_a_second_time_nothing_is_changed(fleet: Fleet, package: Path, measured: Measure) -> None:
    before = fleet.processes()
    began = time.monotonic()
    status, said, recap = fleet.play(package, CONFIGS)
    measured("ansible: two machines with nothing to do, each", (time.monotonic() - began) / 2, 60)
    assert status == 0, said
    assert all("changed=0 " in recap[name] for name in NAMES)
    assert fleet.processes() == before


def test_a_changed_configuration_is_used_without_a_restart(fleet: Fleet, package: Path) -> None:
    before = fleet.processes()
    status, said, recap = fleet.play(package, {**CONFIGS, "lounge": config()})
    assert status == 0, said
    assert "changed=0" in recap["door"]
    assert len(fleet.appliances["lounge"].answer()["outputs"]) == 1
    assert fleet.processes() == before
    assert fleet.play(package, CONFIGS)[0] == 0


def test_a_configuration_with_a_mistake_never_arrives(fleet: Fleet, package: Path) -> None:
    before = fleet.appliances["door"].machine.get("/etc/fer-pi/config.yaml")
    status, said, recap = fleet.play(package, {**CONFIGS, "door": config({"kind": "rgb_lead"})})
    assert status != 0
    assert "rgb_lead" in said
    assert fleet.appliances["door"].machine.get("/etc/fer-pi/config.yaml") == before
    assert "lounge" not in recap, "the others are not even begun with"


def test_a_configuration_that_does_not_become_well_is_taken_back(fleet: Fleet, package: Path) -> None:
    door = fleet.appliances["door"]
    before = door.machine.get("/etc/fer-pi/config.yaml")
    status, said, recap = fleet.play(
        package, {**CONFIGS, "door": {"version": 1, "camera": {"kind": "webcam"}, "outputs": []}}
    )
    assert status != 0
    assert "door is not well, so the others are left as they are" in said
    assert "no camera" in said
    assert door.machine.get("/etc/fer-pi/config.yaml") == before
    door.until(lambda told: told["status"] in ("nobody", "watching"), 10)
    assert door.machine.run("ls /etc/fer-pi").split() == ["config.yaml"]
    assert "lounge" not in recap


def test_a_read_only_root_takes_no_new_configuration(fleet: Fleet, package: Path) -> None:
    """It would be gone after the next start; where there is nothing to do, such a machine is as good as any."""
    door = fleet.appliances["door"]
    before = door.machine.get("/etc/fer-pi/config.yaml")
    door.machine.run("mkdir /media/root-ro && mount -t tmpfs tmpfs /media/root-ro")
    try:
        status, said, _ = fleet.play(package, {**CONFIGS, "door": config({"kind": "console", "style": "lines"})})
        assert status != 0
        assert "door has a read-only root" in said
        assert door.machine.get("/etc/fer-pi/config.yaml") == before
        status, said, recap = fleet.play(package, CONFIGS)
        assert status == 0, said
        assert "changed=0 " in recap["door"]
    finally:
        door.machine.run("umount /media/root-ro && rmdir /media/root-ro")


def test_an_upgrade_that_is_no_good_ends_with_the_first_and_leaves_the_old_one_everywhere(
    fleet: Fleet, package: Path, measured: Measure
) -> None:
    """It starts, it runs, it stays: only that it shows nothing."""
    bad = spoilt(package, "bad", {**new_version(package), **spoilt_service(package, BLIND)})
    before, processes = fleet.versions(), fleet.processes()
    began = time.monotonic()
    status, said, recap = fleet.play(bad, CONFIGS)
    measured("ansible: an upgrade that is no good, found out and undone", time.monotonic() - began, 240)
    assert status != 0
    assert "the old one is back" in said
    assert fleet.versions() == before
    assert fleet.processes()[1:] == processes[1:], "the others never noticed"
    assert "lounge" not in recap
    fleet.appliances["door"].until_mood()


def test_an_upgrade_goes_from_one_to_the_next(fleet: Fleet, package: Path, measured: Measure) -> None:
    newer = spoilt(package, "newer", new_version(package))
    began = time.monotonic()
    status, said, _ = fleet.play(newer, CONFIGS)
    assert status == 0, said
    measured("ansible: two machines upgraded, each", (time.monotonic() - began) / 2, 180)
    assert fleet.versions() == ["99.1"] * 2
    starts = [int(appliance.shown("ActiveEnterTimestampMonotonic")) for appliance in fleet.appliances.values()]
    assert starts == sorted(starts)
    assert min(b - a for a, b in pairwise(starts)) > 5e6, "each was watched before the next one"


def test_all_of_it_goes_away(fleet: Fleet, package: Path) -> None:
    status, said, _ = fleet.play(package, CONFIGS, fer_pi_state="absent")
    assert status == 0, said
    for appliance in fleet.appliances.values():
        assert appliance.machine.run("ls -d /opt/fer-pi* /etc/fer-pi 2>/dev/null | wc -l").strip() == "0"
    assert "changed=0" in fleet.play(package, CONFIGS, fer_pi_state="absent")[2]["door"]
