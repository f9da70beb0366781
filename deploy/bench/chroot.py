"""A Debian of another processor in a chroot of this computer, run by qemu-user: a Pi's packages and arithmetic.

No systemd, no devices, and times that say nothing of a Pi.
"""

import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.bench.container import ENVIRONMENT
from deploy.bench.machine import CommandError

SCRIPT = Path(__file__).parent / "chroot_run.sh"
PROCESSOR = "cortex-a72"
"""That of a Pi 4. By itself qemu is one with SVE and SME, which no Pi has, and for which libraries have other code."""
BINFMT = Path("/proc/sys/fs/binfmt_misc")


def runs_arm64() -> bool:
    """Whether this computer runs programs of arm64, if need be by telling the kernel that qemu-user does."""
    if platform.machine() == "aarch64":
        return True
    if not (BINFMT / "status").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT], capture_output=True, check=False)
    recipe = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")
    if not (BINFMT / "qemu-aarch64").exists() and recipe.exists() and (BINFMT / "register").exists():
        (BINFMT / "register").write_bytes(recipe.read_bytes())
    return (BINFMT / "qemu-aarch64").exists()


class Chroot:
    """Takes commands as root; what they write is gone when it is closed."""

    def __init__(self, layers: Sequence[Path], work: Path) -> None:
        """`layers` are roots, the topmost first; `work` is a new folder of its own."""
        self._lower = ":".join(map(str, layers))
        self._work = work
        self._files = work / "files"
        self._upper = work / "upper"
        for folder in (self._files, self._upper, work / "work/overlay"):
            folder.mkdir(parents=True)

    def run(self, command: str, timeout_s: float = 600.0) -> str:
        """What `command`, given to bash, has said. Raises CommandError and TimeoutError as `Machine.run`."""
        spaces = ["unshare", "--fork", "--kill-child", "--pid", "--mount", "--net", "--propagation=private"]
        folders = [self._lower, str(self._upper), str(self._work / "work"), str(self._files)]
        try:
            done = subprocess.run(
                [*spaces, str(SCRIPT), *folders, command],
                env={**ENVIRONMENT, "QEMU_CPU": PROCESSOR},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"`{command}` has not ended in {timeout_s:.0f} s") from error
        if done.returncode != 0:
            raise CommandError(command, done.returncode, done.stdout)
        return done.stdout

    def files_of(self, folder: Path) -> str:
        """A path in there at which the content of `folder` can be read; a copy."""
        copy = self._files / folder.name
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy, symlinks=True)
        return f"/mnt/bench/{folder.name}"

    def close(self) -> None:
        """Forget all that was written."""
        shutil.rmtree(self._work, ignore_errors=True)
