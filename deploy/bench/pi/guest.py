"""A Raspberry Pi 4B in QEMU: switched on, asked, photographed, and cut off."""

import base64
import json
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from deploy.bench.machine import CommandError
from deploy.bench.pi.image import MEMORY_MB, PROCESSORS, Image

BOOT_WITHIN_S = 240
SHARE = "/run/bench-share"
COMMAND_LINE = "rw console=ttyAMA0 quiet panic=5 systemd.show_status=0 vt.global_cursor_default=0"


class Guest:
    """A machine with an own disk, which keeps what is written to it from one boot to the next."""

    def __init__(
        self,
        image: Image,
        work: Path,
        *,
        usb: Sequence[Path] = (),
        screen: tuple[int, int] | None = (800, 480),
        watchdog: bool = False,
    ) -> None:
        """`work` is a folder for its files, `usb` the sockets of what is at its USB ports, `screen` in pixels."""
        self.name = "virtual Pi 4B"
        self.screen = screen
        """The size of its monitor from the next boot on; None for none."""
        self._image = image
        self._work = work
        self._usb = usb
        self._watchdog = watchdog
        self._share = work / "share"
        self._share.mkdir(parents=True, exist_ok=True)
        self._disk = work / "disk.qcow2"
        self._run_tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", image.disk, "-F", "raw", self._disk)
        self._qemu: subprocess.Popen[bytes] | None = None
        self._agent: socket.socket | None = None
        self._lines = ExitStack()
        """The connections to it while it runs."""

    def boot(self) -> float:
        """Switch it on, and return the seconds until it took commands; a machine that runs is left as it is (0.0)."""
        if self._qemu is not None:
            return 0.0
        began = time.monotonic()
        with (self._work / "qemu.log").open("ab") as complaints:
            self._qemu = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=complaints, stderr=complaints
            )
        self._agent = self._lines.enter_context(self._connected("agent"))
        control = self._lines.enter_context(self._connected("control"))
        self._control = self._lines.enter_context(control.makefile("rwb"))
        self._control.readline()
        self.control("qmp_capabilities")
        self._agent.settimeout(BOOT_WITHIN_S)
        self._answers = self._lines.enter_context(self._agent.makefile("rb"))
        self._ready()
        return time.monotonic() - began

    def boot_again(self) -> float:
        """Wait until it has started anew by itself, and return the seconds until it took commands."""
        assert self._agent is not None
        self._agent.settimeout(BOOT_WITHIN_S)
        began = time.monotonic()
        self._ready()
        return time.monotonic() - began

    def cut_power(self) -> None:
        """Pull the plug: what was not on the disk is lost, nothing is shut down. `boot` starts it again."""
        if self._qemu is None:
            return
        self._qemu.kill()
        self._qemu.wait()
        self._qemu = None
        self._lines.close()

    def run(self, command: str, timeout_s: float = 60.0) -> str:
        """What `command`, given to bash as root, has said on standard output and error.

        Raises CommandError if it ended with something else than 0, TimeoutError if it did not end in time.
        """
        if self._agent is None or self._qemu is None:
            raise OSError("the guest is switched off")
        self._agent.settimeout(timeout_s + 30)
        self._agent.sendall(f"{timeout_s:.3f} {base64.b64encode(command.encode()).decode()}\n".encode())
        status, said = self._line()
        output = base64.b64decode(said).decode(errors="replace")
        if int(status) in (124, 137):
            raise TimeoutError(f"`{command}` has not ended within {timeout_s:.0f} s: {output}")
        if int(status):
            raise CommandError(command, int(status), output)
        return output

    def put(self, content: bytes, path: str) -> None:
        """Make the file `path` on the machine hold `content`; its folder must be there."""
        (self._share / "put").write_bytes(content)
        self.run(f"cat {SHARE}/put > {shlex.quote(path)}")

    def get(self, path: str) -> bytes:
        """The content of the file `path` on the machine. Raises FileNotFoundError if there is none."""
        try:
            return base64.b64decode(self.run(f"test -e {shlex.quote(path)} || exit 66; base64 -w0 {shlex.quote(path)}"))
        except CommandError as error:
            if error.status == 66:
                raise FileNotFoundError(path) from error
            raise

    def files_of(self, folder: Path) -> str:
        """A path on the machine at which the content of `folder`, of this computer, can be read."""
        shutil.copytree(folder, self._share / folder.name, dirs_exist_ok=True)
        return f"{SHARE}/{folder.name}"

    def close(self) -> None:
        """Switch it off for good, and release what it held; twice is fine."""
        self.cut_power()
        shutil.rmtree(self._work, ignore_errors=True)

    def control(self, command: str, **arguments: Any) -> Any:
        """What QEMU's monitor answers. Raises OSError if it refuses."""
        self._control.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self._control.flush()
        while True:
            told = json.loads(self._control.readline())
            if "error" in told:
                raise OSError(f"QEMU, {command}: {told['error']['desc']}")
            if "return" in told:
                return told["return"]

    def screenshot(self, path: Path) -> None:
        """Write what its monitor shows to `path`, as PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.control("screendump", filename=str(path.resolve()), format="png")

    def _ready(self) -> None:
        """Wait for the agent, and let the guest see the folder that it shares with this computer."""
        while self._line() != [b"ready"]:
            pass
        self.run(f"mkdir -p {SHARE} && modprobe 9pnet_virtio && mount -t 9p -o trans=virtio,ro bench {SHARE}")

    def _command(self) -> list[str]:
        words = [
            "qemu-system-aarch64",
            *("-M", "virt,gic-version=2", "-cpu", "cortex-a72", "-accel", "tcg,thread=multi"),
            *("-smp", PROCESSORS, "-m", MEMORY_MB, "-nodefaults", "-display", "none"),
            *("-kernel", self._image.kernel, "-initrd", self._image.initrd, "-dtb", self._image.device_tree),
            *("-append", f"root={self._image.root} {COMMAND_LINE}"),
            *("-serial", f"file:{self._work / 'console.log'}"),
            *("-qmp", f"unix:{self._work / 'control'},server=on,wait=off"),
            *("-drive", f"file={self._disk},format=qcow2,if=none,id=card,cache=writeback"),
            *("-device", "virtio-blk-pci,drive=card", "-device", "virtio-rng-pci"),
            *(
                "-device",
                "virtio-serial-pci",
                "-chardev",
                f"socket,id=agent,path={self._work / 'agent'},server=on,wait=off",
            ),
            *("-device", "virtserialport,chardev=agent,name=bench"),
            *("-fsdev", f"local,id=share,path={self._share},security_model=none,readonly=on"),
            *("-device", "virtio-9p-pci,fsdev=share,mount_tag=bench"),
            *("-device", "qemu-xhci,id=usb"),
        ]
        for number, path in enumerate(self._usb):
            words += ["-chardev", f"socket,id=usb{number},path={path}", "-device", f"usb-redir,chardev=usb{number}"]
        if self.screen:
            words += ["-device", "virtio-gpu-pci,xres={},yres={}".format(*self.screen)]
        if self._watchdog:
            words += ["-device", "i6300esb", "-action", "watchdog=reset"]
        return [str(word) for word in words]

    def _line(self) -> list[bytes]:
        """The words of the next answer of the agent."""
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            last = (self._work / "console.log").read_text(errors="replace")[-2000:]
            raise OSError(f"the guest is gone: {(self._work / 'qemu.log').read_text()}{last}")
        return line.rstrip(b"\n").split(b" ")

    def _connected(self, name: str) -> socket.socket:
        assert self._qemu is not None
        until = time.monotonic() + 30
        while True:
            try:
                connection = socket.socket(socket.AF_UNIX)
                connection.connect(str(self._work / name))
                return connection
            except OSError as error:
                connection.close()
                if self._qemu.poll() is not None or time.monotonic() > until:
                    raise OSError(f"QEMU does not start: {(self._work / 'qemu.log').read_text()}") from error
                time.sleep(0.05)

    @staticmethod
    def _run_tool(*words: object) -> None:
        subprocess.run([str(word) for word in words], check=True)
