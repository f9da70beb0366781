"""What makes a card agrees with what is on it: paths, units, options; and what cannot become one is refused."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
IMAGE = DEPLOY / "image"
FILES = IMAGE / "root"
BUILD = IMAGE / "build.sh"
SCRIPTS = [BUILD, IMAGE / "try.sh", FILES / "usr/local/sbin/grow-root", FILES / "etc/initramfs-tools/hooks/fer-pi"]
LAYER = IMAGE / "rpi-image-gen/layer/fer-pi.yaml"
USER_DATA = IMAGE / "cloud-init/user-data"
NETWORK = IMAGE / "cloud-init/network-config"


def called(*arguments: str | Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """What build.sh says, with the programs of `path` alone."""
    environment = {**os.environ, "PATH": path or os.environ["PATH"]}
    command = ["/bin/bash", str(BUILD), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def loaded(path: Path) -> Any:
    """The YAML of a file, in which no key may stand twice."""

    class Strict(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            keys = [key.value for key, _ in node.value]
            assert len(keys) == len(set(keys)), f"{path.name}: a key stands twice in {keys}"
            return super().construct_mapping(node, deep)

    return yaml.load(path.read_text(), Strict)


def options_of_install() -> set[str]:
    help_text = (DEPLOY / "install.sh").read_text().partition("<<'END'")[2].partition("\nEND\n")[0]
    return set(re.findall(r"--[a-z-]+", help_text))


# ---- our own image


@pytest.mark.skipif(
    shutil.which("shellcheck") is None, reason="shellcheck is not on this machine (apt install shellcheck)"
)
def test_shellcheck_has_nothing_to_complain_of() -> None:
    done = subprocess.run(["shellcheck", *map(str, SCRIPTS)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_it_can_be_called(script: Path) -> None:
    assert os.access(script, os.X_OK)


def test_help_names_every_option() -> None:
    done = called("--help")
    assert (done.returncode, done.stderr) == (0, "")
    cases = BUILD.read_text().partition("case $1 in")[2].partition("esac")[0]
    assert set(re.findall(r"--[a-z-]+", cases)) == set(re.findall(r"^ +(?:-h, )?(--[a-z-]+)", done.stdout, re.M))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(["--kea"], "unknown option: --kea"), (["--key"], "--key wants a value")],
)
def test_a_wrong_call_is_refused(arguments: list[str], complaint: str) -> None:
    done = called(*arguments)
    assert done.returncode == 1
    assert complaint in done.stderr


@pytest.fixture
def workshop(tmp_path: Path) -> str:
    """A PATH with every program that is asked for, none of which does anything, and root's id."""
    for name in ("mmdebstrap", "unshare", "sfdisk", "mke2fs", "mkfs.vfat", "mcopy", "xz", "qemu-aarch64-static", "id"):
        (tmp_path / name).write_text("#!/bin/sh\necho 0\n")
        (tmp_path / name).chmod(0o755)
    for name in ("uname", "dirname", "cat", "grep", "mountpoint"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("tool", "package"),
    [("mmdebstrap", "mmdebstrap"), ("mcopy", "mtools"), ("qemu-aarch64-static", "qemu-user-static")],
)
def test_a_missing_tool_is_named_by_its_package(workshop: str, tool: str, package: str) -> None:
    if shutil.which(tool, path="/usr/sbin:/sbin"):
        pytest.skip(f"{tool} lies in /usr/sbin here")
    (Path(workshop) / tool).unlink()
    done = called("--cache", f"{workshop}/cache", path=workshop)
    assert done.returncode == 1
    assert f"sudo apt-get install {package}\n" in done.stderr
    assert not (Path(workshop) / "cache").exists()


def test_a_private_key_never_gets_onto_a_card(workshop: str, tmp_path: Path) -> None:
    key = tmp_path / "id_ed25519"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    done = called("--key", key, "--cache", tmp_path / "cache", path=workshop)
    assert done.returncode == 1
    assert "private key" in done.stderr


def test_only_root_makes_one(workshop: str) -> None:
    (Path(workshop) / "id").write_text("#!/bin/sh\necho 1000\n")
    done = called("--cache", f"{workshop}/cache", path=workshop)
    assert done.returncode == 1
    assert "must be run as root" in done.stderr


