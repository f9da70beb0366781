"""What is copied to a machine without network: deploy and systemd with all wheels; and spoilt ones, for tries."""

import base64
import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent.parent


def offline_package(cache: Path, stack: str, processor: str) -> Path:
    """A folder to be copied as it is, with fer_pi as it stands here; what that needs is fetched only if it has changed.

    `stack` and `processor` are those of deploy/wheelhouse.sh. Raises CalledProcessError.
    """
    folder = cache / f"fer_pi-{stack}-{processor}"
    house = folder / "deploy/wheelhouse"
    made_of = folder.with_suffix(".made-of")
    needs = _digest((REPOSITORY / f"deploy/constraints-{stack}.txt").read_bytes())
    fresh = made_of.exists() and made_of.read_text() == needs
    _copy_of_repository(folder, keeping=house if fresh else None)
    if not fresh:
        subprocess.run([folder / "deploy/wheelhouse.sh", stack, processor], check=True)
        made_of.write_text(needs)
    for old in house.glob("fer_pi-*.whl"):
        old.unlink()
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(house), str(folder)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    return folder


def spoilt(package: Path, name: str, replaced: Mapping[str, bytes]) -> Path:
    """A copy of `package` beside it, `name`, in whose wheel of fer_pi the files `replaced` have another content."""
    folder = package.with_name(name)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(package, folder, copy_function=_linked)
    (wheel,) = (folder / "deploy/wheelhouse").glob("fer_pi-*.whl")
    with zipfile.ZipFile(wheel) as old:
        content = {entry: old.read(entry) for entry in old.namelist()}
    (record,) = (entry for entry in content if entry.endswith(".dist-info/RECORD"))
    for path, bytes_ in replaced.items():
        if path not in content:
            raise FileNotFoundError(f"{wheel.name} has no {path}")
        content[path] = bytes_
    lines = [line for line in content[record].decode().splitlines() if line.split(",")[0] not in replaced]
    lines += [f"{path},sha256={_digest(bytes_)},{len(bytes_)}" for path, bytes_ in replaced.items()]
    content[record] = "\n".join([*lines, ""]).encode()
    wheel.unlink()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as new:
        for path, bytes_ in content.items():
            new.writestr(path, bytes_)
    return folder


def _copy_of_repository(folder: Path, keeping: Path | None) -> None:
    """All but what git ignores, as it lies here; of what was in `folder` before, nothing but `keeping` stays."""
    kept = folder.with_name(f"{folder.name}.kept")
    if keeping and keeping.exists():
        shutil.rmtree(kept, ignore_errors=True)
        keeping.rename(kept)
    shutil.rmtree(folder, ignore_errors=True)
    list_all = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(list_all, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (source := REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / name)
    if keeping and kept.exists():
        kept.rename(keeping)


def _linked(source: str, target: str) -> None:
    """A second name for a large file instead of a copy."""
    Path(target).hardlink_to(source)


def _digest(content: bytes) -> str:
    """As RECORD has it."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
