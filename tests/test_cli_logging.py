"""Log lines go to whatever standard error is at the moment."""

import io
import logging
import os
import sys
from collections.abc import Iterator

import pytest

from fer_pi.cli_logging import PresentStderr, hush_ffmpeg, log_to_stderr


class Screen(io.StringIO):
    """A terminal, in memory."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_view_that_takes_over_standard_error_gets_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    first, view = Screen(), Screen()
    monkeypatch.setattr(sys, "stderr", first)
    log_to_stderr(0, False)
    logging.getLogger("fer_pi").info("before")
    view.rich_proxied_file = first  # type: ignore[attr-defined]  # as rich marks what stands in for standard error
    monkeypatch.setattr(sys, "stderr", view)
    logging.getLogger("fer_pi").info("meanwhile")
    assert "before" in first.getvalue()
    assert "meanwhile" not in first.getvalue()
    assert "meanwhile" in view.getvalue()


@pytest.mark.parametrize(
    ("verbose", "quiet", "shown"),
    [(0, False, ["info", "error"]), (0, True, ["error"]), (1, False, ["debug", "info", "error"])],
)
def test_how_much_is_said(verbose: int, quiet: bool, shown: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(verbose, quiet)
    for level in ("debug", "info", "error"):
        getattr(logging.getLogger("fer_pi"), level)(level)
    assert [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()] == shown


def test_the_present_standard_error_is_a_terminal_if_that_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Screen())
    assert PresentStderr().isatty()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not PresentStderr().isatty()


def test_ffmpeg_says_only_what_it_cannot_go_on_after_unless_the_user_wants_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENCV_FFMPEG_LOGLEVEL", "48")
    hush_ffmpeg()
    assert os.environ["OPENCV_FFMPEG_LOGLEVEL"] == "48"
    monkeypatch.delenv("OPENCV_FFMPEG_LOGLEVEL")
    hush_ffmpeg()
    assert os.environ["OPENCV_FFMPEG_LOGLEVEL"] == "8"
