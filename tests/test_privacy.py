"""The privacy switch holds over any restart, and where nothing can be written it holds at least until the end."""

from pathlib import Path

import pytest

from fer_pi.device.privacy import LOOK_S, NAME, PrivacySwitch, check_visible, write_switch
from fer_pi.errors import CameraError
from fer_pi.testing.cameras import Clock


def test_it_is_off_until_it_is_turned_on_and_then_on_for_every_later_start(tmp_path: Path) -> None:
    switch = PrivacySwitch(tmp_path)
    assert not switch.is_on()
    switch.toggle()
    assert switch.is_on()
    assert PrivacySwitch(tmp_path).is_on()
    switch.toggle()
    assert not switch.is_on()
    assert not PrivacySwitch(tmp_path).is_on()


def test_another_program_can_turn_it_and_it_is_seen_soon(tmp_path: Path) -> None:
    clock = Clock()
    switch = PrivacySwitch(tmp_path, clock)
    seen = [switch.is_on()]
    for on in (True, True, False, False):
        write_switch(tmp_path / NAME, on)
        clock.pass_by(LOOK_S)
        seen.append(switch.is_on())
    assert seen == [False, True, True, False, False]


def test_the_disk_is_not_asked_for_every_frame(tmp_path: Path) -> None:
    clock = Clock()
    switch = PrivacySwitch(tmp_path, clock)
    assert not switch.is_on()
    write_switch(tmp_path / NAME, True)
    assert not switch.is_on()
    clock.pass_by(LOOK_S)
    assert switch.is_on()


def test_a_full_disk_does_not_keep_the_camera_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fer_pi.device.privacy.replace_file", full)
    clock = Clock()
    switch = PrivacySwitch(tmp_path, clock)
    switch.set(True)
    clock.pass_by(60)
    assert switch.is_on()
    assert "will not outlast a restart" in caplog.text


def test_without_a_folder_it_works_until_the_end() -> None:
    switch = PrivacySwitch(None)
    switch.toggle()
    assert switch.is_on()
    switch.toggle()
    assert not switch.is_on()


def test_what_cannot_be_seen_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    write_switch(tmp_path / NAME, True)
    switch = PrivacySwitch(tmp_path, clock)
    assert switch.is_on()

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "lstat", broken)
    clock.pass_by(60)
    assert switch.is_on()


def test_a_switch_that_may_not_be_seen_is_not_taken_for_off(hidden: Path) -> None:
    with pytest.raises(CameraError, match="use sudo"):
        check_visible(hidden / "fer-pi")


def test_a_switch_that_is_not_there_is_off(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        check_visible(folder)
