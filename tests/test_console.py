"""The console: what it draws, what it writes where nothing can be drawn, and that it leaves the terminal as it was."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError
from rich.console import Console as RichConsole

from fer_pi.drawing.palette import EMOTION_COLORS, STATUS_COLORS
from fer_pi.errors import OutputError
from fer_pi.outputs.console import Console, ConsoleOptions
from fer_pi.outputs.console_view import GLYPHS, live_view
from fer_pi.outputs.effects import DARK
from fer_pi.outputs.latency import spread
from fer_pi.outputs.looks import look_of
from fer_pi.testing.outputs import STATES_AND_MOODS, FakeTime, check_output_contract, reading_of
from fer_pi.types import EMOTIONS, Emotion, Reading, Status

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class FakeTty(io.StringIO):
    """A terminal that remembers all that was written to it."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def tty(monkeypatch: pytest.MonkeyPatch) -> FakeTty:
    """A standard output that is a colour terminal of 80 columns."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "40")
    for variable in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(variable, raising=False)
    return FakeTty()


@pytest.fixture
def opened(tty: FakeTty, time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Console]:
    """Makes a console on `tty`."""

    def console(**settings: Any) -> Console:
        monkeypatch.setattr(sys, "stdout", tty)  # not in the fixture: pytest sets stdout anew before the test
        return Console(options(**settings), clock=time.clock)

    return console


def options(**settings: Any) -> ConsoleOptions:
    return ConsoleOptions.model_validate_json(json.dumps({"kind": "console", **settings}))


def drawn(reading: Reading, light: tuple[float, float, float] = DARK, ages_s: tuple[float, ...] = ()) -> str:
    """The live view as text without colours."""
    terminal = RichConsole(file=io.StringIO(), width=80, color_system=None)
    terminal.print(live_view(reading, spread(ages_s), light))
    return str(terminal.file.getvalue())  # type: ignore[attr-defined]


def test_it_keeps_the_contract_of_outputs_live(tty: FakeTty, opened: Callable[..., Console]) -> None:
    def cursor_is_back() -> bool:
        return sys.stdout is tty and tty.getvalue().rfind(SHOW_CURSOR) > tty.getvalue().rfind(HIDE_CURSOR)

    check_output_contract(opened, cursor_is_back)
    assert HIDE_CURSOR in tty.getvalue()


def test_it_keeps_the_contract_of_outputs_in_lines(time: FakeTime, capsys: pytest.CaptureFixture[str]) -> None:
    check_output_contract(lambda: Console(options(), clock=time.clock), lambda: True)
    assert "\x1b" not in capsys.readouterr().out


def test_the_view_tells_mood_bars_people_rate_latency_camera_and_state() -> None:
    scores = [0.1, 0.5, 0.25, 0.125, 0.025, 0, 0, 0]
    text = drawn(reading_of(Emotion.HAPPINESS, strength=0.834, scores=scores, people=2), ages_s=(0.04, 0.05, 0.06))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    assert lines[0] == ":)  happiness  83%"
    bars = {line.split()[0]: line for line in lines[1:9]}
    assert list(bars) == [str(emotion) for emotion in EMOTIONS]
    assert [bars[name].count("█") for name in ("happiness", "surprise", "sadness", "fear")] == [16, 8, 4, 0]
    assert [bars[name].split()[-1] for name in ("happiness", "neutral", "fear")] == ["50%", "10%", "0%"]
    assert [re.sub(" +", " ", line) for line in lines[9:]] == [
        "people 2 people",
        "rate 25.0 a second, 2 frames dropped",
        "latency 50 ms (95% within 60 ms)",
        "camera a made-up camera",
        "LED",
        "status watching",
    ]


@pytest.mark.parametrize("reading", STATES_AND_MOODS)
def test_every_reading_can_be_drawn_and_named(reading: Reading) -> None:
    first = drawn(reading).split("\n")[1].strip()
    if reading.status is not Status.WATCHING:
        assert first == reading.status.value
    elif reading.mood.emotion is None:
        assert first == ":?  not sure"
    else:
        assert first.startswith(GLYPHS[reading.mood.emotion])
        assert reading.mood.emotion.value in first


def test_a_state_has_its_message_beside_it_even_with_brackets() -> None:
    text = drawn(reading_of(status=Status.NO_CAMERA, message="no [bold] camera [/]"))
    assert "no camera: no [bold] camera [/]" in text


def test_the_mood_has_its_colour_and_the_swatch_that_of_the_led(
    tty: FakeTty, time: FakeTime, opened: Callable[..., Console]
) -> None:
    output = opened()
    for reading in (reading_of(Emotion.DISGUST), reading_of(status=Status.PAUSED)):
        output.show(reading)
        time.now += 0.5
        output.show(reading)
    output.close()
    for color in (EMOTION_COLORS[Emotion.DISGUST], STATUS_COLORS[Status.PAUSED]):
        assert "38;2;{};{};{}m".format(*color) in tty.getvalue()
    for look in (look_of(reading_of(Emotion.DISGUST)), look_of(reading_of(status=Status.PAUSED))):
        swatch = [round(255 * channel) for channel in look.color_at(0.5)]
        assert "48;2;{};{};{}m        ".format(*swatch) in tty.getvalue()


def test_the_latency_is_of_the_last_five_seconds_and_counts_each_reading_once(
    tty: FakeTty, time: FakeTime, opened: Callable[..., Console]
) -> None:
    output = opened()
    for n in range(200):
        reading = reading_of(None, at=n / 10, age_s=0.9 if n < 149 else 0.030 if n < 199 else 0.6)
        for _ in range(1 + 100 * (n == 199)):  # as it is shown again and again when no new one comes
            time.now += 0.1
            output.show(reading)
    output.close()
    latest = tty.getvalue().rindex("latency")
    assert "30 ms (95% within 30 ms)" in tty.getvalue()[latest:]


def test_a_change_is_drawn_at_once_and_all_else_ten_times_a_second(
    tty: FakeTty, time: FakeTime, opened: Callable[..., Console]
) -> None:
    output = opened()
    drawings = []
    for n, emotion in enumerate([Emotion.FEAR] * 20 + [Emotion.ANGER] * 10):
        before = tty.getvalue().count("latency")
        output.show(reading_of(emotion, at=n / 40))
        drawings.append(tty.getvalue().count("latency") - before)
        time.now += 0.025
    output.close()
    assert [n for n, drawn in enumerate(drawings) if drawn] == [0, 4, 8, 12, 16, 20, 24, 28]


def test_without_a_terminal_there_is_one_plain_line_for_each_change(
    time: FakeTime, capsys: pytest.CaptureFixture[str]
) -> None:
    output = Console(options(), clock=time.clock, wall=lambda: datetime(2026, 11, 21, 12, 0, 1))
    for reading in (
        reading_of(status=Status.STARTING),
        reading_of(Emotion.FEAR, strength=0.83),
        reading_of(Emotion.FEAR, strength=0.2, people=2),
        reading_of(None, people=2),
        reading_of(status=Status.NO_CAMERA, message="unplugged"),
    ):
        output.show(reading)
        output.show(reading)
    output.close()
    assert capsys.readouterr().out.splitlines() == [
        "12:00:01 starting",
        "12:00:01 watching: fear 83%, 1 person, 40 ms",
        "12:00:01 watching: not sure, 2 people, 40 ms",
        "12:00:01 no camera: unplugged",
    ]


@pytest.mark.parametrize("variable", ["TERM=dumb", "encoding=ascii"])
def test_a_terminal_that_cannot_draw_gets_lines(
    tty: FakeTty, opened: Callable[..., Console], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    name, value = variable.split("=")
    if name == "TERM":
        monkeypatch.setenv(name, value)
    else:
        monkeypatch.setattr(tty, "encoding", value, raising=False)
    output = opened()
    output.show(reading_of(status=Status.FAULT, message="Kamera läuft nicht"))
    output.close()
    assert "\x1b" not in tty.getvalue()
    assert len(tty.getvalue().splitlines()) == 1


def test_style_chooses_whatever_stdout_is(tty: FakeTty, opened: Callable[..., Console]) -> None:
    output = opened(style="lines")
    output.show(reading_of())
    output.close()
    assert "\x1b" not in tty.getvalue()


def test_a_terminal_that_fails_is_an_output_error_and_stdout_is_given_back(
    tty: FakeTty, opened: Callable[..., Console]
) -> None:
    output = opened()
    tty.write = lambda text: (_ for _ in ()).throw(OSError(5, "Input/output error"))  # type: ignore[method-assign]
    with pytest.raises(OutputError, match="cannot write the terminal: Input/output error"):
        output.show(reading_of())
    with pytest.raises(OutputError):
        output.close()
    assert sys.stdout is tty
    output.close()


def test_a_reader_that_has_gone_does_not_end_the_process_but_the_output(
    tty: FakeTty, opened: Callable[..., Console]
) -> None:
    """rich would exit."""
    output = opened()
    tty.write = lambda text: (_ for _ in ()).throw(BrokenPipeError())  # type: ignore[method-assign]
    with pytest.raises(OutputError, match="closed by its reader") as caught:
        output.show(reading_of())
    assert isinstance(caught.value.__cause__, BrokenPipeError)
    with pytest.raises(OutputError):
        output.close()


CRASH = """
from fer_pi.outputs.console import Console, ConsoleOptions
from fer_pi.outputs.runner import OutputRunner
from fer_pi.testing.outputs import reading_of
import time
runner = OutputRunner("console", lambda: Console(ConsoleOptions()))
runner.offer(reading_of())
while not runner.state.shown: time.sleep(0.001)
raise RuntimeError("the loop crashed")
"""


def test_after_a_crash_of_the_loop_a_real_terminal_has_its_cursor_back() -> None:
    main, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "40", "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen([sys.executable, "-c", CRASH], stdout=terminal, stderr=subprocess.PIPE, env=environment)
    os.close(terminal)
    written = b""
    try:
        while chunk := os.read(main, 65536):
            written += chunk
    except OSError:  # how Linux tells that the other end of a terminal was closed
        pass
    finally:
        os.close(main)
    _, error = process.communicate(timeout=60)
    assert b"the loop crashed" in error
    assert HIDE_CURSOR.encode() in written
    assert written.rindex(SHOW_CURSOR.encode()) > written.rindex(HIDE_CURSOR.encode())


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValidationError, match="'auto', 'live' or 'lines'"):
        options(style="loud")
