"""Settings are checked exactly, all complaints come at once, each with its place and a suggestion."""

import json
import re
from pathlib import Path

import pytest

from fer_pi.config import Options, checked_config, config_model, json_schema, load_config
from fer_pi.errors import ConfigError
from fer_pi.registry import CAMERAS, OUTPUTS, SECTIONS, resolve
from fer_pi.shipped import shipped


def complaints(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return [line.removeprefix(f"{tmp_path}/") for line in caught.value.problems]


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("")
    config = load_config(path)
    assert config == checked_config({})
    assert config.camera.kind == "auto"
    assert [output.kind for output in config.outputs] == ["console"]


def test_an_unknown_option_is_named_with_its_place_and_a_suggestion(tmp_path: Path) -> None:
    text = "outputs:\n  - kind: rgb_led\n    gren: 5\n"
    assert complaints(tmp_path, text) == ["config.yaml:3:5: outputs[0].gren: unknown option; did you mean 'green'?"]


def test_all_complaints_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
camara: {}
camera:
  kind: webcam
  width: wide
detector:
  threshhold: 0.5
mood:
  tau_s: -1
outputs:
  - kind: screeen
  - brightness: 1
"""
    found = complaints(tmp_path, text)
    assert [line.split(": ", 1)[0] for line in found] == [
        f"config.yaml:{place}" for place in ("1:1", "4:3", "6:3", "8:3", "10:5", "11:5")
    ]
    assert found[0].endswith("camara: unknown option; did you mean 'camera'?")
    assert 'camera.width: should be a valid integer, got "wide"' in found[1]
    assert found[2].endswith("detector.threshhold: unknown option; did you mean 'threshold'?")
    assert "mood.tau_s: should be greater than or equal to 0, got -1" in found[3]
    assert found[4].endswith("outputs[0]: unknown kind 'screeen'; did you mean 'screen'?")
    assert "outputs[1]: 'kind' is missing; known: rgb_led" in found[5]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 2\n", "config.yaml:1:1: version: should be 1, got 2"),
        ("mood:\n  tau_s: '0.3'\n", 'config.yaml:2:3: mood.tau_s: should be a valid number, got "0.3"'),
        ("mood:\n  tau_s: yes\n", "config.yaml:2:3: mood.tau_s: should be a valid number, got true"),
        ("mood:\n  tau_s: .inf\n", "config.yaml:2:3: mood.tau_s: "),
        ("mood: 5\n", "config.yaml:1:1: mood: "),
        ("outputs: rgb_led\n", "config.yaml:1:1: outputs: should be a valid array"),
        ("camera: webcam\n", "config.yaml:1:1: camera: "),
        ("mood:\n  enter: 0.2\n  leave: 0.5\n", "config.yaml:1:1: mood: leave (0.5) is above enter (0.2)"),
    ],
)
def test_a_value_of_the_wrong_type_or_range_is_named(tmp_path: Path, text: str, expected: str) -> None:
    (found,) = complaints(tmp_path, text)
    assert found.startswith(expected)


def test_mistakes_deep_in_a_block_have_suggestions_too(tmp_path: Path) -> None:
    text = "outputs:\n  - kind: rgb_led\n    emotions:\n      angr: {}\n      fear: {colour: red, effect: brethe}\n"
    unknown, colour, effect = complaints(tmp_path, text)
    assert unknown.startswith("config.yaml:4:7: outputs[0].emotions.angr: should be 'neutral', 'happiness'")
    assert colour.endswith("outputs[0].emotions.fear.colour: unknown option; did you mean 'color'?")
    assert effect.startswith("config.yaml:5:27: outputs[0].emotions.fear.effect: should be 'solid'")


def test_a_pin_that_two_outputs_claim_is_named_with_both(tmp_path: Path) -> None:
    text = "outputs:\n  - kind: rgb_led\n    red: 5\n  - kind: emotion_leds\n    leds:\n      anger: 5\n"
    assert complaints(tmp_path, text) == [
        "config.yaml:6:7: outputs[1].leds.anger: GPIO5 is used twice, by outputs[0].red too; give each its own pin"
    ]


def test_a_pin_of_the_privacy_panel_is_nobody_else_s(tmp_path: Path) -> None:
    text = "privacy: {button: 5}\noutputs:\n  - kind: rgb_led\n    red: 5\n"
    assert complaints(tmp_path, text) == [
        "config.yaml:1:11: privacy.button: GPIO5 is used twice, by outputs[0].red too; give each its own pin"
    ]


def test_the_shipped_file_is_good_and_names_its_version() -> None:
    text = shipped("config.yaml").read_text(encoding="utf-8")
    assert re.search(r"^version: 1\b", text, re.MULTILINE)
    load_config(shipped("config.yaml"))


def test_every_example_in_the_shipped_file_is_good(tmp_path: Path) -> None:
    text = shipped("config.yaml").read_text(encoding="utf-8")
    path = tmp_path / "config.yaml"
    path.write_text(re.sub(r"^( +)# ( *(?:- )?[a-z_]+:.*)$", r"\1\2", text, flags=re.MULTILINE), encoding="utf-8")
    assert [output.kind for output in load_config(path).outputs] == [
        "rgb_led", "screen", "console", "emotion_leds", "event_log",
    ]  # fmt: skip
    cameras = re.findall(r"^# camera:\n(?:#   .*\n)+", text, re.MULTILINE)
    kinds = []
    for block in cameras:
        path.write_text(re.sub(r"^# ", "", block, flags=re.MULTILINE), encoding="utf-8")
        kinds.append(load_config(path).camera.kind)
    assert ["auto", *kinds] == list(CAMERAS)


def test_every_option_of_every_camera_output_and_section_stands_in_the_shipped_file() -> None:
    text = shipped("config.yaml").read_text(encoding="utf-8")
    for name, options in all_options().items():
        for field in options.model_fields:
            assert re.search(rf"^[\s#-]*{field}:", text, re.MULTILINE), f"{name}.{field} is not in config.yaml"


def test_every_option_says_what_it_is() -> None:
    for name, options in all_options().items():
        for field, info in options.model_fields.items():
            assert info.description or field == "kind", f"{name}.{field} has no docstring"


def all_options() -> dict[str, type[Options]]:
    kinds = {name: resolve(reference).Options for name, reference in (CAMERAS | OUTPUTS).items()}
    return kinds | {name: resolve(reference) for name, reference in SECTIONS.items()}


def test_the_schema_describes_every_block() -> None:
    schema = json_schema()
    json.dumps(schema)
    assert set(schema["properties"]) == {"version", "camera", "detector", "classifier", "mood", "privacy", "outputs"}
    assert set(schema["properties"]["camera"]["discriminator"]["mapping"]) == set(CAMERAS)
    assert not schema["additionalProperties"]


def test_settings_survive_a_round_trip() -> None:
    config = load_config(shipped("config.yaml"))
    assert checked_config(config.model_dump(mode="json")) == config


def test_settings_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="frozen"):
        checked_config({}).version = 2  # type: ignore[assignment]


def test_the_model_of_the_settings_is_made_once() -> None:
    assert config_model() is config_model()
