"""The installer says what it would do, does it below another root, keeps what works, and refuses what cannot."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parent.parent / "deploy"
INSTALL = DEPLOY / "install.sh"
SCRIPTS = sorted(
    path
    for path in DEPLOY.rglob("*")
    if path.is_file() and not path.is_symlink() and re.match(rb"#!.*\b(ba)?sh\b", path.read_bytes()[:40])
)
"""Every shell script of the installer, the image, the bench and the fleet."""


def called(
    *arguments: str | Path, script: Path = INSTALL, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """What the script says, with the programs of the folder `path` before those of this machine."""
    environment = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    environment["PATH"] = os.pathsep.join([*([str(path)] if path else []), environment["PATH"]])
    command = ["bash", str(script), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def program(folder: Path, name: str, body: str) -> Path:
    """The folder, now with a program of that name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return folder


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every path below, with its inode and time of change."""
    found = {}
    for path in folder.rglob("*"):
        if "__pycache__" not in path.parts:
            seen = path.lstat()
            found[str(path.relative_to(folder))] = (seen.st_ino, seen.st_mtime_ns)
    return found


@pytest.mark.skipif(
    shutil.which("shellcheck") is None, reason="shellcheck is not on this machine (apt install shellcheck)"
)
def test_shellcheck_has_nothing_to_complain_of() -> None:
    done = subprocess.run(["shellcheck", *map(str, SCRIPTS)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_it_is_good_bash_and_can_be_called(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True, timeout=20)
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize("name", ["install.sh", "wheelhouse.sh"])
def test_help_names_every_option(name: str) -> None:
    done = called("--help", script=DEPLOY / name)
    assert (done.returncode, done.stderr) == (0, "")
    handled = {
        "install.sh": [
            *("--wheels", "--no-start", "--python", "--uninstall", "--keep-config", "--root", "--dry-run", "--accept"),
            *("--appliance", "--read-only-root", "--writable-root"),
        ]
    }
    for option in handled.get(name, ["--to", "bookworm", "trixie", "aarch64", "x86_64"]):
        assert option in done.stdout
        assert option in (DEPLOY / name).read_text().partition("\nEND\n")[2], f"{option} is promised, not handled"


def test_a_dry_run_says_the_plan_and_touches_nothing(tmp_path: Path) -> None:
    done = called("--dry-run", "--root", tmp_path, "--python", sys.executable)
    assert (done.returncode, done.stderr) == (0, "")
    for told in (
        "-m venv --system-site-packages",
        "--constraint",
        "fer-pi.service",
        "config.yaml",
        "nothing was touched",
    ):
        assert told in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_of_the_removal_touches_nothing(tmp_path: Path) -> None:
    kept = tmp_path / "etc" / "fer-pi" / "config.yaml"
    kept.parent.mkdir(parents=True)
    kept.write_text("outputs: []\n")
    done = called("--dry-run", "--uninstall", "--root", tmp_path)
    assert done.returncode == 0
    assert str(kept.parent) in done.stdout
    assert kept.exists()


@pytest.mark.parametrize(
    ("stubs", "complaint", "remedy"),
    [
        ({"id": "echo 1000"}, "must be run as root", "sudo"),
        ({"id": "echo 0", "dpkg": "echo armhf"}, "armhf", "Raspberry Pi OS (64-bit)"),
        ({"id": "echo 0", "dpkg": "echo i386"}, "i386", "64-bit"),
    ],
    ids=["not root", "32-bit Pi", "32-bit PC"],
)
def test_a_machine_that_cannot_is_refused_with_the_remedy(
    tmp_path: Path, stubs: dict[str, str], complaint: str, remedy: str
) -> None:
    for name, body in {"apt-get": "exit 1", "dpkg": "echo arm64", **stubs}.items():
        program(tmp_path, name, body)
    done = called("--no-start", path=tmp_path)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert remedy in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.14"])
def test_a_python_that_it_is_not_made_for_is_refused(tmp_path: Path, version: str) -> None:
    python = program(tmp_path / "bin", "python3", f"echo {version}") / "python3"
    done = called("--root", tmp_path / "root", "--python", python)
    assert done.returncode == 1
    assert f"is Python {version}" in done.stderr
    assert "Bookworm" in done.stderr
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--purge"], "unknown option: --purge"),
        (["--wheels"], "--wheels wants a value"),
        (["--keep-config"], "goes with --uninstall"),
        (["--root", "here"], "absolute"),
        (["--root", "/nowhere", "--python", sys.executable, "--wheels", "/nowhere/wheels"], "no such folder"),
        (["--root", "/nowhere", "--python", "/nowhere/python3"], "no such program"),
    ],
)
def test_a_wrong_call_is_refused(arguments: list[str], complaint: str) -> None:
    done = called(*arguments)
    assert done.returncode == 1
    assert complaint in done.stderr


PYTHON = """
case "$*" in
    *version_info*) echo 3.11 ;;
    *calcsize*) echo 8 ;;
    "-m venv "*) mkdir -p "$4/bin" "$4/lib/python3.11/site-packages/fer_pi" && cp "$0" "$4/bin/python" ;;
    *compileall*) mkdir "${0%/bin/python}/lib/python3.11/site-packages/fer_pi/__pycache__" ;;
    *lgpio*) ;;
    "-m pip "*)
        [ "$PYTHONNOUSERSITE" = 1 ] || exit 1  # else it would count on what root has in ~/.local
        for wheel; do :; done
        grep -q broken "$wheel" && exit 1
        cp "$wheel" "${0%/python}/fer-pi" && chmod +x "${0%/python}/fer-pi"
        sed -n 's/^# default: //p' "$wheel" >"${0%/bin/python}/lib/python3.11/site-packages/fer_pi/config.yaml" ;;
