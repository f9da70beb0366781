"""Which configuration is used: the card's, else the system's; and if that is bad, the last one that ran well."""

import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fer_pi.atomic_file import replace_file
from fer_pi.attempts import Attempts
from fer_pi.config import Config, load_config
from fer_pi.device import first_light
from fer_pi.errors import ConfigError, FerPiError
from fer_pi.types import Reading

log = logging.getLogger(__name__)

LAST_GOOD = "config.yaml.last-good"
"""The name, in the state folder, of the copy of the last configuration that ran well, or that `check` remembered."""

GOOD_AFTER_S = 10.0
"""A configuration has run well once the loop has used it for this long."""

ATTEMPTS = 3
"""After as many early ends in a row with the configuration that is meant, another one is tried."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A configuration that can be used."""

    config: Config
    path: Path
    """The file that it came from."""
    content: bytes
    """That file, as it was."""
    fault: str = ""
    """Why it is used in the place of another one, in one line for people; empty if it is the one that was meant."""


class ConfigFiles:
    """The places where a configuration may stand; `current` is the choice made last."""

    def __init__(self, system: Path, card: Path | None = None, state: Path | None = None) -> None:
        """`system` is used unless `card` exists; `state` is the folder for the last good one, None to keep none."""
        self._system = system
        self._card = card
        self._last_good = state / LAST_GOOD if state else None
        self._attempts = Attempts(state)
        self._tried: set[Path] = set()
        self.current: Choice | None = None

    def at_start(self) -> Choice:
        """The configuration to begin with: the one that is meant, unless it is bad or has ended the program too often.

        Raises ConfigError if it is bad and there is no other.
        """
        try:
            choice = self.at_reload()
        except ConfigError as error:
            return self.instead_after(error)
        if self._attempts.begin(choice.content) < ATTEMPTS:
            return choice
        why = f"{choice.path}: the program ended {ATTEMPTS} times in a row within {GOOD_AFTER_S:g} s of using it"
        try:
            return self.instead_after(ConfigError(why), choice.content)
        except ConfigError:  # no other to try: perhaps the cause goes away by itself
            return choice

    def at_reload(self) -> Choice:
        """The configuration that is meant. Raises ConfigError if it is bad."""
        self.current = self._meant()
        self._tried = {self.current.path}
        return self.current

    def instead_after(self, error: FerPiError, refused: bytes | None = None) -> Choice:
        """What to use where the configuration that is meant cannot be: the last good one, else that of the system.

        Called again, it goes on to the next; a copy of what was `refused` is no other. Raises `error` itself if there
        is none left.
        """
        others = [self._last_good] if self._last_good and _is_there(self._last_good) else []
        others += [self._system] if self._uses_card() else []
        for path in others:
            if path in self._tried:
                continue
            self._tried.add(path)
            try:
                choice = _read(path)
            except ConfigError as worse:
                log.error("nor can this one:\n%s", worse)
                continue
            if choice.content == refused:
                continue
            log.error("this configuration cannot be used, %s is used instead:\n%s", path, error)
            which = "the last good configuration" if path == self._last_good else str(path)
            self.current = replace(choice, fault=f"{in_short(error)}; {which} is used instead")
            return self.current
        raise error

    def ended_well(self) -> None:
        """The program was told to end, and did: no mark against the configuration."""
        self._attempts.forget()

    def keep(self, choice: Choice) -> bool:
        """Remember `choice` as the last good one; whether that could be done: else it is a warning, no more."""
        if not choice.fault:
            self._attempts.forget()
        if self._last_good is None:
            return False
        lights = [options.first_light() for options in choice.config.outputs]
        levels = {pin: high for light in lights for pin, high in light.items()}
        try:
            if _changed(self._last_good, choice.content):
                log.info("%s is kept as the last good configuration", choice.path)
            _changed(self._last_good.with_name(first_light.NAME), first_light.noted(levels, choice.content))
        except OSError as error:
            log.warning("the last good configuration cannot be kept as %s: %s", self._last_good, error.strerror)
            return False
        return True

    def _uses_card(self) -> bool:
        return self._card is not None and _is_there(self._card)

    def _meant(self) -> Choice:
        if self._card is None:
            return _read(self._system)
        if not _is_there(self._card):
            write_complaints(self._card, None)
            return _read(self._system)
        try:
            choice = _read(self._card)
        except ConfigError as error:
            write_complaints(self._card, error)
            raise
        write_complaints(self._card, None)
        return choice


class LastGood:
    """Takes readings from the loop, and keeps the current choice once it has run well."""

    def __init__(self, files: ConfigFiles, running: Callable[[], Config]) -> None:
        """`running` returns the configuration that the loop uses; a choice may still have been refused there."""
        self._files = files
        self._running = running
        self._watched: Choice | None = None
        self._since = 0.0
        self._kept = False

    def offer(self, reading: Reading) -> None:
        """Look whether it is time."""
        choice = self._files.current
        if choice is None or choice.config is not self._running():
            self._watched = None
        elif choice is not self._watched:
            self._watched, self._since, self._kept = choice, reading.made_at, False
        elif not self._kept and reading.made_at - self._since >= GOOD_AFTER_S:
            self._kept = True
            self._files.keep(choice)

    def close(self) -> None:
        """Nothing to release."""


def in_short(error: FerPiError) -> str:
    """The first complaint, without the folder that a small screen has no room for."""
    return re.sub(r"^\S*/", "", str(error).splitlines()[0])


def complaints_file(path: Path) -> Path:
    """Where the complaints about the configuration `path` stand for those who see nothing but the card."""
    return path.with_name(f"{path.name}.errors.txt")


def write_complaints(path: Path, error: FerPiError | None) -> None:
    """Make the file beside the configuration `path` say what is wrong with it; None removes that file.

    Where this may not write, as in the sandbox of the service, nothing changes.
    """
    beside = complaints_file(path)
    try:
        if error is None:
            beside.unlink(missing_ok=True)
            return
        text = (
            f"{path.name} is not used, for:\n\n{error}\n\n"
            "file:line:column of each mistake stands before it. Mend them, and start again; until then the last good\n"
            "configuration is used. This file goes away by itself.\n"
        ).encode()
        _changed(beside, text)
    except OSError as refused:
        log.debug("%s is left as it is: %s", beside, refused.strerror)


def _changed(path: Path, content: bytes) -> bool:
    """Whether the file had to be replaced to have this content. Raises OSError."""
    if _is_there(path) and path.read_bytes() == content:
        return False
    replace_file(path, content)
    return True


def _read(path: Path) -> Choice:
    return Choice(load_config(path), path, path.read_bytes())


def _is_there(path: Path) -> bool:
    return os.access(path, os.F_OK)
