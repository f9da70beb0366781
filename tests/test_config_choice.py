"""A bad configuration never keeps the appliance down while there is another one, and its mistakes are told."""

import logging
from pathlib import Path

import pytest

from fer_pi.config import Config
from fer_pi.config_choice import (
    ATTEMPTS,
    GOOD_AFTER_S,
    LAST_GOOD,
    ConfigFiles,
    LastGood,
    complaints_file,
    write_complaints,
)
from fer_pi.errors import ConfigError, ModelError
from fer_pi.types import Mood, Reading, Status

GOOD = "mood:\n  tau_s: 0.5\n"
OTHER = "mood:\n  tau_s: 0.7\n"
BAD = "mood:\n  tau: 1\n"


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, Path]:
    """The system's configuration, the card's, and the state folder."""
    for name in ("etc", "boot", "state"):
        (tmp_path / name).mkdir()
    return tmp_path / "etc/config.yaml", tmp_path / "boot/fer-pi.yaml", tmp_path / "state"


def run_for(seconds: float, files: ConfigFiles, running: Config) -> None:
    keeper = LastGood(files, lambda: running)
    for at in (50.0, 50.0 + seconds / 2, 50.0 + seconds):
        keeper.offer(Reading(Status.NO_CAMERA, Mood(None, 0.0, at), at))


def tau_s(config: Config) -> float:
    value: float = config.mood.tau_s
    return value


def test_the_file_of_the_system_is_used_and_the_card_before_it(places: tuple[Path, Path, Path]) -> None:
    system, card, state = places
    system.write_text(GOOD)
    files = ConfigFiles(system, card, state)
    assert (files.at_start().path, files.at_start().fault) == (system, "")
    card.write_text(OTHER)
    assert tau_s(files.at_reload().config) == 0.7