esac
"""
"""A Python whose venvs are folders, and whose pip makes of a "wheel", a shell script, the program fer-pi."""


class Shelf:
    """A root to install into, and the wheel that is installed."""

    def __init__(self, folder: Path) -> None:
        self.root, self.wheel = folder / "root", folder / "wheels" / "fer_pi-0.1.0-py3-none-any.whl"
        self.python = program(folder / "bin", "python3", PYTHON) / "python3"
        self.root.mkdir()
        self.wheel.parent.mkdir()

    def installed(self, *options: str) -> subprocess.CompletedProcess[str]:
        return called("--root", self.root, "--python", self.python, "--wheels", self.wheel.parent, *options)

    def release(self, version: str, refuses: str = "nothing") -> None:
        """A new wheel, whose `fer-pi check` refuses a configuration with that word."""
        check = f'for file; do :; done; grep -n {refuses} "$file" && exit 78 || exit 0'
        body = f'case "$*" in *check*) {check} ;; *) echo "fer-pi, version {version}" ;; esac'
        self.wheel.write_text(f"#!/bin/sh\n# default: made_for: {version}\n{body}\n")

    def version(self) -> str:
        done = subprocess.run([self.root / "usr/local/bin/fer-pi"], capture_output=True, text=True, check=True)
        return done.stdout.split()[-1]

    @property
    def config(self) -> Path:
        return self.root / "etc/fer-pi/config.yaml"


SYSTEMCTL = """
systemd_runs() { true; }
mountpoint() { true; }
udevadm() { true; }
sleep() { true; }
running=$(cat "$root/process")
systemctl() {
    case "$*" in
        *is-active*) [ $running != 0 ] ;;
        *MainPID*) echo $running ;;
        *) echo "systemctl $*" && case $1 in start | restart) running=$$ ;; stop) running=0 ;; esac ;;
    esac
}
"""
"""A systemd that says what it is told; its service is at first the process with the number in the file `process`."""


def under_systemd(
    shelf: Shelf, process: int, *options: str, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """What the installer says below the shelf's root where such a systemd runs, and the service is that process."""
    (shelf.root / "process").write_text(str(process))
    functions, begin, calls = INSTALL.read_text().rpartition("\nif [ $uninstall = yes ]; then\n")
    script = shelf.root.parent / "install.sh"
    script.write_text(f"{functions}\nhere={DEPLOY} source_dir={DEPLOY.parent}\n{SYSTEMCTL}{begin}{calls}")
    options = ("--python", str(shelf.python), "--wheels", str(shelf.wheel.parent), *options)
    return called("--root", shelf.root, *options, script=script, path=path)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A root where 0.1.0 has been installed."""
    shelf = Shelf(tmp_path)
    shelf.release("0.1.0")
    done = shelf.installed()
    assert (done.returncode, done.stderr) == (0, "")
    return shelf


def test_what_is_installed_is_the_program_its_units_and_its_configuration(shelf: Shelf) -> None:
    assert shelf.version() == "0.1.0"
    assert shelf.config.read_text() == "made_for: 0.1.0\n"
    for unit in (DEPLOY.parent / "systemd").glob("*.service"):
        assert (shelf.root / "etc/systemd/system" / unit.name).read_bytes() == unit.read_bytes()


def test_the_service_finds_its_bytecode(shelf: Shelf) -> None:
    """It may not write any itself, and would compile itself at each start."""
    assert list(shelf.root.glob("opt/fer-pi/lib/python3.11/site-packages/fer_pi/__pycache__"))


def test_again_changes_nothing(shelf: Shelf) -> None:
    before = tree(shelf.root)
    assert "up to date" in shelf.installed().stdout
    assert tree(shelf.root) == before


def test_an_upgrade_takes_over_and_leaves_one_version(shelf: Shelf) -> None:
    for version in ("0.2.0", "0.3.0"):
        shelf.release(version)
        assert shelf.installed().returncode == 0
        assert shelf.version() == version
        assert len([path for path in (shelf.root / "opt/fer-pi.d").iterdir() if path.is_dir()]) == 1


@pytest.fixture
def service(shelf: Shelf) -> Iterator[int]:
    """A process that runs out of the version which is installed."""
    path = shelf.root / "opt/fer-pi.d" / (shelf.root / "opt/fer-pi").readlink().name / "bin/sleep"
    path.symlink_to(shutil.which("sleep") or "sleep")
    with subprocess.Popen([path, "100"]) as process:
        yield process.pid
        process.kill()


def test_the_version_that_still_runs_is_not_built_over(shelf: Shelf, service: int) -> None:
    shelf.release("0.2.0")
    assert shelf.installed("--no-start").returncode == 0
    before = tree(shelf.root / "opt")
    shelf.release("0.3.0")
    done = under_systemd(shelf, service, "--no-start")
    assert done.returncode == 1
    assert "Restart the service first: sudo systemctl restart fer-pi" in done.stderr
    assert tree(shelf.root / "opt") == before


def test_the_version_that_still_runs_is_not_taken_for_the_new_one(shelf: Shelf, service: int) -> None:
    shelf.release("0.2.0")
    assert shelf.installed("--no-start").returncode == 0
    done = under_systemd(shelf, service)
    assert (done.returncode, done.stderr) == (0, "")
    assert "up to date" in done.stdout
    assert "systemctl restart fer-pi.service" in done.stdout


def test_your_configuration_is_never_overwritten(shelf: Shelf) -> None:
    shelf.config.write_text("mine: 1\n")
    shelf.release("0.2.0")
    assert shelf.installed().returncode == 0
    assert shelf.config.read_text() == "mine: 1\n"
    assert Path(f"{shelf.config}.new").read_text() == "made_for: 0.2.0\n"


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("broken wheel", "pip could not install"),
        ("dies", "does not run"),
        ("refuses its own default", "does not work on this machine"),
        ("refuses your configuration", "the old one does"),
    ],
)
def test_an_upgrade_that_fails_leaves_the_old_version(shelf: Shelf, fault: str, complaint: str) -> None:
    shelf.config.write_text("mine: 1\n")
    before = tree(shelf.root)
    shelf.release(
        "0.2.0", refuses={"refuses its own default": "made_for", "refuses your configuration": "mine"}.get(fault, "-")
    )
    if fault == "broken wheel":
        shelf.wheel.write_text("broken")
    elif fault == "dies":
        shelf.wheel.write_text("#!/bin/sh\nexit 1\n")
    done = shelf.installed()
    assert done.returncode == 1
    assert complaint in done.stderr
    assert "version 0.1.0 is still in place" in done.stderr
    after = tree(shelf.root)
    after["opt/fer-pi.d"] = before["opt/fer-pi.d"]  # where the new one was made
    assert after == before
    assert shelf.version() == "0.1.0"


def test_a_first_try_that_fails_leaves_nothing(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.wheel.write_text("broken")
    done = shelf.installed()
    assert done.returncode == 1
    assert "Nothing was installed" in done.stderr
    assert [path.name for path in shelf.root.rglob("*")] == ["opt"]


def test_a_venv_made_by_hand_is_replaced(shelf: Shelf) -> None:
    link = shelf.root / "opt/fer-pi"
    link.unlink()
    (link / "bin").mkdir(parents=True)
    assert shelf.installed().returncode == 0
    assert link.is_symlink()
    assert shelf.version() == "0.1.0"


def test_removal_leaves_nothing_or_the_configuration(shelf: Shelf) -> None:
    (shelf.root / "var/lib/private/fer-pi").mkdir(parents=True, exist_ok=True)
    (shelf.root / "var/lib/private/fer-pi/last_good.yaml").touch()
    assert shelf.installed("--uninstall", "--keep-config").returncode == 0
    assert [path for path in shelf.root.rglob("*") if not path.is_dir()] == [shelf.config]
    assert shelf.installed("--uninstall").returncode == 0
    assert [path for path in shelf.root.rglob("*") if not path.is_dir()] == []
    assert not list(shelf.root.rglob("*fer-pi*"))


def test_somebody_elses_command_stays(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.release("0.1.0")
    theirs = program(shelf.root / "usr/local/bin", "fer-pi", "echo theirs") / "fer-pi"
    assert "left alone" in shelf.installed().stdout
    assert shelf.installed("--uninstall").returncode == 0
    assert "theirs" in theirs.read_text()


def test_what_an_appliance_wants_is_kept_by_an_upgrade_and_goes_with_the_rest(shelf: Shelf) -> None:
    etc = shelf.root / "etc/systemd"
    parts = {etc / "system.conf.d/60-fer-pi.conf": "watchdog", etc / "journald.conf.d/60-fer-pi.conf": "journal"}
    assert not any(path.exists() for path in parts)
    assert shelf.installed("--appliance").returncode == 0
    shelf.release("0.2.0")
    assert shelf.installed().returncode == 0
    for path, name in parts.items():
        assert path.read_bytes() == (DEPLOY / "appliance" / f"{name}.conf").read_bytes()
    before = tree(shelf.root)
    assert "as they should be" in shelf.installed("--appliance").stdout
    assert tree(shelf.root) == before
    assert shelf.installed("--uninstall").returncode == 0
    assert [path for path in shelf.root.rglob("*") if not path.is_dir()] == []


@pytest.fixture
def card(shelf: Shelf) -> Path:
    """The boot partition of that root."""
    if not Path("/sbin/mke2fs").exists():
        pytest.skip("mke2fs is not on this machine (apt install e2fsprogs)")
    path = shelf.root / "boot/firmware"
    path.mkdir(parents=True)
    return path


def inside(filesystem: Path, path: str) -> str:
    """The content of a file in an ext4 filesystem that nobody mounts."""
    command = ["/sbin/debugfs", "-R", f"cat {path}", str(filesystem)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout


def test_a_read_only_root_keeps_the_state_on_the_card_and_can_be_taken_back(shelf: Shelf, card: Path) -> None:
    state = shelf.root / "var/lib/private/fer-pi"
    state.mkdir(parents=True, exist_ok=True)
    (state / "privacy").write_text("closed")
    overlay, units = shelf.root / "etc/overlayroot.local.conf", shelf.root / "etc/systemd/system"
    before = tree(shelf.root)
    assert shelf.installed("--read-only-root").returncode == 0
    assert 'overlayroot="tmpfs:recurse=0"' in overlay.read_text().splitlines()
    assert (units / "fer-pi.service.wants/fer-pi-state.service").exists()
    assert inside(card / "fer-pi.state", "privacy") == "closed"
    kept = (card / "fer-pi.state").stat().st_mtime_ns
    assert shelf.installed("--read-only-root").returncode == 0
    assert (card / "fer-pi.state").stat().st_mtime_ns == kept
    assert shelf.installed("--writable-root").returncode == 0
    assert not overlay.exists()
    assert (card / "fer-pi.state").exists()
    assert set(before) <= set(tree(shelf.root))


def test_a_read_only_root_goes_with_the_rest(shelf: Shelf, card: Path) -> None:
    """Also where the script comes alone, as Ansible brings it."""
    assert shelf.installed("--read-only-root").returncode == 0
    alone = Path(shutil.copy(INSTALL, shelf.root.parent))
    assert called("--root", shelf.root, "--uninstall", script=alone).returncode == 0
    assert [path for path in shelf.root.rglob("*") if not path.is_dir()] == []
    assert not list(shelf.root.rglob("*fer-pi*"))


@pytest.mark.parametrize("process", [0, os.getpid()], ids=["stopped", "running"])
def test_a_service_that_ran_runs_again_once_its_state_is_on_the_card(shelf: Shelf, card: Path, process: int) -> None:
    done = under_systemd(shelf, process, "--read-only-root", "--no-start")
    assert (done.returncode, done.stderr) == (0, "")
    assert (card / "fer-pi.state").exists()
    asked = [line for line in done.stdout.splitlines() if line.startswith("systemctl st")]
    assert asked == (["systemctl stop fer-pi.service", "systemctl start fer-pi.service"] if process else [])


def test_a_state_that_cannot_be_made_leaves_the_service_running_and_nothing_on_the_card(
    shelf: Shelf, card: Path
) -> None:
    done = under_systemd(
        shelf, os.getpid(), "--read-only-root", path=program(shelf.root.parent / "full", "dd", "exit 1")
    )
    assert done.returncode == 1
    assert "fer-pi.state could not be made" in done.stderr
    assert done.stdout.splitlines()[-1] == "systemctl start fer-pi.service"
    assert list(card.iterdir()) == []
    assert not (shelf.root / "etc/overlayroot.local.conf").exists()


def test_a_read_only_root_is_refused_where_the_state_has_no_place(shelf: Shelf) -> None:
    before = tree(shelf.root)
    done = shelf.installed("--read-only-root")
    assert done.returncode == 1
    assert "boot/firmware" in done.stderr
    assert tree(shelf.root) == before


def test_somebody_elses_overlay_is_not_touched(shelf: Shelf, card: Path) -> None:
    theirs = shelf.root / "etc/overlayroot.local.conf"
    theirs.write_text('overlayroot="disabled"\n')
    assert "not ours" in shelf.installed("--read-only-root").stderr
    assert shelf.installed("--writable-root").returncode == 0
    assert shelf.installed("--uninstall").returncode == 0
    assert theirs.exists()
