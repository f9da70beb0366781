"""A Debian with its own systemd in namespaces of this computer: boots in two seconds, and serves for all but hardware.

It shares the kernel: its clock is this computer's and cannot be set, its power cannot really be cut (what was written
is there, synced or not), and there is no camera, pin or screen in it. The emulated Raspberry Pi is for those.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from deploy.bench.machine import CommandError

SCRIPTS = Path(__file__).parent
CGROUPS = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
"""Where a hierarchy of version 2 may be mounted."""

BOOT_S = 60.0
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "SYSTEMD_COLORS": "0",
}


def debian_root(cache: Path, suite: str, processor: str = "amd64") -> Path:
    """The root of a Debian system, made in `cache` if it is not there yet, in minutes. Raises CalledProcessError."""
    root = cache / f"{suite}-{processor}"
    subprocess.run([SCRIPTS / "debian_root.sh", root, suite, processor], check=True)
    return root


class Container:
    """A `Machine`: what it writes goes to a disk in memory, of `disk_mb`, above the `layers` that it only reads."""

    def __init__(self, name: str, layers: Sequence[Path], work: Path, disk_mb: int = 1500) -> None:
        """`layers` are roots and `disk`s of other containers, the topmost first; `work` is a new folder of its own."""
        self.name = name
        self._layers = tuple(layers)
        self._work = work
        self._disk = work / "disk"
        self._files = work / "files"
        self._cgroup = _cgroup2() / f"fer-pi-bench-{os.getpid()}-{name}"
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0
        for folder in (self._disk, self._files):
            folder.mkdir(parents=True)
        _mount("-t", "tmpfs", "-o", f"size={disk_mb}m,mode=755", "tmpfs", self._disk)
        for folder in (self.disk, self._disk / "work/overlay"):
            folder.mkdir(parents=True)

    @property
    def disk(self) -> Path:
        """What it has written: a layer for others, once it is off."""
        return self._disk / "upper"

    @property
    def pid(self) -> int:
        """Its systemd, in the eyes of this computer. Raises OSError if it is off."""
        if not self._pid or not Path(f"/proc/{self._pid}").exists():
            raise ConnectionError(f"{self.name} is off")
        return self._pid

    def boot(self) -> float:
        """See `Machine`; it takes commands as soon as its systemd does, long before all services run."""
        if self._process:
            return 0.0
        began = time.monotonic()
        self._cgroup.mkdir()
        folders = [":".join(map(str, self._layers)), *map(str, (self.disk, self._disk / "work", self._files))]
        spaces = ["--fork", "--kill-child", "--pid", "--mount", "--uts", "--ipc", "--net", "--cgroup"]
        with (self._work / "console.log").open("ab") as console:
            self._process = subprocess.Popen(
                [
                    "unshare",
                    *spaces,
                    "--propagation",
                    "private",
                    str(SCRIPTS / "container_boot.sh"),
                    self.name,
                    *folders,
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
                preexec_fn=lambda: (self._cgroup / "cgroup.procs").write_text("0"),
            )
        while time.monotonic() - began < BOOT_S and self._process.poll() is None:
            self._pid = self._pid or _child(self._process.pid)
            if self._pid and self._takes_commands():
                return time.monotonic() - began
            time.sleep(0.02)
        said = (self._work / "console.log").read_text(errors="replace")[-2000:]
        self.cut_power()
        raise TimeoutError(f"{self.name} has not booted in {BOOT_S:.0f} s: {said}")

    def _takes_commands(self) -> bool:
        done = self._entered("systemctl show --property=Version", 10)
        return done.returncode == 0 and b"Version=" in done.stdout

    def cut_power(self) -> None:
        """See `Machine`; here nothing is lost of what was written, whether it was synced or not."""
        if self._process:
            self._process.kill()  # with it goes its child, PID 1 of the container, and with that all that is in there
            self._process.wait()
            _gone(self._cgroup)
        self._process, self._pid = None, 0

    def shut_down(self) -> None:
        """Switch it off in good order, so that each service may end as it likes; `boot` starts it again."""
        if self._process:
            os.kill(self.pid, signal.SIGRTMIN + 4)  # poweroff.target, in systemd(1)
            self._process.wait(60)
        self.cut_power()

    def run(self, command: str, timeout_s: float = 60.0) -> str:
        """See `Machine`."""
        try:
            done = self._entered(command, timeout_s)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{self.name}: `{command}` has not ended in {timeout_s:.0f} s") from error
        said = done.stdout.decode(errors="replace")
        if done.returncode != 0:
            raise CommandError(command, done.returncode, said)
        return said

    def put(self, content: bytes, path: str) -> None:
        """See `Machine`."""
        self._inside(path).write_bytes(content)

    def get(self, path: str) -> bytes:
        """See `Machine`."""
        return self._inside(path).read_bytes()

    def files_of(self, folder: Path) -> str:
        """See `Machine`; a copy."""
        copy = self._files / folder.name
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy, symlinks=True)
        return f"/mnt/bench/{folder.name}"

    def connect(self, address: str, ours: str) -> None:
        """Join it to this computer by a cable: it is `address` there, this computer `ours`, both as 10.1.2.3/30."""
        end = f"fer{self.pid}"
        _run("ip", "link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", str(self.pid))
        _run("ip", "address", "add", ours, "dev", end)
        _run("ip", "link", "set", end, "up")
        self.run(f"ip address add {address} dev eth0; ip link set eth0 up")

    def close(self) -> None:
        """See `Machine`."""
        with ExitStack() as closing:
            closing.callback(shutil.rmtree, self._work, ignore_errors=True)
            closing.callback(self._unmounted)
            self.cut_power()

    def _unmounted(self) -> None:
        if self._disk.is_mount():
            _run("umount", str(self._disk))

    def _entered(self, command: str, timeout_s: float) -> subprocess.CompletedProcess[bytes]:
        spaces = ["--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--root", "--wd"]
        return subprocess.run(
            ["nsenter", "--target", str(self.pid), *spaces, "bash", "-c", command],
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )

    def _inside(self, path: str) -> Path:
        """That path as this computer sees it; not for links to absolute paths, which would lead out."""
        return Path(f"/proc/{self.pid}/root", path.lstrip("/"))


def _cgroup2() -> Path:
    """Where cgroups of version 2 are. Raises OSError if there are none, or they are not ours to use."""
    for place in CGROUPS:
        if (place / "cgroup.controllers").exists() and os.access(place, os.W_OK):
            return place
    raise FileNotFoundError("containers need root and cgroups of version 2, mounted in /sys/fs/cgroup")


def _child(pid: int) -> int:
    """The first child of a process; 0 if it has none."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return 0
    return int(children[0]) if children else 0


def _gone(cgroup: Path, timeout_s: float = 10.0) -> None:
    """Wait until no process is left in it, and remove it with all below."""
    end = time.monotonic() + timeout_s
    for folder in [*sorted((path for path in cgroup.rglob("*") if path.is_dir()), reverse=True), cgroup]:
        while folder.exists():
            try:
                folder.rmdir()
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)


def _mount(*arguments: str | Path) -> None:
    _run("mount", *map(str, arguments))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"`{' '.join(command)}`: {done.stderr.strip()}")
