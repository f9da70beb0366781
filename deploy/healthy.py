#!/usr/bin/env python3
"""Wait until the fer_pi of this machine is well, and see whether it stays so, before the next one is touched.

Ends with 0 if it is, else with 1 and what is wrong. Needs nothing but Python.
"""

import argparse
import json
import subprocess
import sys
import time
from typing import Any

LOOK_S = 0.5


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--within", type=float, default=60, metavar="S", help="seconds it has to become well")
    parser.add_argument("--steady", type=float, default=10, metavar="S", help="seconds it must then stay so")
    parser.add_argument("--states", default="nobody,watching,paused", help="which states are good ones")
    parser.add_argument("--command", default="/opt/fer-pi/bin/fer-pi", help="the program to ask")
    wanted = parser.parse_args()

    began = time.monotonic()
    well_since, process = None, None
    while True:
        now = time.monotonic()
        told = answer([wanted.command, "status", "--json"])
        wrong = complaint(told, wanted.states.split(","))
        if wrong:
            well_since = None
        elif well_since is None or told["pid"] != process:
            well_since, process = now, told["pid"]
        if well_since is not None and now - well_since >= wanted.steady:
            print(f"well: fer_pi {told['fer_pi']}, {told['status']}, process {process}, for {now - well_since:.0f} s")
            return 0
        if now - began >= wanted.within + wanted.steady:
            print(f"not well: {wrong or 'it does not stay so as the same process'}", file=sys.stderr)
            return 1
        time.sleep(LOOK_S)


def answer(command: list[str]) -> dict[str, Any]:
    """What it says of itself; `answer` alone if that cannot be had."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        told = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        return {"answer": f"{' '.join(command)}: {error}"}
    return told if isinstance(told, dict) else {"answer": f"{' '.join(command)}: {told!r}"}


def complaint(told: dict[str, Any], good: list[str]) -> str:
    """What is wrong with it, in one line; empty if nothing is."""
    if not told.get("running"):
        return str(told.get("answer"))
    if fault := told["config"]["fault"]:
        return f"its configuration: {fault}"
    if told["status"] not in good:
        return f"{told['status']}: {told['message'] or told['camera']['problem']}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