def test_what_ran_well_is_there_when_the_file_is_bad_at_the_next_start(
    places: tuple[Path, Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    system, _, state = places
    system.write_text(GOOD)
    files = ConfigFiles(system, None, state)
    run_for(GOOD_AFTER_S, files, files.at_start().config)
    system.write_text(BAD)
    with caplog.at_level(logging.ERROR):
        choice = ConfigFiles(system, None, state).at_start()
    assert tau_s(choice.config) == 0.5
    complaint = f"{system}:2:3: mood.tau: unknown option; did you mean 'tau_s'?"
    short = complaint.removeprefix(f"{system.parent}/")
    assert choice.fault == f"{short}; the last good configuration is used instead"
    assert complaint in caplog.text


@pytest.mark.parametrize("text", ["version: 2\n", "\0", "mood: [", "x" * 300_000], ids=["version", "nul", "cut", "big"])
def test_whatever_is_wrong_with_the_file_the_last_good_one_is_used(places: tuple[Path, Path, Path], text: str) -> None:
    system, _, state = places
    (state / LAST_GOOD).write_text(OTHER)
    system.write_text(text)
    assert tau_s(ConfigFiles(system, None, state).at_start().config) == 0.7


def test_what_has_not_run_long_enough_is_not_kept(places: tuple[Path, Path, Path]) -> None:
    system, _, state = places
    system.write_text(GOOD)
    files = ConfigFiles(system, None, state)
    run_for(GOOD_AFTER_S - 0.1, files, files.at_start().config)
    assert not (state / LAST_GOOD).exists()


def test_what_the_loop_has_refused_is_not_kept(places: tuple[Path, Path, Path]) -> None:
    """As one whose model cannot be used: its file is good, and yet another one runs."""
    system, _, state = places
    system.write_text(GOOD)
    files = ConfigFiles(system, None, state)
    running = files.at_start().config
    system.write_text(OTHER)
    files.at_reload()
    run_for(60, files, running)
    assert not (state / LAST_GOOD).exists()


def test_a_reload_starts_the_wait_anew(places: tuple[Path, Path, Path]) -> None:
    system, _, state = places
    system.write_text(GOOD)
    files = ConfigFiles(system, None, state)
    keeper = LastGood(files, lambda: files.current.config if files.current else pytest.fail("no choice"))
    files.at_start()
    for at in (0.0, GOOD_AFTER_S - 1):
        keeper.offer(Reading(Status.NOBODY, Mood(None, 0.0, at), at))
    system.write_text(OTHER)
    files.at_reload()
    for at in (GOOD_AFTER_S, 2 * GOOD_AFTER_S - 1):
        keeper.offer(Reading(Status.NOBODY, Mood(None, 0.0, at), at))
    assert not (state / LAST_GOOD).exists()
    keeper.offer(Reading(Status.NOBODY, Mood(None, 0.0, 0.0), 2 * GOOD_AFTER_S))
    assert (state / LAST_GOOD).read_text() == OTHER


def test_a_bad_file_without_any_other_is_the_end(places: tuple[Path, Path, Path]) -> None:
    system, card, state = places
    system.write_text(BAD)
    with pytest.raises(ConfigError, match="did you mean 'tau_s'"):
        ConfigFiles(system, card, state).at_start()


def test_a_last_good_one_that_was_spoilt_is_not_trusted(places: tuple[Path, Path, Path]) -> None:
    system, _, state = places
    system.write_text(BAD)
    (state / LAST_GOOD).write_text("camera: {")
    with pytest.raises(ConfigError, match="tau_s"):
        ConfigFiles(system, None, state).at_start()


def test_a_bad_file_at_a_reload_is_an_error_even_if_there_is_a_last_good_one(places: tuple[Path, Path, Path]) -> None:
    system, _, state = places
    (state / LAST_GOOD).write_text(OTHER)
    system.write_text(BAD)
    with pytest.raises(ConfigError):
        ConfigFiles(system, None, state).at_reload()


def test_a_bad_card_is_refused_with_the_reasons_beside_it_until_it_is_good(places: tuple[Path, Path, Path]) -> None:
    system, card, state = places
    system.write_text(GOOD)
    card.write_text(BAD)
    files = ConfigFiles(system, card, state)
    choice = files.at_start()
    assert (tau_s(choice.config), choice.path) == (0.5, system)
    assert choice.fault.startswith("fer-pi.yaml:2:3: mood.tau: unknown option")
    assert choice.fault.endswith(f"{system} is used instead")
    assert f"{card}:2:3: mood.tau: unknown option; did you mean 'tau_s'?" in complaints_file(card).read_text()
    card.write_text(OTHER)
    assert tau_s(files.at_reload().config) == 0.7
    assert not complaints_file(card).exists()
    card.write_text(BAD)
    ConfigFiles(system, card, state).at_start()
    card.unlink()
    assert files.at_start().path == system
    assert not complaints_file(card).exists()


def test_the_last_good_one_goes_before_the_system_s_when_the_card_is_bad(places: tuple[Path, Path, Path]) -> None:
    system, card, state = places
    system.write_text(GOOD)
    card.write_text(OTHER)
    files = ConfigFiles(system, card, state)
    run_for(GOOD_AFTER_S, files, files.at_start().config)
    card.write_text(BAD)
    assert tau_s(ConfigFiles(system, card, state).at_start().config) == 0.7


def test_a_model_that_cannot_be_used_has_the_same_way_out(places: tuple[Path, Path, Path]) -> None:
    system, _, state = places
    (state / LAST_GOOD).write_text(OTHER)
    system.write_text(GOOD)
    files = ConfigFiles(system, None, state)
    files.at_start()
    assert tau_s(files.instead_after(ModelError("x.tflite: altered")).config) == 0.7


def test_each_way_out_is_tried_once(places: tuple[Path, Path, Path]) -> None:
    """The card's is bad, and the models of the others cannot be used either."""
    system, card, state = places
    card.write_text(BAD)
    (state / LAST_GOOD).write_text(OTHER)
    system.write_text(GOOD)
    files = ConfigFiles(system, card, state)
    error = ModelError("x.tflite: altered")
    assert [files.at_start().path, files.instead_after(error).path] == [state / LAST_GOOD, system]
    with pytest.raises(ModelError, match="altered"):
        files.instead_after(error)


def test_a_disk_that_cannot_be_written_is_a_warning_and_the_card_is_still_used(
    places: tuple[Path, Path, Path], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk as well as a read-only one; root may write where a mode forbids it, so the call is replaced."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fer_pi.config_choice.replace_file", full)
    system, card, state = places
    card.write_text(GOOD)
    files = ConfigFiles(system, card, state)
    run_for(GOOD_AFTER_S, files, files.at_start().config)
    assert "cannot be kept" in caplog.text
    write_complaints(card, ConfigError("x"))
    assert not complaints_file(card).exists()


def test_the_same_complaints_are_written_once(places: tuple[Path, Path, Path]) -> None:
    """An SD card that is started a thousand times with the same mistake is not written a thousand times."""
    _, card, _ = places
    write_complaints(card, ConfigError("one"))
    first = complaints_file(card).stat().st_ino
    write_complaints(card, ConfigError("one"))
    assert complaints_file(card).stat().st_ino == first
    write_complaints(card, ConfigError("two"))
    assert "two" in complaints_file(card).read_text()


def test_what_ends_the_program_again_and_again_is_left_for_the_last_good_one(places: tuple[Path, Path, Path]) -> None:
    system, card, state = places
    system.write_text(GOOD)
    (state / LAST_GOOD).write_text(OTHER)
    used = [ConfigFiles(system, card, state).at_start() for _ in range(ATTEMPTS + 2)]
    assert [tau_s(choice.config) for choice in used] == [0.5] * ATTEMPTS + [0.7, 0.7]
    assert "ended 3 times in a row within 10 s" in used[-1].fault
    assert "the last good configuration is used instead" in used[-1].fault
    system.write_text(GOOD + "# mended\n")
    assert ConfigFiles(system, card, state).at_start().fault == ""


def test_a_card_that_ends_the_program_gives_way_to_the_system_s(places: tuple[Path, Path, Path]) -> None:
    """The copy of it among the last good ones is no way out."""
    system, card, state = places
    system.write_text(GOOD)
    card.write_text(OTHER)
    (state / LAST_GOOD).write_text(OTHER)
    used = [ConfigFiles(system, card, state).at_start() for _ in range(ATTEMPTS + 1)]
    assert (used[-2].path, used[-1].path) == (card, system)


def test_with_no_other_the_same_one_is_tried_for_ever(places: tuple[Path, Path, Path]) -> None:
    system, _, state = places
    system.write_text(GOOD)
    (state / LAST_GOOD).write_text(GOOD)
    for _ in range(ATTEMPTS + 3):
        files = ConfigFiles(system, None, state)
        choice = files.at_start()
        assert (choice.path, choice.fault, files.current) == (system, "", choice)


@pytest.mark.parametrize("end", ["has run well", "was stopped in good order"])
def test_an_end_that_is_no_crash_is_not_held_against_it(places: tuple[Path, Path, Path], end: str) -> None:
    system, _, state = places
    system.write_text(GOOD)
    (state / LAST_GOOD).write_text(OTHER)
    for _ in range(ATTEMPTS + 1):
        files = ConfigFiles(system, None, state)
        choice = files.at_start()
        assert choice.fault == ""
        if end == "has run well":
            run_for(GOOD_AFTER_S, files, choice.config)
            (state / LAST_GOOD).write_text(OTHER)
        else:
            files.ended_well()
