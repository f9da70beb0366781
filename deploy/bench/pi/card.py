"""The SD card of deploy/image/build.sh in the emulated board, with nothing added but what the bench looks with."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from deploy.bench.pi.image import BUILD, Image

ROOT_FROM_MB = 513
"""Where build.sh lets the root partition begin."""
GUEST = BUILD / "guest"
UNITS, RULES = "/etc/systemd/system", "/etc/udev/rules.d"


def card(file: Path, led_log: Path, board: Image, work: Path) -> Image:
    """The card image `file` for the machine of `board`: a copy in `work` that has the bench's agent and `led_log` too.

    No partition is mounted for that. Raises CalledProcessError.
    """
    disk = work / "card.img"
    subprocess.run(["cp", "--sparse=always", file, disk], check=True)
    wanted = {
        "/usr/local/sbin/bench-agent": (GUEST / "bench-agent", "0100755"),
        "/usr/local/bin/led-log": (led_log, "0100755"),
        f"{UNITS}/bench-agent.service": (GUEST / "bench-agent.service", "0100644"),
        f"{UNITS}/led-log.service": (GUEST / "led-log.service", "0100644"),
        f"{RULES}/99-bench-agent.rules": (GUEST / "bench-agent.rules", "0100644"),
    }
    lines = [f"mkdir {UNITS}/sysinit.target.wants"]  # which may be there
    for path, (source, mode) in wanted.items():
        lines += [f"write {source} {path}", f"set_inode_field {path} mode {mode}"]
    lines.append(f"symlink {UNITS}/sysinit.target.wants/led-log.service ../led-log.service")
    (work / "additions").write_text("\n".join([*lines, ""]))
    debugfs = shutil.which("debugfs", path="/usr/sbin:/sbin:/usr/bin") or "debugfs"
    filesystem = f"{disk}?offset={ROOT_FROM_MB << 20}"
    subprocess.run([debugfs, "-w", "-f", work / "additions", filesystem], check=True, capture_output=True)
    return replace(board, disk=disk, root="/dev/vda2")
