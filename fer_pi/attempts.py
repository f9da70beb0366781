"""How often in a row, since the board was switched on, the program ended early with a configuration.

A configuration can be free of mistakes and still bring the program down: a model that crashes its runtime, a mode that
crashes the camera's driver. Whoever starts it again and again with the same one never gets a light.
"""

import hashlib
from pathlib import Path

from fer_pi.atomic_file import replace_file

NAME = "attempts"
"""The name of the record in the state folder: a boot, a configuration (its SHA-256), how often it was begun with."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Attempts:
    """Counts beginnings; without a folder, or where that cannot be written, there is never one to tell of."""

    def __init__(self, folder: Path | None, boot_id: Path = BOOT_ID) -> None:
        """A power cut is no fault of the configuration: with a new `boot_id` the counting begins anew."""
        self._record = folder / NAME if folder else None
        self._boot_id = boot_id

    def begin(self, content: bytes) -> int:
        """Note a beginning with `content`; returns how many before it, in a row, were not followed by `forget`."""
        if self._record is None:
            return 0
        try:
            about = f"{self._boot_id.read_text().strip()} {hashlib.sha256(content).hexdigest()}"
            before = self._noted(self._record, about)
            replace_file(self._record, f"{about} {before + 1}\n".encode(), durable=False)
        except OSError:
            return 0
        return before

    def forget(self) -> None:
        """It has run well, or was stopped in good order."""
        if self._record is not None:
            try:
                self._record.unlink(missing_ok=True)
            except OSError:
                return

    @staticmethod
    def _noted(record: Path, about: str) -> int:
        try:
            before, _, count = record.read_text().rpartition(" ")
        except (FileNotFoundError, UnicodeDecodeError):
            return 0
        return int(count) if before == about and count.strip().isdecimal() else 0
