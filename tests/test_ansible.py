"""The Ansible role keeps its promises: each variable documented, one machine after another, none without the gate."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from fer_pi.config import load_config

ANSIBLE = Path(__file__).parent.parent / "deploy" / "ansible"
ROLE = ANSIBLE / "roles" / "fer_pi"
FILES = sorted(path for path in ANSIBLE.rglob("*.yml"))


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def tasks(name: str) -> list[dict[str, Any]]:
    """Every task of a file, those of blocks too, in order."""
    found: list[dict[str, Any]] = []

    def collect(these: list[dict[str, Any]]) -> None:
        for task in these:
            found.append(task)
            for part in ("block", "rescue", "always"):
                collect(task.get(part, []))

    collect(loaded(ROLE / "tasks" / name))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ANSIBLE)))
def test_every_file_is_yaml(path: Path) -> None:
    assert loaded(path)


def test_every_variable_has_a_default_and_is_documented_with_the_same() -> None:
    documented = loaded(ROLE / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = loaded(ROLE / "defaults/main.yml")
    assert {name: option["default"] for name, option in documented.items()} == defaults
    assert all(option["description"] and name.startswith("fer_pi_") for name, option in documented.items())


def test_the_fleet_goes_one_by_one_and_ends_with_the_first_that_fails() -> None:
    (play,) = loaded(ANSIBLE / "fleet.yml")
    assert (play["serial"], play["any_errors_fatal"], play["max_fail_percentage"]) == (1, True, 0)
    assert "strategy" not in play
    assert [role["role"] for role in play["roles"]] == ["fer_pi"]


def test_no_machine_goes_round_the_gate() -> None:
    """It is asked of every machine that is to have fer_pi, whatever has changed, and its answer counts."""
    parts = {task["ansible.builtin.import_tasks"]: task for task in tasks("main.yml")}
    assert parts["config.yml"]["when"] == "fer_pi_state == 'present'"
    (gate,) = [task for task in tasks("config.yml") if "healthy.py" in str(task.get("ansible.builtin.script"))]
    assert not {"when", "ignore_errors", "failed_when", "tags"} & gate.keys()
    (whole,) = [part for part in loaded(ROLE / "tasks/config.yml") if "block" in part]
    assert gate in whole["block"]
    assert not {"when", "ignore_errors", "tags"} & whole.keys()
    assert "ansible.builtin.fail" in whole["rescue"][-1], "what is taken back is still a failure"
    for task in [*tasks("main.yml"), *tasks("package.yml")]:
        assert not {"ignore_errors", "ignore_unreachable", "tags"} & task.keys(), task["name"]


def test_an_upgrade_is_accepted_by_the_gate_before_the_old_version_goes() -> None:
    (install,) = [task for task in tasks("package.yml") if task["name"] == "Install it"]
    assert "fer_pi_acceptance" in install["ansible.builtin.command"]["argv"]
    acceptance = loaded(ROLE / "vars/main.yml")["fer_pi_acceptance"]
    assert "--accept" in acceptance
    assert "healthy.py" in acceptance
    assert "if fer_pi_old.stat.exists" in acceptance


def test_what_is_packed_is_what_the_installer_needs() -> None:
    packing = loaded(ROLE / "vars/main.yml")["fer_pi_packing"]
    for folder in ("deploy", "systemd"):
        assert folder in packing
        assert (ANSIBLE.parent.parent / folder).is_dir()
    for left_out in (word.removeprefix("--exclude=") for word in packing if word.startswith("--exclude=deploy")):
        assert left_out not in (ANSIBLE.parent / "install.sh").read_text()


@pytest.mark.parametrize("path", sorted(ANSIBLE.glob("inventory/*_vars/*.yml")), ids=lambda path: path.stem)
def test_the_configurations_of_the_example_are_good_ones(tmp_path: Path, path: Path) -> None:
    written = tmp_path / "config.yaml"
    written.write_text(yaml.safe_dump(loaded(path)["fer_pi_config"]))
    load_config(written)
