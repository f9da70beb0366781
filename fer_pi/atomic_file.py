"""A file that is replaced whole or not at all, whatever happens meanwhile: a crash, a full disk, a power cut."""

import contextlib
import os
from pathlib import Path


def replace_file(path: Path, content: bytes, *, mode: int = 0o644, durable: bool = True) -> None:
    """Make `content` the content of `path`, with permissions `mode`; readers see the old or the new one, never half.

    durable: after the return it also survives a power cut. Without it, for files in memory, nothing is waited for.
    Raises OSError, and then the old file is as it was.
    """
    # Always the same name, so that no number of crashes leaves more than one scrap, which the next writing clears away.
    scrap = path.with_name(f".{path.name}.new")
    scrap.unlink(missing_ok=True)
    try:
        with scrap.open("xb") as file:
            os.fchmod(file.fileno(), mode)  # before there is anything to read
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        scrap.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            scrap.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Let what was created, renamed or removed in `folder` survive a power cut. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
