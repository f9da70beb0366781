"""What the README says can be done, can be done."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import yaml

from fer_pi.cli import commands
from fer_pi.config import checked_config
from fer_pi.sources.demo import scene
from fer_pi.testing.videos import scene_video

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of the README in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def lines() -> list[list[str]]:
    """The words of every shell command in the README, comments left out."""
    return [
        words for block in blocks("sh") for line in block.splitlines() if (words := shlex.split(line, comments=True))
    ]


def test_every_command_of_ours_exists() -> None:
    names = [words[1] for words in lines() if words[0] == "fer-pi"]
    names += re.findall(r"`(?:/opt/fer-pi/bin/)?fer-pi ([a-z]+)", README)
    assert len(names) > 8
    assert set(names) <= set(commands.commands)


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = [words[1] for words in lines() if words[0] == "make"] + re.findall(r"`make ([a-z-]+)", README)
    assert {"demo", "test"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"


def test_every_file_that_is_named_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    mentioned = re.findall(r"(?<![/\w])(?:deploy|systemd|models|docs)/[\w./-]+\w", README)
    for name in {*links, *mentioned}:
        assert (ROOT / name).exists(), name


def test_the_lines_of_configuration_can_be_used() -> None:
    (block,) = blocks("yaml")
    config = checked_config(yaml.safe_load(block))
    assert [output.kind for output in config.outputs] == ["rgb_led", "screen", "event_log"]


@pytest.fixture(scope="module")
def party(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the README's examples name."""
    folder = tmp_path_factory.mktemp("party")
    scene_video(folder / "party.mp4", 3.0, 0.5)
    (folder / "photos").mkdir()
    cv2.imwrite(str(folder / "photos" / "smile.jpg"), scene(3.0))
    return folder


@pytest.mark.parametrize("words", [words for words in lines() if words[:2] == ["fer-pi", "analyze"]], ids=shlex.join)
def test_the_examples_of_analyze_work_word_for_word(party: Path, words: list[str]) -> None:
    command = [sys.executable, "-m", "fer_pi", *words[1:]]
    subprocess.run(command, cwd=party, check=True, capture_output=True, timeout=120)
    for made in ("faces.csv", "out.mp4"):
        if made in words:
            assert (party / made).stat().st_size > 100