def test_what_is_called_in_the_image_exists_and_takes_the_options() -> None:
    text = BUILD.read_text()
    options = set(re.findall(r"install_options\+?=\(([^)]*)\)", text)) - {'"$1"'}
    assert options <= options_of_install()
    assert "--read-only-root" in options_of_install()
    assert re.search(r"^ +--read-only-root\) install_options", text, re.M)
    for name in re.findall(r"deploy/\{([^}]*)\}", text)[0].split(","):
        assert (DEPLOY / name).exists()
    enabled = re.search(r"enable (fer-pi[^\n]*(?:\\\n[^\n]*)*)", text)
    assert enabled
    ours = {name for name in re.findall(r"[\w@-]+\.service", enabled[1]) if not name.startswith(("systemd", "wpa"))}
    places = [ROOT / "systemd", FILES / "etc/systemd/system"]
    assert ours == {"fer-pi.service", "grow-root.service"}
    assert all(any((place / name).exists() for place in places) for name in ours)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
@pytest.mark.parametrize(
    "unit",
    [*(FILES / "etc/systemd/system").glob("*.service"), DEPLOY / "appliance/fer-pi-state.service"],
    ids=lambda path: path.name,
)
def test_systemd_has_nothing_to_complain_of(unit: Path, tmp_path: Path) -> None:
    text = re.sub(r"(?<==)(-?)/usr/local/sbin/[\w-]+", r"\1/bin/true", unit.read_text())
    copy = tmp_path / unit.name
    copy.write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    about_it = [line for line in done.stderr.splitlines() if unit.name in line]
    assert about_it == []


def test_the_card_is_found_by_the_names_that_it_is_given() -> None:
    text = BUILD.read_text()
    given = set(re.findall(r"mkfs\.vfat .*-n (\S+)|mke2fs .*-L (\S+)", text))
    labels = {label for pair in given for label in pair if label}
    assert labels == {"FERPI-BOOT", "FERPI-ROOT"}
    assert all(len(label) <= 11 for label in labels)  # what FAT has room for
    fstab = (FILES / "etc/fstab").read_text()
    assert set(re.findall(r"LABEL=(\S+)", fstab)) == labels
    assert 'ROOTPART="LABEL=FERPI-ROOT"' in (FILES / "etc/default/raspi-firmware").read_text()
    unit = (ROOT / "systemd/fer-pi.service").read_text()
    assert "--card /boot/firmware/fer-pi.yaml" in unit
    assert re.search(r"/boot/firmware\s+vfat", fstab)


def test_a_key_on_the_card_is_the_only_way_in() -> None:
    ssh = (FILES / "etc/ssh/sshd_config.d/fer-pi.conf").read_text().splitlines()
    assert {"PasswordAuthentication no", "KbdInteractiveAuthentication no"} <= set(ssh)
    assert "AuthorizedKeysFile /boot/firmware/authorized_keys" in ssh
    unit = (FILES / "etc/systemd/system/ssh.service.d/fer-pi.conf").read_text()
    assert "ConditionPathExists=/boot/firmware/authorized_keys" in unit
    text = BUILD.read_text()
    assert "--password '*'" in text  # no password, and none that could be guessed
    assert "chpasswd" not in text
    assert "/etc/ssh/ssh_host_*" in text  # no key that every board shares
    assert ': >"$stage/etc/machine-id"' in text


def test_the_file_on_the_card_tells_what_may_stand_there() -> None:
    told = (IMAGE / "card.txt").read_text()
    for name in ("fer-pi.yaml", "fer-pi.yaml.errors.txt", "authorized_keys", "wpa_supplicant.conf"):
        assert name in told
    assert (
        "/boot/firmware/wpa_supplicant.conf"
        in (FILES / "etc/systemd/system/wpa_supplicant@wlan0.service.d/fer-pi.conf").read_text()
    )


# ---- Raspberry Pi's image builder


def layer_fields() -> dict[str, str]:
    """The X-Env fields of the layer, as its reader takes them from the comment."""
    fields: dict[str, str] = {}
    name = ""
    for line in LAYER.read_text().partition("# METABEGIN\n")[2].partition("# METAEND\n")[0].splitlines():
        if line.startswith("#  "):
            fields[name] += line.removeprefix("# ")
        elif line != "#":
            name, _, value = line.removeprefix("# ").partition(":")
            assert name not in fields, f"{name} stands twice"
            fields[name] = value.strip()
    return fields


