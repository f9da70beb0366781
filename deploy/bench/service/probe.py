"""Run in the place of fer-pi, as its unit has it: tells, as a line of JSON, where it can write, what it can reach."""

import json
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def written(kilobytes: int) -> list[str]:
    """Every folder that takes a file larger than that."""
    found = []
    for folder, below, _ in os.walk("/"):
        if folder == "/proc":
            below.clear()
            continue
        path = Path(folder, "picture.jpg")
        try:
            with path.open("xb") as file:
                file.write(os.urandom(1024 * kilobytes + 1))
            found.append(folder)
        except OSError:
            pass
        finally:
            with suppress(OSError):
                path.unlink()
    return sorted(found)


def said_to(what: Callable[[], object]) -> str:
    """What the system says to it."""
    try:
        what()
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)
    return "yes"


def device(path: str) -> None:
    """Open a device for reading and writing."""
    os.close(os.open(path, os.O_RDWR))


def connection(address: str) -> None:
    """Reach another computer."""
    socket.create_connection((address, 22), timeout=2).close()


json.dump(
    {
        "written": {kilobytes: written(kilobytes) for kilobytes in (16, 32)},
        "user": os.getuid(),
        "passwords": said_to(lambda: Path("/etc/shadow").read_bytes()),
        "unlisted device": said_to(lambda: device("/dev/unlisted")),
        "listed device": said_to(lambda: device("/dev/listed")),
        "network": said_to(lambda: connection("10.93.0.1")),
        "this computer": said_to(lambda: connection("127.0.0.1")),
    },
    sys.stdout,
)
print()
