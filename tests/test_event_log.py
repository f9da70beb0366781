"""The event log: one line a change, nothing about persons, and every way a file can fail."""

import errno
import io
import json
import os
import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fer_pi.errors import OutputError
from fer_pi.outputs.event_log import EventLog, EventLogOptions
from fer_pi.outputs.lines import RotatingLines
from fer_pi.testing.outputs import STATES_AND_MOODS, FakeTime, check_output_contract, reading_of
from fer_pi.types import Emotion, Status

NOON = datetime(2026, 11, 21, 12, 0, 0, 345678, timezone(timedelta(hours=1)))


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


def options(**settings: Any) -> EventLogOptions:
    """Options as they come from YAML."""
    return EventLogOptions.model_validate_json(json.dumps({"kind": "event_log", **settings}, default=str))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_it_keeps_the_contract_of_outputs_in_a_file_and_on_stdout(tmp_path: Path, time: FakeTime) -> None:
    path = tmp_path / "moods.jsonl"
    check_output_contract(lambda: EventLog(options(path=path), clock=time.clock), lambda: True)
    check_output_contract(lambda: EventLog(options(), clock=time.clock), lambda: True)
    assert len(lines(path)) > 2 * len(Status)


def test_a_closed_log_has_let_its_file_go(tmp_path: Path, time: FakeTime) -> None:
    path = tmp_path / "moods.jsonl"
    output = EventLog(options(path=path), clock=time.clock)
    output.show(reading_of())
    open_files = Path("/proc/self/fd")
    if not open_files.exists():
        pytest.skip("needs /proc")

    def is_open() -> bool:
        return str(path) in [str(link.readlink()) for link in open_files.iterdir() if link.exists()]

    assert is_open()
    output.close()
    assert not is_open()


def test_a_sequence_of_readings_makes_one_line_for_each_change(tmp_path: Path, time: FakeTime) -> None:
    path = tmp_path / "moods.jsonl"
    output = EventLog(options(path=path), clock=time.clock, wall=lambda: NOON + timedelta(seconds=time.now - 100))
    for after_s, reading in [
        (0.0, reading_of(status=Status.STARTING, at=100.0)),
        (2.0, reading_of(Emotion.HAPPINESS, strength=0.8337, people=2, at=102.0, age_s=0.0412)),
        (1.0, reading_of(Emotion.HAPPINESS, strength=0.9, people=3, at=103.0)),
        (1.5, reading_of(None, at=104.5)),
        (0.5, reading_of(status=Status.FAULT, message="the camera's lens cap is on", at=105.0)),
    ]:
        time.now += after_s
        output.show(reading)
        output.show(reading)
    output.close()
    common = {"strength": 0.0, "mood": None, "message": ""}
    assert lines(path) == [
        {
            **common,
            "time": "2026-11-21T12:00:00.345+01:00",
            "status": "starting",
            "previous_status": None,
            "previous_mood": None,
            "lasted_s": None,
            "people": 0,
            "age_ms": None,
        },
        {
            **common,
            "time": "2026-11-21T12:00:02.345+01:00",
            "status": "watching",
            "mood": "happiness",
            "strength": 0.834,
            "previous_status": "starting",
            "previous_mood": None,
            "lasted_s": 2.0,
            "people": 2,
            "age_ms": 41.2,
        },
        {
            **common,
            "time": "2026-11-21T12:00:04.845+01:00",
            "status": "watching",
            "previous_status": "watching",
            "previous_mood": "happiness",
            "lasted_s": 2.5,
            "people": 1,
            "age_ms": 40.0,
        },
        {
            **common,
            "time": "2026-11-21T12:00:05.345+01:00",
            "status": "fault",
            "previous_status": "watching",
            "previous_mood": None,
            "lasted_s": 0.5,
            "people": 0,
            "age_ms": None,
            "message": "the camera's lens cap is on",
        },
    ]


def test_a_line_tells_nothing_of_any_person(tmp_path: Path, time: FakeTime) -> None:
    path = tmp_path / "moods.jsonl"
    output = EventLog(options(path=path), clock=time.clock)
    for reading in STATES_AND_MOODS:
        output.show(reading)
    output.close()
    keys = {"time", "status", "mood", "strength", "previous_status", "previous_mood", "lasted_s", "people", "age_ms"}
    for line in lines(path):
        assert set(line) == keys | {"message"}
        assert all(isinstance(value, str | int | float | None) for value in line.values())