def test_the_layer_has_the_fields_of_its_documentation_and_no_others() -> None:
    fields = layer_fields()
    layer, variable = r"Layer-(Name|Category|Desc|Version|Requires|RequiresProvider)", r"Var-[a-z_]+"
    known = rf"X-Env-({layer}|VarPrefix|{variable}(-(Desc|Required|Valid|Set))?)"
    assert [name for name in fields if not re.fullmatch(known, name)] == []
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["X-Env-Layer-Version"])
    variables = {name for name in fields if re.fullmatch(rf"X-Env-{variable}", name)}
    assert {f"{name}-{part}" for name in variables for part in ("Desc", "Required", "Valid", "Set")} <= set(fields)
    used = set(re.findall(r"IGconf_ferpi_([a-z_]+)", LAYER.read_text().partition("METAEND")[2]))
    assert fields["X-Env-VarPrefix"] == "ferpi"
    assert used == {name.removeprefix("X-Env-Var-") for name in variables}


def test_the_layer_is_the_one_that_the_config_names_and_its_source_is_this_repository() -> None:
    fields = layer_fields()
    config = loaded(IMAGE / "rpi-image-gen/config/fer-pi.yaml")
    assert config["layer"]["app"] == fields["X-Env-Layer-Name"] == LAYER.stem
    assert config["ssh"]["pubkey_only"] == "y"
    assert "user1pass" not in config["device"]
    source = fields["X-Env-Var-source"].replace("${DIRECTORY}", str(LAYER.parent))
    assert Path(source).resolve() == ROOT.resolve()


def test_the_layer_copies_what_there_is_and_installs_it() -> None:
    hooks = loaded(LAYER)["mmdebstrap"]["customize-hooks"]
    copied = " ".join(hooks)
    for pattern in re.findall(r"(?<= )(?:deploy/(?!wheelhouse)\S+|systemd)(?= )", copied):
        assert list(ROOT.glob(pattern)), f"{pattern} is not here"
    assert {"deploy/install.sh", "deploy/appliance", "deploy/60-fer-pi.rules"} <= set(copied.split())
    calls = [hook for hook in hooks if "/root/fer-pi/deploy/install.sh" in hook]
    assert len(calls) == 1
    assert set(re.findall(r"--[a-z-]+", calls[0])) <= options_of_install()
    assert any(hook.endswith('enable-units "$1" fer-pi') for hook in hooks)


# ---- cloud-init


def test_user_data_installs_the_appliance_and_lets_nobody_in_with_a_password() -> None:
    assert USER_DATA.read_text().startswith("#cloud-config\n")
    data = loaded(USER_DATA)
    assert data["ssh_pwauth"] is False
    for user in data["users"]:
        assert user["lock_passwd"] is True
        assert not {"passwd", "plain_text_passwd", "hashed_passwd"} & set(user)
    calls = [command for command in data["runcmd"] if command[0] == "bash"]
    assert [command[1] for command in calls] == ["/boot/firmware/fer-pi/deploy/install.sh"]
    assert set(calls[0][2:]) <= options_of_install()
    readme = (IMAGE / "README.md").read_text()
    assert "cp -r deploy systemd /media/you/bootfs/fer-pi/" in readme


def test_the_network_is_optional() -> None:
    network = loaded(NETWORK)["network"]
    assert network["version"] == 2
    links = [*network["ethernets"].values(), *network["wifis"].values()]
    assert links
    assert all(link["optional"] is True for link in links)


@pytest.mark.skipif(shutil.which("cloud-init") is None, reason="cloud-init is not on this machine")
def test_cloud_init_takes_user_data() -> None:
    command = ["cloud-init", "schema", "--config-file", str(USER_DATA)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "path", [USER_DATA, NETWORK, LAYER, IMAGE / "rpi-image-gen/config/fer-pi.yaml"], ids=lambda path: path.name
)
def test_it_is_tidy_yaml(path: Path) -> None:
    text = path.read_text()
    assert loaded(path)
    assert "\t" not in text
    assert text.endswith("\n")
    assert not re.search(r" +$", text, re.M)


def test_the_readme_s_commands_exist() -> None:
    readme = (IMAGE / "README.md").read_text()
    for path in re.findall(r"(?<![\w/])deploy/[\w./-]+\w", readme):
        assert (ROOT / path).exists() or path == "deploy/bench", f"{path} is not here"
    for option in re.findall(r"build\.sh (--[a-z-]+)", readme):
        assert option in BUILD.read_text()
