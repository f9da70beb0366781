"""fer-pi.service on a machine: configures it, and tells how it is."""

import json
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from deploy.bench.machine import Machine

CONFIG = "/etc/fer-pi/config.yaml"
STATUS = "/run/fer-pi/status.json"
LAST_GOOD = "/var/lib/private/fer-pi/config.yaml.last-good"

DEMO = "camera: {kind: demo, loop: true}\noutputs: [{kind: event_log}]\n"
"""Somebody smiles two seconds after the beginning, and for ever; each change of the mood is a line in the journal."""

Found = TypeVar("Found")


class NotYet(Exception):
    """What was waited for has not come in time."""


class Belongings(NamedTuple):
    """What a process holds."""

    threads: int
    descriptors: int
    memory_kb: int
    """Resident."""


class Appliance:
    """The service as whoever looks after it sees it."""

    def __init__(self, machine: Machine, look_s: float = 0.02) -> None:
        """`look_s` are the seconds between looks while something is waited for."""
        self.machine = machine
        self._look_s = look_s

    def configure(self, text: str) -> None:
        """Let this be the configuration file; nothing is told of it."""
        self.machine.put(text.encode(), CONFIG)

    def system(self, command: str, timeout_s: float = 60.0) -> str:
        """What `systemctl` answers to a command for the service. Raises CommandError."""
        return self.machine.run(f"systemctl {command} fer-pi.service", timeout_s)

    def shown(self, name: str) -> str:
        """One of systemd's properties of the service."""
        return self.machine.run(f"systemctl show fer-pi.service --property={name} --value").strip()

    @property
    def pid(self) -> int:
        """The process of the service; 0 if there is none."""
        return int(self.shown("MainPID"))

    def status(self) -> dict[str, Any]:
        """What it last told of itself; empty if it does not run, or not yet."""
        try:
            told: dict[str, Any] = json.loads(self.machine.get(STATUS))
        except (FileNotFoundError, ValueError):
            return {}
        return told

    def answer(self) -> dict[str, Any]:
        """What `fer-pi status --json` answers."""
        answer: dict[str, Any] = json.loads(self.machine.run("fer-pi status --json || true"))
        return answer

    def journal(self, of: str = "fer-pi.service") -> str:
        """All that the service has said since the machine was switched on."""
        return self.machine.run(f"journalctl --boot --unit={of} --output=cat --no-pager")

    def said_at(self, pattern: str) -> list[float]:
        """When, in seconds of the machine's monotonic clock, it has said lines that match."""
        lines = self.machine.run("journalctl --boot --unit=fer-pi.service --output=json --no-pager").splitlines()
        entries = [json.loads(line) for line in lines if line.startswith("{")]
        return [int(e["__MONOTONIC_TIMESTAMP"]) / 1e6 for e in entries if re.search(pattern, str(e.get("MESSAGE")))]

    def clock(self) -> float:
        """The machine's monotonic clock, in seconds."""
        return float(self.machine.run("cat /proc/uptime").split()[0])

    def belongings(self) -> Belongings:
        """What its process holds; the least of three looks, for a file may just be written."""
        process = f"/proc/{self.pid}"
        look = f"ls {process}/task | wc -l; ls {process}/fd | wc -l; awk '/^VmRSS/ {{print $2}}' {process}/status"
        looks = [map(int, self.machine.run(f"sleep 0.3; {look}").split()) for _ in range(3)]
        return Belongings(*map(min, zip(*looks, strict=True)))

    def until(self, found: Callable[[dict[str, Any]], Found], within_s: float = 30.0) -> tuple[Found, float]:
        """What `found` first returns of a status that is not false, and the seconds until then. Raises NotYet."""
        began = time.monotonic()
        told: dict[str, Any] = {}
        while (passed := time.monotonic() - began) < within_s:
            if result := found(told := self.status()):
                return result, passed
            time.sleep(self._look_s)
        raise NotYet(f"not in {within_s:.0f} s; the last status was {told}")

    def until_mood(self, within_s: float = 30.0, *, after: int = 0) -> float:
        """Seconds until a process, other than `after`, shows a mood."""
        return self.until(lambda told: bool(told.get("mood")) and told["pid"] != after, within_s)[1]

    def until_other_than(self, before: int, within_s: float = 30.0) -> float:
        """Seconds until another process than `before` tells of itself."""
        return self.until(lambda told: bool(told) and told["pid"] != before, within_s)[1]

    def until_kept(self, within_s: float = 30.0) -> None:
        """Wait until its configuration has run well and is kept as the last good one."""
        self.until(lambda _: self._kept() == self.machine.get(CONFIG), within_s)

    def _kept(self) -> bytes:
        try:
            return self.machine.get(LAST_GOOD)
        except FileNotFoundError:
            return b""

    def alter(self, lines: str) -> None:
        """Add lines to the section [Service] of its unit, and start it anew."""
        folder = "/etc/systemd/system/fer-pi.service.d"
        self.machine.run(f"mkdir -p {folder}")
        self.machine.put(f"[Service]\n{lines}\n".encode(), f"{folder}/bench.conf")
        self.machine.run("systemctl daemon-reload; systemctl restart fer-pi", 120)

    def restart(self, config: str = DEMO) -> int:
        """Start it anew with a configuration, wait for the first mood, and return its process."""
        self.configure(config)
        self.system("restart")
        self.until_mood()
        return self.pid