def test_a_step_of_the_wall_clock_changes_the_time_alone(tmp_path: Path, time: FakeTime) -> None:
    path = tmp_path / "moods.jsonl"
    walls = iter([NOON, NOON - timedelta(days=3650)])
    output = EventLog(options(path=path), clock=time.clock, wall=lambda: next(walls))
    output.show(reading_of(Emotion.FEAR))
    time.now += 3
    output.show(reading_of(Emotion.ANGER))
    output.close()
    assert lines(path)[1]["time"].startswith("2016-")
    assert lines(path)[1]["lasted_s"] == 3.0


def test_the_time_has_a_zone(tmp_path: Path) -> None:
    path = tmp_path / "moods.jsonl"
    output = EventLog(options(path=path))
    output.show(reading_of(Emotion.FEAR))
    output.close()
    written = datetime.fromisoformat(lines(path)[0]["time"])
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=1)


def test_each_line_is_there_as_soon_as_it_is_shown(tmp_path: Path, time: FakeTime) -> None:
    path = tmp_path / "moods.jsonl"
    output = EventLog(options(path=path), clock=time.clock)
    for count, emotion in enumerate([Emotion.FEAR, Emotion.ANGER], 1):
        output.show(reading_of(emotion))
        assert len(lines(path)) == count
    output.close()


def test_it_appends_to_what_is_there_and_mends_a_torn_last_line(tmp_path: Path, time: FakeTime) -> None:
    path = tmp_path / "moods.jsonl"
    path.write_text('{"whole": 1}\n{"torn": ')
    output = EventLog(options(path=path), clock=time.clock)
    output.show(reading_of(Emotion.FEAR))
    output.close()
    first, torn, last = path.read_text().splitlines()
    assert (first, torn) == ('{"whole": 1}', '{"torn": ')
    assert json.loads(last)["mood"] == "fear"


def test_a_full_file_is_rotated_and_only_so_many_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "moods.jsonl"
    log = RotatingLines(path, max_bytes=10, keep=2)
    for line in ["one", "two", "three", "four", "a line too long for any file", "six"]:
        log.write(line)
    log.close()
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        "moods.jsonl": "six\n",
        "moods.jsonl.1": "a line too long for any file\n",
        "moods.jsonl.2": "four\n",
    }


def test_more_than_the_program_may_write_names_the_limit(tmp_path: Path) -> None:
    log = RotatingLines(tmp_path / "moods.jsonl", max_bytes=1000, keep=2)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        for _ in range(2):
            with pytest.raises(OutputError, match=r"lower max_bytes, or raise .*LimitFSIZE of the service"):
                log.write("a line too long for this")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    log.write("now it may")
    log.close()


def test_rotation_counts_what_an_earlier_run_wrote(tmp_path: Path) -> None:
    path = tmp_path / "moods.jsonl"
    for _ in range(3):
        log = RotatingLines(path, max_bytes=10, keep=5)
        log.write("sixsix")
        log.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["moods.jsonl", "moods.jsonl.1", "moods.jsonl.2"]


def test_with_nothing_to_keep_a_full_file_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "moods.jsonl"
    log = RotatingLines(path, max_bytes=10, keep=0)
    for line in ["one", "two", "three"]:
        log.write(line)
    log.close()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("moods.jsonl", "three\n")]


def test_a_missing_folder_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"moods\.jsonl: No such file or directory; make the folder"):
        EventLog(options(path=tmp_path / "nowhere" / "moods.jsonl"))


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is no file; name another path"):
        EventLog(options(path=tmp_path))


def test_a_pipe_in_place_of_the_file_is_refused_rather_than_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="is no file"):
        EventLog(options(path=tmp_path / "pipe"))


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "No space left on device; free some space"),
        (errno.EROFS, "Read-only file system; name a path on a file system that can be written to"),
        (errno.EACCES, "Permission denied; give the user"),
        (errno.EIO, "Input/output error; check the disk or SD card"),
        (errno.ENXIO, "No such device or address"),
    ],
)
def test_a_disk_that_fails_is_an_output_error_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str
) -> None:
    class FullDisk(io.FileIO):
        def write(self, data: Any) -> int:
            raise OSError(code, os.strerror(code))

    path = tmp_path / "moods.jsonl"
    monkeypatch.setattr(Path, "open", lambda self, *args, **kwargs: FullDisk(str(self), "a"))
    output = EventLog(options(path=path))
    with pytest.raises(OutputError, match=remedy):
        output.show(reading_of(Emotion.FEAR))
    output.close()


