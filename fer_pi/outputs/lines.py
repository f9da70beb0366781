"""Lines of text, to standard output or to a file that rotates; each is flushed, and each failure names its remedy."""

import errno
import os
import resource
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Protocol

from fer_pi.errors import OutputError

REMEDIES = {
    errno.ENOSPC: "free some space, or lower max_bytes and keep",
    errno.EDQUOT: "free some space, or lower max_bytes and keep",
    errno.EFBIG: "lower max_bytes, or raise what the program may write: LimitFSIZE of the service",
    errno.EROFS: "name a path on a file system that can be written to",
    errno.EACCES: "give the user of this program the right to write there, or name another path",
    errno.EPERM: "give the user of this program the right to write there, or name another path",
    errno.ENOENT: "make the folder, or name another path",
    errno.ENOTDIR: "name a path whose folders are folders",
    errno.EIO: "check the disk or SD card",
}
"""What a person can do about an error of the file system."""


class Lines(Protocol):
    """Where lines go."""

    def write(self, line: str) -> None:
        """Write and flush one line, given without its end. Raises OutputError."""

    def close(self) -> None:
        """Release it; twice is fine."""


class StdoutLines:
    """Lines on standard output, which stays open."""

    def write(self, line: str) -> None:
        try:
            # A letter that this stdout cannot carry is escaped rather than the end of it.
            encoding = sys.stdout.encoding or "utf-8"
            sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
            sys.stdout.flush()
        except BrokenPipeError as error:
            silence_stdout()
            raise OutputError("standard output was closed by its reader") from error
        except (OSError, ValueError) as error:
            raise unwritable("standard output", error) from error

    def close(self) -> None:
        """Nothing to release."""


class RotatingLines:
    """Lines at the end of a file; when it is full it becomes path.1, what was path.1 becomes path.2, and so on."""

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._file: BinaryIO | None = None
        self._open()

    def write(self, line: str) -> None:
        data = line.encode() + b"\n"
        try:
            if self._file is None:
                self._open()
            assert self._file is not None
            if self._size > 0 and self._size + len(data) > self._max_bytes:
                self._rotate()
            written = self._file.write(data)
            self._size += written
            if written < len(data):  # the last bytes of a disk, or of what this program may write
                limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
                cause = errno.EFBIG if self._size == limit else errno.ENOSPC
                raise OSError(cause, os.strerror(cause))
        except OSError as error:
            self.close()
            raise unwritable(f"event log {self._path}", error) from error

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _open(self) -> None:
        try:
            if self._path.exists() and not self._path.is_file():
                raise OutputError(f"cannot write event log {self._path}: it is no file; name another path")
            # Unbuffered: after a failed write nothing is left over that would fail once more on closing.
            self._file = self._path.open("ab", buffering=0)
            self._size = self._path.stat().st_size
            if self._size and not _ends_with_newline(self._path):  # the power failed, or the disk was full
                self._size += self._file.write(b"\n")
        except OutputError:
            raise
        except OSError as error:
            self.close()
            raise unwritable(f"event log {self._path}", error) from error

    def _rotate(self) -> None:
        self.close()
        if self._keep == 0:
            self._path.unlink()
        else:
            names = [self._path, *(Path(f"{self._path}.{number}") for number in range(1, self._keep + 1))]
            for younger, older in reversed(list(pairwise(names))):
                if younger.exists():
                    younger.replace(older)
        self._open()


def unwritable(thing: str, error: OSError | ValueError) -> OutputError:
    """What to raise when `thing` cannot be written, with the remedy."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    remedy = REMEDIES.get(error.errno or 0, "") if isinstance(error, OSError) else ""
    return OutputError(f"cannot write {thing}: {reason}{f'; {remedy}' if remedy else ''}")


def silence_stdout() -> None:
    """Lead standard output nowhere, once its reader has gone, so that Python's flush at exit does not complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        with suppress(OSError, ValueError):  # a stdout that is no file needs no such care
            os.dup2(nowhere, sys.stdout.fileno())
    finally:
        os.close(nowhere)


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
