"""Early ends are counted for one configuration and one boot, and never stand in the way."""

from pathlib import Path

import pytest

from fer_pi.attempts import NAME, Attempts


@pytest.fixture
def boot(tmp_path: Path) -> Path:
    path = tmp_path / "boot_id"
    path.write_text("first\n")
    return path


def test_early_ends_in_a_row_are_counted_over_restarts(tmp_path: Path, boot: Path) -> None:
    assert [Attempts(tmp_path, boot).begin(b"a") for _ in range(4)] == [0, 1, 2, 3]


def test_another_configuration_begins_anew(tmp_path: Path, boot: Path) -> None:
    attempts = Attempts(tmp_path, boot)
    assert [attempts.begin(content) for content in (b"a", b"a", b"b", b"a")] == [0, 1, 0, 0]


def test_a_power_cut_is_no_fault_of_the_configuration(tmp_path: Path, boot: Path) -> None:
    attempts = Attempts(tmp_path, boot)
    attempts.begin(b"a")
    boot.write_text("second\n")
    assert attempts.begin(b"a") == 0


def test_what_has_run_well_is_forgotten(tmp_path: Path, boot: Path) -> None:
    attempts = Attempts(tmp_path, boot)
    attempts.begin(b"a")
    attempts.forget()
    attempts.forget()
    assert attempts.begin(b"a") == 0


@pytest.mark.parametrize("scrap", [b"", b"\xff\xfe", b"first", b"first 0 x", b"1"])
def test_a_garbled_record_counts_for_nothing(tmp_path: Path, boot: Path, scrap: bytes) -> None:
    (tmp_path / NAME).write_bytes(scrap)
    attempts = Attempts(tmp_path, boot)
    assert [attempts.begin(b"a"), attempts.begin(b"a")] == [0, 1]


@pytest.mark.parametrize("folder", [None, Path("/proc/nowhere")])
def test_where_nothing_can_be_written_nothing_is_counted(folder: Path | None) -> None:
    attempts = Attempts(folder)
    assert [attempts.begin(b"a"), attempts.begin(b"a")] == [0, 0]
    attempts.forget()
