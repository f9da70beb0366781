"""What a person sees of `fer-pi analyze`: progress while it runs, a summary of each input at the end."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from rich.console import Console as Terminal
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from fer_pi.drawing.words import outcome
from fer_pi.sources.replay import frame_count
from fer_pi.types import Reading


@dataclass(slots=True)
class Tally:
    """What was seen in one input."""

    source: str
    frames: int = 0
    with_faces: int = 0
    people: int = 0
    """Most faces in one frame."""
    moods: Counter[str] = field(default_factory=Counter)
    """Frames of each mood; "not sure" and "nobody" too."""


class Progress:
    """A progress bar on stderr (none if that is no terminal) that also counts what was seen."""

    def __init__(self, files: Sequence[Path]) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        terminal = Terminal(stderr=True)
        self.tallies: list[Tally] = []
        self._bars = Bars(*columns, console=terminal, transient=True, disable=not terminal.is_terminal)
        self._task = self._bars.add_task("analysing", total=sum(map(frame_count, files)) or None)

    def __enter__(self) -> "Progress":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def advance(self, reading: Reading) -> None:
        """Count one more frame."""
        source = reading.frame.source if reading.frame else ""
        if not self.tallies or self.tallies[-1].source != source:
            self.tallies.append(Tally(source))
            self._bars.update(self._task, description=Path(source).name)
        tally = self.tallies[-1]
        tally.frames += 1
        tally.with_faces += bool(reading.sightings)
        tally.people = max(tally.people, len(reading.sightings))
        tally.moods[outcome(reading)] += 1
        self._bars.advance(self._task)


def print_summary(tallies: Sequence[Tally]) -> None:
    """One row an input: frames, faces, and the share of each mood."""
    table = Table()
    for name in ("input", "frames", "with faces", "people", "mood"):
        table.add_column(name, justify="left" if name in ("input", "mood") else "right", overflow="fold")
    for tally in tallies:
        shares = (f"{mood} {100 * count / tally.frames:.0f} %" for mood, count in tally.moods.most_common(4))
        table.add_row(tally.source, str(tally.frames), str(tally.with_faces), str(tally.people), ", ".join(shares))
    Terminal().print(table)
