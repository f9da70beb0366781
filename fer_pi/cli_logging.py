"""Where the command's log lines go: to standard error, and above a live view that is being drawn."""

import logging
import os
import sys
from typing import IO, cast


def log_to_stderr(verbose: int, quiet: bool) -> None:
    """Have every module's log lines shown: what is wrong (quiet), what changes, or (verbose) every detail."""
    level = logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO
    if sys.stderr.isatty():
        from rich.console import Console as Terminal  # which the service, with no terminal, need not wait for
        from rich.logging import RichHandler

        terminal = Terminal(file=cast(IO[str], PresentStderr()))
        handler: logging.Handler = RichHandler(console=terminal, show_path=verbose > 1, rich_tracebacks=False)
        form = "%(message)s"
    else:
        handler = logging.StreamHandler()
        form = "%(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=level, format=form, handlers=[handler], force=True)
    if verbose < 2:
        logging.getLogger("PIL").setLevel(logging.WARNING)


def hush_ffmpeg() -> None:
    """Have FFmpeg say nothing of its own of a file that it cannot read: our errors and warnings say it with the name.

    OpenCV reads the level when it first needs FFmpeg, and from nowhere else; one that the user has set stands.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _AV_LOG_FATAL)


_AV_LOG_FATAL = "8"
"""Only what FFmpeg cannot go on after."""


class PresentStderr:
    """Whatever sys.stderr is at the moment: the live console puts itself there, to print above its view.

    rich itself would write past it, into the midst of the view.
    """

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()