def test_a_line_that_fits_only_in_part_is_an_error_and_the_next_one_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NearlyFullDisk(io.FileIO):
        def write(self, data: Any) -> int:
            return super().write(bytes(data)[:5])

    path = tmp_path / "moods.jsonl"
    with monkeypatch.context() as full:
        full.setattr(Path, "open", lambda self, *args, **kwargs: NearlyFullDisk(str(self), "a"))
        output = EventLog(options(path=path))
        with pytest.raises(OutputError, match="No space left"):
            output.show(reading_of(Emotion.FEAR))
    output.show(reading_of(Emotion.FEAR))
    output.close()
    torn, whole = path.read_text().splitlines()
    assert torn == '{"tim'
    assert json.loads(whole)["mood"] == "fear"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_an_output_error() -> None:
    script = (
        "import sys\n"
        "from fer_pi.errors import OutputError\n"
        "from fer_pi.outputs.event_log import EventLog, EventLogOptions\n"
        "from fer_pi.testing.outputs import reading_of\n"
        "try:\n    EventLog(EventLogOptions()).show(reading_of())\n"
        "except OutputError as error:\n    print(error, file=sys.stderr)\n"
        "    sys.stdout = None\n"
    )
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", script], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert "cannot write standard output: No space left on device; free some space" in done.stderr


def test_after_a_failure_the_change_is_written_once_the_disk_is_well(
    tmp_path: Path, time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "moods.jsonl"
    output = EventLog(options(path=path), clock=time.clock)
    with monkeypatch.context() as broken:
        broken.setattr(RotatingLines, "write", lambda self, line: (_ for _ in ()).throw(OutputError("full")))
        with pytest.raises(OutputError):
            output.show(reading_of(Emotion.FEAR))
    output.show(reading_of(Emotion.FEAR))
    output.close()
    assert [line["mood"] for line in lines(path)] == ["fear"]


PIPED = """
import os, sys, time
from fer_pi.outputs.event_log import EventLog, EventLogOptions
from fer_pi.outputs.runner import OutputRunner
from fer_pi.testing.outputs import reading_of
from fer_pi.types import Emotion
runner = OutputRunner("event_log", lambda: EventLog(EventLogOptions()))
runner.offer(reading_of(Emotion.FEAR))
while not runner.state.shown: time.sleep(0.001)
sys.stdin.read()
runner.offer(reading_of(Emotion.ANGER))
while not runner.state.ended: time.sleep(0.001)
print(runner.state.problem, file=sys.stderr)
runner.close()
"""


def test_a_reader_that_goes_away_ends_the_log_quietly() -> None:
    """As in `fer-pi run | head -1`; with a buffer, as stdout has by default, Python itself complains at exit."""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", PIPED], stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=buffered
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        assert json.loads(process.stdout.readline())["mood"] == "fear"
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == "standard output was closed by its reader\n"
        assert process.wait(60) == 0


def test_a_stdout_without_some_letters_gets_them_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    EventLog(options()).show(reading_of(status=Status.FAULT, message="Kamera läuft nicht"))
    assert json.loads(raw.getvalue())["message"] == "Kamera läuft nicht"


def test_a_closed_stdout_is_an_output_error(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.StringIO()
    stdout.close()
    monkeypatch.setattr(sys, "stdout", stdout)
    with pytest.raises(OutputError, match="cannot write standard output"):
        EventLog(options()).show(reading_of())


@pytest.mark.parametrize(
    ("settings", "where"),
    [({"max_bytes": 10}, "max_bytes"), ({"keep": -1}, "keep"), ({"keep": 1.5}, "keep"), ({"path": 7}, "path")],
)
def test_nonsense_is_refused_where_it_stands(settings: dict[str, Any], where: str) -> None:
    with pytest.raises(ValidationError) as caught:
        options(**settings)
    assert [problem["loc"] for problem in caught.value.errors()] == [(where,)]
