"""Outputs in their threads: one slot, no waiting, and back-off."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise

import pytest

from fer_pi.errors import OutputError
from fer_pi.outputs.runner import OutputRunner, retry_after_s
from fer_pi.testing.outputs import FakeTime, RecordingOutput, reading_of
from fer_pi.types import Emotion, Output

Start = Callable[..., OutputRunner]


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def start(time: FakeTime) -> Iterator[Start]:
    """Starts runners on the fake time and closes them after the test."""
    with ExitStack() as running:

        def started(make: Callable[[], Output], name: str = "lamp", **options: float) -> OutputRunner:
            runner = OutputRunner(name, make, clock=time.clock, wait=time.wait, **options)
            running.callback(runner.close)
            return runner

        yield started


def has_shown(count: int) -> Callable[[RecordingOutput], bool]:
    return lambda output: len(output.shown) == count


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_output_is_made_and_shown_in_a_thread_of_its_own(start: Start) -> None:
    threads = []

    def make() -> Output:
        threads.append(threading.current_thread())
        return output

    output = RecordingOutput()
    runner = start(make)
    happy = reading_of(Emotion.HAPPINESS)
    runner.offer(happy)
    output.wait_until(lambda o: o.shown == [happy])
    assert threads[0] is not threading.current_thread()
    assert threads[0].daemon, "a blocked output must not hold up the exit"


def test_while_the_output_is_busy_only_the_newest_reading_is_kept(start: Start, time: FakeTime) -> None:
    output = RecordingOutput()
    output.block()
    runner = start(lambda: output)
    readings = [reading_of(at=float(n)) for n in range(5)]
    runner.offer(readings[0])
    output.wait_until(has_shown(1))
    for reading in readings[1:]:
        runner.offer(reading)
    output.unblock()
    output.wait_until(has_shown(2))
    time.waits()
    assert output.shown == [readings[0], readings[4]]
    assert (runner.state.shown, runner.state.dropped, runner.state.ok) == (2, 3, True)


def test_a_blocked_output_slows_neither_the_caller_nor_the_others_and_says_how_long(
    start: Start, time: FakeTime
) -> None:
    blocked, free = RecordingOutput(), RecordingOutput()
    blocked.block()
    stuck = start(lambda: blocked, "stuck", close_within_s=0.05)
    fine = start(lambda: free, "fine")
    stuck.offer(reading_of())
    blocked.wait_until(has_shown(1))
    for count in range(1, 101):
        stuck.offer(reading_of())
        fine.offer(reading_of())
        free.wait_until(has_shown(count))
    time.waits()
    time.now += 7.5
    assert stuck.state.stuck_s == 7.5
    assert fine.state.stuck_s == 0
    blocked.unblock()


def test_an_output_that_moves_is_shown_the_last_reading_again_after_refresh_s(start: Start, time: FakeTime) -> None:
    output = RecordingOutput(refresh_s=0.25)
    runner = start(lambda: output)
    first, second = reading_of(at=1.0), reading_of(at=2.0)
    assert time.waits() == [None], "with nothing to show there is nothing to refresh"
    runner.offer(first)
    output.wait_until(has_shown(1))
    time.advance(0.25)
    output.wait_until(has_shown(2))
    time.advance(0.1)
    assert time.waits() == [pytest.approx(0.15)], "too early"
    runner.offer(second)
    output.wait_until(has_shown(3))
    time.advance(0.25)
    output.wait_until(has_shown(4))
    assert output.shown == [first, first, second, second]
    assert runner.state.shown == 2, "showing again is not counted"


def test_an_output_that_does_not_move_is_not_shown_the_same_again(start: Start, time: FakeTime) -> None:
    output = RecordingOutput(refresh_s=None)
    runner = start(lambda: output)
    runner.offer(reading_of())
    output.wait_until(has_shown(1))
    assert time.waits() == [None]


def test_retries_double_from_one_second_to_thirty() -> None:
    assert [retry_after_s(n) for n in range(1, 9)] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert retry_after_s(10**6) == 30


def test_what_cannot_be_opened_is_tried_again_with_growing_pauses_and_one_warning(
    start: Start, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    attempts: list[float] = []
    output = RecordingOutput()

    def make() -> Output:
        attempts.append(time.now)
        if len(attempts) <= 7:
            raise OutputError("no lamp; plug it in")
        return output

    runner = start(make)
    reading = reading_of()
    runner.offer(reading)
    for pause in (1, 2, 4, 8, 16, 30, 30):
        assert time.waits() == [pause]
        assert not runner.state.ok
        assert runner.state.problem == "no lamp; plug it in"
        time.advance(pause)
    output.wait_until(lambda o: o.shown == [reading])
    time.waits()
    assert [after - before for before, after in pairwise(attempts)] == [1, 2, 4, 8, 16, 30, 30]
    state = runner.state
    assert (state.ok, state.problem, state.failures, state.since) == (True, "", 7, attempts[-1])
    assert warnings_in(caplog) == ["output lamp: no lamp; plug it in; trying again"]
    assert not any(record.exc_info for record in caplog.records), "an expected error needs no traceback"


def test_a_device_that_goes_away_is_closed_and_comes_back_with_the_reading_it_missed(
    start: Start, time: FakeTime
) -> None:
    outputs = [RecordingOutput(), RecordingOutput()]
    lives = iter(outputs)
    runner = start(lambda: next(lives))
    runner.offer(reading_of(at=1.0))
    outputs[0].wait_until(has_shown(1))
    outputs[0].fails_with = OutputError("unplugged")
    missed = reading_of(at=2.0)
    runner.offer(missed)
    outputs[0].wait_until(lambda o: o.closed == 1)
    assert time.waits() == [1.0]
    assert (runner.state.ok, runner.state.problem, runner.state.failures) == (False, "unplugged", 1)
    time.advance(1.0)
    outputs[1].wait_until(lambda o: o.shown == [missed])


def test_one_that_fails_again_at_once_warns_once_and_waits_longer_until_it_has_held(
    start: Start, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    outputs: list[RecordingOutput] = []

    def make() -> Output:
        outputs.append(RecordingOutput())
        return outputs[-1]

    runner = start(make)
    for pause in (1, 2, 4):
        runner.offer(reading_of())
        while not outputs:
            time.waits()
        outputs[-1].wait_until(lambda o: len(o.shown) >= 1)
        time.waits()
        outputs[-1].fails_with = OutputError("loose contact")
        runner.offer(reading_of())
        outputs[-1].wait_until(lambda o: o.closed == 1)
        assert time.waits() == [pause]
        time.advance(pause)
        outputs[-1].wait_until(has_shown(1))
    assert warnings_in(caplog) == ["output lamp: loose contact; trying again"]
    time.advance(60)
    runner.offer(reading_of())
    outputs[-1].wait_until(has_shown(2))
    time.waits()
    assert caplog.messages[-1] == "output lamp works again"
    outputs[-1].fails_with = OutputError("loose contact")
    runner.offer(reading_of())
    outputs[-1].wait_until(lambda o: o.closed == 1)
    assert time.waits() == [1.0], "after a good spell the pauses begin anew"
    assert len(warnings_in(caplog)) == 2


def test_a_bug_in_an_output_is_logged_once_with_its_traceback_and_retried(
    start: Start, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    def make() -> Output:
        raise ZeroDivisionError("a bug")

    start(make)
    for pause in (1, 2, 4):
        assert time.waits() == [pause]
        time.advance(pause)
    time.waits()
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == ["output lamp: ZeroDivisionError: a bug; trying again"]
    assert errors[0].exc_info


def test_another_problem_in_the_same_outage_is_told(
    start: Start, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    problems = iter(["no lamp", "no lamp", "no permission", "no permission"])

    def make() -> Output:
        raise OutputError(next(problems, "no permission"))

    start(make)
    for pause in (1, 2, 4):
        assert time.waits() == [pause]
        time.advance(pause)
    time.waits()
    assert warnings_in(caplog) == ["output lamp: no lamp; trying again", "output lamp: no permission; trying again"]


def test_a_reader_that_has_gone_ends_the_output_without_a_warning(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    output = RecordingOutput()
    output.fails_with = OutputError("standard output was closed by its reader")
    output.fails_with.__cause__ = BrokenPipeError()
    runner = start(lambda: output)
    runner.offer(reading_of())
    output.wait_until(lambda o: o.closed == 1)
    runner._thread.join(5)
    state = runner.state
    assert (state.ok, state.ended, state.problem) == (False, True, "standard output was closed by its reader")
    runner.offer(reading_of())
    assert runner.state.dropped == 0
    assert warnings_in(caplog) == []


def test_close_darkens_the_output_ends_the_thread_and_may_be_called_twice(start: Start) -> None:
    output = RecordingOutput(refresh_s=0.1)
    runner = start(lambda: output)
    runner.offer(reading_of())
    output.wait_until(has_shown(1))
    runner.close()
    runner.close()
    assert output.closed == 1
    assert not runner._thread.is_alive()
    assert (runner.state.ok, runner.state.ended, runner.state.stuck_s) == (False, True, 0)
    runner.offer(reading_of())
    assert len(output.shown) == 1


def test_close_ends_the_pause_before_a_retry(start: Start, time: FakeTime) -> None:
    def make() -> Output:
        raise OutputError("no lamp")

    runner = start(make)
    assert time.waits() == [1.0]
    runner.close()
    assert not runner._thread.is_alive()


def test_a_blocked_output_does_not_hang_close_and_goes_dark_when_it_comes_to(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    output = RecordingOutput()
    output.block()
    runner = start(lambda: output, close_within_s=0.01)
    runner.offer(reading_of())
    output.wait_until(has_shown(1))
    runner.close()
    runner.close()
    assert [m.partition(" has")[0] for m in warnings_in(caplog)] == ["output lamp"]
    assert "left behind" in warnings_in(caplog)[0]
    output.unblock()
    output.wait_until(lambda o: o.closed == 1)


def test_an_output_that_fails_to_close_is_told_of_and_does_not_stop_the_rest(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    class Stubborn(RecordingOutput):
        def close(self) -> None:
            super().close()
            raise OSError("will not")

    output = Stubborn()
    runner = start(lambda: output)
    runner.offer(reading_of())
    output.wait_until(has_shown(1))
    runner.close()
    assert not runner._thread.is_alive()
    assert warnings_in(caplog) == ["output lamp did not close properly: will not"]
