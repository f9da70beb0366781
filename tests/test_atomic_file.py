"""A file is replaced whole or not at all."""

import os
from pathlib import Path

import pytest

from fer_pi.atomic_file import replace_file


def test_the_new_content_stands_there_with_the_mode_asked_for_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    replace_file(path, b"one", mode=0o600)
    replace_file(path, b"two", mode=0o644)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failing", ["fsync", "fchmod"])
def test_a_failure_midway_leaves_the_old_content_and_no_scrap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    path = tmp_path / "config.yaml"
    replace_file(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match="No space"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_must_survive_a_power_cut_is_synced_before_and_after_the_renaming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the content, under its temporary name; then, once it has its own, the folder."""
    steps: list[tuple[str, list[str]]] = []

    def fsync(handle: int) -> None:
        kind = "folder" if Path(f"/proc/self/fd/{handle}").is_dir() else "file"
        steps.append((kind, [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")]))

    monkeypatch.setattr(os, "fsync", fsync)
    replace_file(tmp_path / "x", b"1")
    assert steps == [("file", []), ("folder", ["x"])]


def test_a_file_in_memory_waits_for_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("synced"))
    replace_file(tmp_path / "x", b"1", durable=False)
    assert (tmp_path / "x").read_bytes() == b"1"


def test_what_a_crash_left_behind_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".x.new").write_bytes(b"half a fi")
    replace_file(tmp_path / "x", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"whole"


def test_a_secret_is_never_readable_for_others_on_its_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    fsync = os.fsync

    def watched(handle: int) -> None:
        modes.append(os.fstat(handle).st_mode & 0o777)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    replace_file(tmp_path / "x", b"1", mode=0o600)
    assert modes[0] == 0o600
