"""What `fer-pi status` answers: the status file of the running appliance, for people or as JSON."""

import json
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fer_pi.drawing.words import duration
from fer_pi.status_file import FORMAT, NAME

STALE_S = 5.0
"""A status older than this comes from a process that hangs: the loop writes it every second."""

NOT_RUNNING = 3
"""Exit status where there is nothing to tell, as `systemctl status` has it."""

_WATCH_S = 0.5


def read_status(folder: Path, now: float, restarts: Callable[[], int | None] | None = None) -> dict[str, Any]:
    """What the appliance last wrote into `folder`, with `running` and `answer`, one line that says whether it is.

    `now` is in monotonic seconds; `restarts` tells how often the service manager had to start it again.
    """
    path = folder / NAME
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            return _silent(f"{path} was written by another version of fer-pi; restart the service")
        age_s = now - float(told["told_at_s"])
    except FileNotFoundError:
        return _silent(f"fer-pi is not running (there is no {path}); `sudo systemctl start fer-pi` starts it")
    except (OSError, ValueError, KeyError, TypeError) as error:
        return _silent(f"{path} cannot be read: {error}")
    told["age_s"] = round(age_s, 1)
    told["restarts"] = restarts() if restarts else None
    if not Path(f"/proc/{told.get('pid')}").exists():
        answer = (
            f"fer-pi is not running: it ended {duration(age_s)} ago without a word; `journalctl -u fer-pi` says why"
        )
        return {"running": False, "answer": answer, **told}
    if not -STALE_S < age_s <= STALE_S:
        answer = f"fer-pi hangs: it last told of itself {duration(abs(age_s))} ago; `sudo systemctl restart fer-pi`"
        return {"running": False, "answer": answer, **told}
    return {"running": True, "answer": "fer-pi is running", **told}


def service_restarts(service: str = "fer-pi.service") -> int | None:
    """How often systemd started the service again by itself; None if it does not say."""
    command = ["systemctl", "show", service, "--property=NRestarts", "--value"]
    with suppress(OSError, subprocess.SubprocessError, ValueError):
        return int(subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout)
    return None


def show_status(folder: Path, *, as_json: bool = False, watch: bool = False) -> int:
    """Print the status, again and again until Ctrl-C if `watch` (JSON: a line each).

    Returns the exit status: 0 if it runs, else `NOT_RUNNING`.
    """

    def told() -> dict[str, Any]:
        return read_status(folder, time.monotonic(), service_restarts)

    terminal = Console(highlight=False)

    def show(status: dict[str, Any]) -> None:
        if as_json:
            print(json.dumps(status, indent=None if watch else 2), flush=True)
        else:
            terminal.print(status_table(status))

    status = told()
    if not watch:
        show(status)
        return 0 if status["running"] else NOT_RUNNING
    with suppress(KeyboardInterrupt), ExitStack() as closing:
        if terminal.is_terminal and not as_json:
            live = closing.enter_context(Live(console=terminal, auto_refresh=False))
        else:
            live = None
        while True:
            if live:
                live.update(status_table(status), refresh=True)
            else:
                show(status)
            time.sleep(_WATCH_S)
            status = told()
    return 0 if status["running"] else NOT_RUNNING


def status_table(status: dict[str, Any]) -> Group:
    """The status for people; what is wrong stands out."""
    head = Text(status["answer"], style="bold green" if status["running"] else "bold red")
    if "status" not in status:
        return Group(head)
    rows = Table.grid(padding=(0, 2))
    for label, text, bad in _rows(status):
        rows.add_row(Text(label, style="dim"), Text(text, style="red" if bad else ""))
    return Group(head, rows)


def _rows(status: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """Label, text, and whether it is bad."""
    mood = f": {status['mood']} {100 * status['strength']:.0f}%" if status["mood"] else ""
    latency = status["latency_ms"]
    board, camera, config = status["board"], status["camera"], status["config"]
    rows = [("state", f"{status['status']}{mood}", status["status"] in ("fault", "no camera"))]
    rows += [("message", status["message"], True)] if status["message"] else []
    rows += [("camera", camera["problem"] or camera["name"], bool(camera["problem"]))]
    rows += [("rate", f"{status['rate_hz']:.1f} readings a second, {status['dropped']} pictures skipped", False)]
    if latency:
        rows += [("latency", f"p50 {latency['p50']:.0f} ms, p95 {latency['p95']:.0f} ms over the last minute", False)]
    rows += [("output", f"{output['name']}: {_doing(output)}", not output["ok"]) for output in status["outputs"]]
    rows += [("board", _board(board), bool(board["now"]))]
    restarts = "" if status["restarts"] is None else f", started again {status['restarts']} times"
    rows += [("running for", f"{duration(status['uptime_s'])}{restarts}", False)]
    rows += [
        ("configuration", f"{config['path']}{' - ' if config['fault'] else ''}{config['fault']}", bool(config["fault"]))
    ]
    return [*rows, ("version", status["fer_pi"], False)]


def _doing(output: dict[str, Any]) -> str:
    if output["stuck_s"] > STALE_S:
        return f"does not answer since {duration(output['stuck_s'])}"
    if output["ok"]:
        return "works"
    return output["problem"] or ("has ended" if output["ended"] else "is being opened")


def _board(board: dict[str, Any]) -> str:
    warm = "temperature unknown" if board["temperature_c"] is None else f"{board['temperature_c']:.0f} °C"
    earlier = [word for word in board["since_start"] if word not in board["now"]]
    return ", ".join([warm, *board["now"], *(f"{word} earlier" for word in earlier)])


def _silent(answer: str) -> dict[str, Any]:
    return {"running": False, "answer": answer}
