"""What a scenario may do with a machine that runs fer_pi, be it an emulated Raspberry Pi or a container."""

from pathlib import Path
from typing import Protocol


class CommandError(Exception):
    """A command on the machine ended with something else than 0; `output` is what it had said."""

    def __init__(self, command: str, status: int, output: str) -> None:
        super().__init__(f"`{command}` ended with {status}: {output.strip()[-2000:]}")
        self.status = status
        self.output = output


class Machine(Protocol):
    """A Linux with systemd, to which root's commands go. Every method raises OSError if the machine is gone."""

    name: str
    """What to call it in reports."""

    def boot(self) -> float:
        """Switch it on, and return the seconds until it took commands; a machine that runs is left as it is (0.0)."""
        ...

    def cut_power(self) -> None:
        """Pull the plug: what was not on the disk is lost, nothing is shut down. `boot` starts it again."""
        ...

    def run(self, command: str, timeout_s: float = 60.0) -> str:
        """What `command`, given to bash as root, has said on standard output and error.

        Raises CommandError if it ended with something else than 0, TimeoutError if it did not end in time.
        """
        ...

    def put(self, content: bytes, path: str) -> None:
        """Make the file `path` on the machine hold `content`; its folder must be there."""
        ...

    def get(self, path: str) -> bytes:
        """The content of the file `path` on the machine. Raises FileNotFoundError if there is none."""
        ...

    def files_of(self, folder: Path) -> str:
        """A path on the machine at which the content of `folder`, of this computer, can be read."""
        ...

    def close(self) -> None:
        """Switch it off for good, and release what it held; twice is fine."""
        ...
