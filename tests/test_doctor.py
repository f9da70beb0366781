"""`fer-pi doctor` looks at this machine, whatever it is, and always says something about everything."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from fer_pi.checks import Finding, Verdict
from fer_pi.doctor import findings, findings_table, nearest_folder, print_findings


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("camera: {kind: demo}\noutputs: []\n")
    return path


def test_this_machine_is_looked_at_from_all_sides(config: Path, tmp_path: Path) -> None:
    found = {finding.about: finding for finding in findings(config, tmp_path / "later/fer-pi", {})}
    assert set(found) == {
        *("processor", "python", "packages", "configuration", "groups", "permissions", "camera", "gpio", "display"),
        *("power", "heat", "disk", "clock"),
    }
    for about in ("processor", "python", "configuration", "camera", "gpio", "display"):
        assert found[about].verdict is not Verdict.BAD, found[about]
        assert found[about].verdict is not Verdict.MISSING, found[about]


def test_a_bad_configuration_or_model_is_one_finding_and_the_rest_is_looked_at_too(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    for text, complaint in (("mood: {tau: 1}\n", "did you mean 'tau_s'"), ("classifier: {model: /no}\n", "no model")):
        path.write_text(text)
        found = {finding.about: finding for finding in findings(path, tmp_path, {})}
        assert complaint in found["configuration"].text
        assert "clock" in found


def test_a_state_folder_that_may_not_be_seen_ends_nothing(hidden: Path) -> None:
    assert hidden.is_relative_to(nearest_folder(hidden / "private/fer-pi"))


def test_people_see_a_sign_a_colour_and_the_cure_below(capsys: pytest.CaptureFixture[str]) -> None:
    found = [Finding("python", Verdict.GOOD, "Python 3.13"), Finding("camera", Verdict.MISSING, "none", "plug one in")]
    out = io.StringIO()
    Console(file=out, width=60, force_terminal=True).print(findings_table(found))
    lines = out.getvalue().splitlines()
    assert "\x1b[32m✓" in lines[0]
    assert "\x1b[1;31m✗" in lines[1]
    assert "→ plug one in" in lines[2]
    print_findings(found, as_json=True)
    assert json.loads(capsys.readouterr().out)[1] == {
        "about": "camera",
        "verdict": "missing",
        "text": "none",
        "cure": "plug one in",
    }
