"""Runs each output in its own thread, with one slot for the newest reading, and brings it back when it fails."""

import atexit
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from fer_pi.errors import OutputError
from fer_pi.types import Output, Reading

log = logging.getLogger(__name__)

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 30.0

Wait = Callable[[threading.Condition, float | None], object]
"""Waits on a condition (its lock is held) until notified, or for so many seconds; None: for ever."""


def retry_after_s(failures: int) -> float:
    """Seconds to wait after so many failures in a row (1 or more): 1, 2, 4, ... 30."""
    return float(min(FIRST_RETRY_S * 2 ** (min(failures, 16) - 1), LONGEST_RETRY_S))


@dataclass(frozen=True, slots=True)
class RunnerState:
    """How an output is doing."""

    ok: bool
    """It has shown the last reading that it took; False until it has shown one."""
    problem: str
    """What is wrong, in one line for people; empty while nothing is."""
    ended: bool
    """It will not be tried again: it was closed, or the reader of its pipe has gone."""
    since: float
    """Seconds on the runner's clock at which `ok` last changed."""
    shown: int
    """Readings shown."""
    dropped: int
    """Readings that a newer one replaced before they could be shown."""
    failures: int
    """Times that opening or showing failed."""
    stuck_s: float
    """For how long the present opening, showing or closing has been under way; 0 while it waits for work."""


class OutputRunner:
    """Owns one output and its thread. `offer` never waits for the output, whatever that does."""

    def __init__(
        self,
        name: str,
        make: Callable[[], Output],
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Wait = threading.Condition.wait,
        close_within_s: float = 2.0,
    ) -> None:
        """Start the thread, which calls `make` at once and again after each failure.

        `name` is for the log and for people; `close_within_s` is how long `close` waits for a blocked output.
        """
        self.name = name
        self._make = make
        self._clock = clock
        self._wait = wait
        self._close_within_s = close_within_s
        self._changed = threading.Condition()  # guards all below
        self._slot: Reading | None = None
        self._closing = False
        self._ended = False
        self._ok = False
        self._problem = ""
        self._since = clock()
        self._busy_since: float | None = None
        self._shown = self._dropped = self._failures = 0
        self._failures_in_a_row = 0
        # A daemon, so that a blocked device cannot hold up the exit; `atexit` still runs while daemons live.
        self._thread = threading.Thread(target=self._run, name=f"output {name}", daemon=True)
        atexit.register(self.close)
        self._thread.start()

    def offer(self, reading: Reading) -> None:
        """Have `reading` shown, instead of any that has not been shown yet; returns at once."""
        with self._changed:
            if self._closing or self._ended:
                return
            self._dropped += self._slot is not None
            self._slot = reading
            self._changed.notify_all()

    @property
    def state(self) -> RunnerState:
        with self._changed:
            busy_s = 0.0 if self._busy_since is None else self._clock() - self._busy_since
            return RunnerState(
                ok=self._ok,
                problem="" if self._ok else self._problem,
                ended=self._ended,
                since=self._since,
                shown=self._shown,
                dropped=self._dropped,
                failures=self._failures,
                stuck_s=max(busy_s, 0.0),
            )

    def close(self) -> None:
        """Close the output and end the thread; twice is fine. An output that does not answer is left to itself."""
        with self._changed:
            first = not self._closing
            self._closing = True
            self._changed.notify_all()
        atexit.unregister(self.close)
        if first and self._thread is not threading.current_thread():
            self._thread.join(self._close_within_s)
            if self._thread.is_alive():
                log.warning(
                    "output %s has not answered for %.1f s and is left behind; it may not go dark",
                    self.name,
                    self.state.stuck_s,
                )

    def _run(self) -> None:
        try:
            while not self._closing and not self._ended:
                self._attempt()
        finally:
            with self._changed:
                self._ended = True
                self._set_ok(False)

    def _attempt(self) -> None:
        """One life of the output: open, show until it fails or is to close, close; then pause if it failed."""
        output: Output | None = None
        try:
            self._busy(True)
            output = self._make()
            # Exit handlers run last in, first out: stand behind those of the libraries just imported (gpiozero's
            # would take the pins away while this thread still drives them).
            atexit.unregister(self.close)
            if not self._closing:
                atexit.register(self.close)
            self._serve(output)
        except Exception as error:  # a fault in one output must not take the others with it
            self._note_failure(error)
        finally:
            self._busy(True)
            if output is not None:
                self._close_output(output)
            self._busy(False)
        with self._changed:
            until = self._clock() + retry_after_s(max(self._failures_in_a_row, 1))
            while not self._closing and not self._ended and (left_s := until - self._clock()) > 0:
                self._wait(self._changed, left_s)

    def _serve(self, output: Output) -> None:
        """Show readings until closing; raises what the output raises."""
        opened_at = self._clock()
        reading: Reading | None = None
        shown_at = opened_at
        while True:
            with self._changed:
                self._busy_since = None
                again_at = None if reading is None or output.refresh_s is None else shown_at + output.refresh_s
                while not self._closing and self._slot is None:
                    left_s = None if again_at is None else again_at - self._clock()
                    if left_s is not None and left_s <= 0:
                        break
                    self._wait(self._changed, left_s)
                if self._closing:
                    return
                fresh = self._slot is not None
                if self._slot is not None:
                    reading, self._slot = self._slot, None
                shown_at = self._busy_since = self._clock()
            assert reading is not None
            try:
                output.show(reading)
            except Exception:
                with self._changed:
                    self._slot = self._slot or reading  # so that the next life starts with it
                raise
            self._note_success(opened_at, fresh)

    def _note_success(self, opened_at: float, fresh: bool) -> None:
        with self._changed:
            self._shown += fresh
            self._set_ok(True)
            # One that fails again at once is still in the same outage: no new warning, no shorter pause.
            lasted_s = self._clock() - opened_at
            over = self._failures_in_a_row > 0 and lasted_s >= retry_after_s(self._failures_in_a_row)
            if over:
                self._failures_in_a_row, self._problem = 0, ""
        if over:
            log.info("output %s works again", self.name)

    def _note_failure(self, error: Exception) -> None:
        problem = " ".join(str(error).split()) or type(error).__name__
        with self._changed:
            self._failures += 1
            self._failures_in_a_row += 1
            self._set_ok(False)
            known, self._problem = self._problem == problem, problem
            # Nobody reads that pipe any more, and nobody can come back to it.
            self._ended = isinstance(error, BrokenPipeError) or isinstance(error.__cause__, BrokenPipeError)
        if self._ended:
            log.info("output %s has ended: %s", self.name, problem)
        elif known:
            log.debug("output %s still fails: %s", self.name, problem)
        elif isinstance(error, OutputError):
            log.warning("output %s: %s; trying again", self.name, problem)
        else:
            log.error("output %s: %s: %s; trying again", self.name, type(error).__name__, problem, exc_info=error)

    def _close_output(self, output: Output) -> None:
        try:
            output.close()
        except Exception as error:  # the device is going away; the rest must still be closed
            # In an outage that is no news.
            level = logging.DEBUG if self._failures_in_a_row else logging.WARNING
            log.log(level, "output %s did not close properly: %s", self.name, error)

    def _busy(self, busy: bool) -> None:
        with self._changed:
            self._busy_since = self._clock() if busy else None

    def _set_ok(self, ok: bool) -> None:
        if ok != self._ok:
            self._ok, self._since = ok, self._clock()
