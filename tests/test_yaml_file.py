"""YAML is read exactly, and what hides mistakes is refused with its place."""

from pathlib import Path

import pytest

from fer_pi.errors import ConfigError
from fer_pi.yaml_file import MAX_BYTES, read_yaml


def complaint(tmp_path: Path, content: str | bytes) -> str:
    path = tmp_path / "config.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    return str(caught.value).replace(str(path), "config.yaml")


def test_every_key_and_item_has_its_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("# a comment\ncamera:\n  kind: demo\noutputs:\n  - kind: console\n")
    data, positions = read_yaml(path)
    assert data == {"camera": {"kind": "demo"}, "outputs": [{"kind": "console"}]}
    assert positions == {
        ("camera",): (2, 1),
        ("camera", "kind"): (3, 3),
        ("outputs",): (4, 1),
        ("outputs", 0): (5, 5),
        ("outputs", 0, "kind"): (5, 5),
    }


@pytest.mark.parametrize("content", ["", "# nothing but a comment\n", "---\n"])
def test_a_file_without_settings_is_an_empty_mapping(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(content)
    assert read_yaml(path) == ({}, {})


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\n")
    assert read_yaml(path)[0] == {"version": 1}


def test_a_key_that_stands_twice_names_both_lines(tmp_path: Path) -> None:
    message = complaint(tmp_path, "camera:\n  kind: demo\n  kind: webcam\n")
    assert message == "config.yaml:3:3: kind: stands here a second time (first in line 2)"


@pytest.mark.parametrize("value", ["2026-02-30", "2024-13-45", "0x_", "9" * 5000], ids=["day", "month", "hex", "huge"])
def test_what_looks_like_a_number_or_a_date_and_is_none_is_named(tmp_path: Path, value: str) -> None:
    message = complaint(tmp_path, f"outputs:\n  - notice: {value}\n")
    assert message.startswith(f"config.yaml:2:13: {value[:40]}: ")
    assert message.endswith("a text is put in quotes")


def test_a_tab_is_named(tmp_path: Path) -> None:
    assert complaint(tmp_path, "camera:\n\tkind: demo\n") == "config.yaml:2:1: a tab stands here; YAML wants spaces"


def test_bytes_that_are_not_utf_8_are_named_with_their_place(tmp_path: Path) -> None:
    message = complaint(tmp_path, b"camera:\n  kind: caf\xe9\n")
    assert message == "config.yaml:2:12: byte 0xe9 is not UTF-8; save the file as UTF-8"


def test_ten_megabytes_are_refused_unread(tmp_path: Path) -> None:
    assert f"the limit is {MAX_BYTES} bytes" in complaint(tmp_path, b"#" * 10_000_000)


def test_an_alias_bomb_is_refused_at_its_first_anchor(tmp_path: Path) -> None:
    lines = ["a: &a [lol, lol]"] + [
        f"{name}: &{name} [{', '.join(['*' + before] * 9)}]"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    assert complaint(tmp_path, "\n".join(lines)).startswith("config.yaml:1:4: anchors and aliases")


def test_deep_nesting_is_refused_instead_of_overflowing(tmp_path: Path) -> None:
    assert "levels deep" in complaint(tmp_path, "a: " + "[" * 100_000)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("- a\n- b\n", "config.yaml:1:1: a mapping of options is expected here"),
        ("just words\n", "config.yaml:1:1: a mapping of options is expected here"),
        ("camera: [1, 2\n", "config.yaml:2:1:"),
        ("1: one\n", "config.yaml:1:1: an option's name is expected here, got 1"),
        ("camera: !!python/object:os.system {}\n", "config.yaml:1:9"),
        ("camera: \x07\n", "config.yaml: unacceptable character"),
        ("a: 1\n---\nb: 2\n", "config.yaml:2:1"),
    ],
)
def test_what_is_no_mapping_of_options_is_refused(tmp_path: Path, content: str, expected: str) -> None:
    assert complaint(tmp_path, content).startswith(expected)


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; 'fer-pi config show --default'"):
        read_yaml(tmp_path / "none.yaml")


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml(tmp_path)
