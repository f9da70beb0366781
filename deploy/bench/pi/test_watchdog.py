"""A kernel that hangs is started again by the board's own watchdog."""

from pathlib import Path

from deploy.bench.conftest import Measure
from deploy.bench.pi.image import Image
from deploy.bench.pi.rig import rig


def test_the_hardware_watchdog_restarts_a_kernel_that_hangs(image: Image, tmp_path: Path, measured: Measure) -> None:
    pi = rig(image, tmp_path / "w", screen=None, watchdog=True)
    try:
        pi.webcam.plug()
        pi.guest.boot()
        pi.guest.run("modprobe i6300esb; sysctl -q kernel.panic=0 kernel.sysrq=1")
        pi.guest.run("systemctl daemon-reexec")  # which finds the watchdog, as install.sh --appliance wants it
        assert "15s" in pi.guest.run("systemctl show --property=RuntimeWatchdogUSec")
        pi.appliance.until_mood(120)
        pi.guest.run("sync; (sleep 1; echo c > /proc/sysrq-trigger) >/dev/null 2>&1 &")
        measured("kernel crash: hardware watchdog, taking commands again", pi.guest.boot_again(), 120)
        measured("kernel crash: and the mood shown", pi.appliance.until_mood(120), 60)
    finally:
        pi.close()
