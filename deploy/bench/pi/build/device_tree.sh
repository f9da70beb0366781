#!/usr/bin/env bash
# Make a device tree for QEMU's "virt" board that says it is a Raspberry Pi 4B, and whose first GPIO chip has the label and
# the 54 lines of a Pi's. gpiozero goes by these.
#
# usage: device_tree.sh OUT.dtb PROCESSORS MEGABYTES
set -euo pipefail

out=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

qemu-system-aarch64 -M virt,gic-version=2,dumpdtb="$work/virt.dtb" -cpu cortex-a72 -smp "$2" -m "$3" -display none -nic none \
    >/dev/null 2>&1
dtc -q -I dtb -O dts -o "$work/virt.dts" "$work/virt.dtb"

# Without the board's own GPIO chip (and the key on it), so that ours is the first.
awk '
    /^\t(pl061@[0-9a-f]+|gpio-keys) \{/ { skipping = 1 }
    !skipping
    skipping && /^\t\};/ { skipping = 0 }
' "$work/virt.dts" | sed 's/^\tmodel = .*/\tmodel = "Raspberry Pi 4 Model B Rev 1.4";/' >"$work/pi.dts"
cat >>"$work/pi.dts" <<'END'
/ {
	system {
		linux,revision = <0x00c03114>;
	};
	gpio-sim {
		compatible = "gpio-simulator";
		bank0 {
			gpio-controller;
			#gpio-cells = <2>;
			ngpios = <54>;
			gpio-sim,label = "pinctrl-bcm2711";
		};
	};
};
END
dtc -q -I dts -O dtb -o "$out" "$work/pi.dts"
