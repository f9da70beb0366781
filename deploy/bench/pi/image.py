"""Builds what the emulated Raspberry Pi boots, and only what has changed since the last time."""

import hashlib
import logging
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deploy.bench.package import offline_package

log = logging.getLogger(__name__)

BUILD = Path(__file__).parent / "build"
TOOLS = ("mmdebstrap", "qemu-system-aarch64", "qemu-aarch64-static", "aarch64-linux-gnu-gcc", "dtc", "cpio", "mke2fs")
BINFMT = Path("/proc/sys/fs/binfmt_misc")

PROCESSORS = 2
MEMORY_MB = 1024


@dataclass(frozen=True, slots=True)
class Image:
    """A Raspberry Pi's card, and what QEMU needs beside it; nothing in it is ever written to."""

    kernel: Path
    initrd: Path
    disk: Path
    device_tree: Path
    package: Path
    """What was installed: the folder with install.sh and the wheels."""
    root: str = "/dev/vda"
    """Where the root filesystem is on the disk."""


def missing() -> str:
    """What this computer lacks, with the remedy; empty if it can build and boot the image."""
    lacking = [name for name in TOOLS if shutil.which(name) is None]
    return f"{', '.join(lacking)} not found; deploy/bench/pi/build/tools.sh installs them" if lacking else ""


def as_built(cache: Path) -> Image:
    """The image that was built last in the folder `cache`."""
    disk = cache / "disk"
    package = cache / "fer_pi-bookworm-aarch64"
    return Image(disk / "vmlinuz", disk / "initrd.gz", disk / "root.ext4", cache / "pi.dtb", package)


def built(cache: Path) -> Image:
    """The image with fer_pi as it stands here. Raises CalledProcessError."""
    cache.mkdir(parents=True, exist_ok=True)
    _let_arm64_run()
    package = offline_package(cache, "bookworm", "aarch64")
    base, kernel, root, disk, tree = (cache / name for name in ("base", "kernel", "installed", "disk", "pi.dtb"))
    _step([BUILD / "rootfs.sh"], base)
    _step([BUILD / "kernel.sh", cache / "kernel-packages"], kernel)
    _step([BUILD / "device_tree.sh"], tree, PROCESSORS, MEMORY_MB)
    parts = [*sorted((BUILD / "guest").iterdir()), *sorted((package / "systemd").iterdir())]
    for pattern in ("*.sh", "*.rules", "constraints-*.txt", "appliance/*", "wheelhouse/*.whl"):
        parts += sorted((package / "deploy").glob(pattern))
    fresh = _step([BUILD / "installed.sh", base, kernel, package], root, of=parts)
    _step([BUILD / "disk.sh", root, kernel], disk, of=[BUILD / "guest/init"], anew=fresh)
    return as_built(cache)


def _step(call: list[Path], out: Path, *more: object, of: Iterable[Path] = (), anew: bool = False) -> bool:
    """Run a script that makes `out`, unless it was made by the same script of the same files; whether it was run."""
    made_of = out.with_name(f"{out.name}.made-of")
    digest = hashlib.sha256(call[0].read_bytes() + repr(more).encode())
    for path in of:
        digest.update(path.name.encode() + path.read_bytes())
    if not anew and out.exists() and made_of.exists() and made_of.read_text() == digest.hexdigest():
        return False
    log.info("building %s", out.name)
    made_of.unlink(missing_ok=True)
    subprocess.run([*map(str, call), str(out), *map(str, more)], check=True)
    made_of.write_text(digest.hexdigest())
    return True


def _let_arm64_run() -> None:
    """Programs for arm64 are run by qemu-user; in a container nobody may have told the kernel yet."""
    if not (BINFMT / "status").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], check=True)
    if not (BINFMT / "qemu-aarch64").exists():
        (BINFMT / "register").write_bytes(Path("/usr/lib/binfmt.d/qemu-aarch64.conf").read_bytes())
