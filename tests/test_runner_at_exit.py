"""Outputs go dark at the end of the process, however it ends."""

import subprocess
import sys

import pytest

CRASH = """
import sys
from fer_pi.outputs.runner import OutputRunner
from fer_pi.testing.outputs import RecordingOutput, reading_of

class Lamp(RecordingOutput):
    def close(self):
        super().close()
        print("dark", flush=True)

lamp = Lamp()
runner = OutputRunner("lamp", lambda: lamp)
runner.offer(reading_of())
lamp.wait_until(lambda o: o.shown)
{end}
"""


@pytest.mark.parametrize(
    ("end", "status"),
    [("raise RuntimeError('the loop crashed')", 1), ("sys.exit(3)", 3), ("pass", 0)],
)
def test_an_output_that_nobody_closed_goes_dark_when_the_process_ends(end: str, status: int) -> None:
    done = subprocess.run([sys.executable, "-c", CRASH.format(end=end)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (status, "dark\n"), done.stderr


OPENING = """
import threading
from fer_pi.outputs.runner import OutputRunner
from fer_pi.testing.outputs import RecordingOutput

class Lamp(RecordingOutput):
    def close(self):
        super().close()
        print("dark", flush=True)

def make():
    threading.main_thread().join()
    return Lamp()

runner = OutputRunner("lamp", make)
"""


def test_an_output_that_is_still_being_opened_when_the_process_ends_goes_dark() -> None:
    done = subprocess.run([sys.executable, "-c", OPENING], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "dark\n"), done.stderr


def test_a_blocked_output_does_not_hang_the_end_of_the_process() -> None:
    end = "lamp.block(); runner.offer(reading_of()); lamp.wait_until(lambda o: len(o.shown) == 2)"
    done = subprocess.run([sys.executable, "-c", CRASH.format(end=end)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    assert "left behind" in done.stderr
