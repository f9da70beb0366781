#!/usr/bin/env bash
# Fetch Debian's newest kernel for arm64 (of the backports to Debian 12), and build for it the one module that Debian leaves
# out and the bench needs: gpio-sim, pins that can be looked at.
#
# usage: kernel.sh WORK OUT      WORK keeps what was fetched, 240 MB; OUT becomes the folder with boot and lib/modules
set -euo pipefail

work=$1
out=$(realpath -m "$2")
mirror=${MIRROR:-http://deb.debian.org/debian}

mkdir -p "$work"
cd "$work"

# An apt of its own, so that the computer's own sources and architectures do not matter.
mkdir -p apt/lists/partial apt/cache/archives/partial
: >apt/status
echo "deb [arch=arm64,amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm-backports main" >apt/sources.list
cat >apt/apt.conf <<END
APT::Architecture "arm64";
APT::Architectures { "arm64"; "amd64"; };
APT::Sandbox::User "root";
Dir::State "$PWD/apt";
Dir::State::status "$PWD/apt/status";
Dir::Cache "$PWD/apt/cache";
Dir::Etc::sourcelist "$PWD/apt/sources.list";
Dir::Etc::sourceparts "-";
END
export APT_CONFIG=$PWD/apt/apt.conf
apt-get -qq update
kernel=$(apt-cache depends linux-image-arm64 | sed -n 's/^ *Depends: linux-image-//p' | head -n 1) # 6.12.95+deb12-arm64
version=${kernel%-arm64}
for package in "linux-image-$kernel" "linux-headers-$kernel" "linux-headers-$version-common" "linux-kbuild-$version:amd64" \
    "linux-source-${version%.*}"; do
    name=${package%%:*}
    ls "${name}"_*.deb >/dev/null 2>&1 || apt-get -qq download "$package"
    [ "${name#linux-source}" != "$name" ] || dpkg-deb -x "$name"_*.deb tree
done

rm -rf gpio-sim
mkdir gpio-sim
dpkg-deb --fsys-tarfile linux-source-*.deb | tar -xO --wildcards '*/linux-source-*.tar.xz' |
    tar -xJ -C gpio-sim --strip-components=3 --wildcards '*/drivers/gpio/gpio-sim.c' '*/kernel/irq/irq_sim.c'

# The kernel has no simulated interrupts either: they go into the same module, which may not look into irq_desc.
sed -i 's/handle_simple_irq(irq_to_desc(irqnum));/generic_handle_irq(irqnum);/' gpio-sim/irq_sim.c
# As a Pi's do, pins keep their level when their owner dies, and lose it when they become inputs.
sed -i -e '/^static void gpio_sim_free/,/^}/{/__assign_bit/d; /pull_map/d}' \
    -e '/^static int gpio_sim_direction_input/,/^}/s/__set_bit(offset, chip->direction_map);/{ & __assign_bit(offset, chip->value_map, test_bit(offset, chip->pull_map)); }/' \
    gpio-sim/gpio-sim.c
mv gpio-sim/gpio-sim.c gpio-sim/gpio-sim-core.c
printf 'obj-m := gpio-sim.o\ngpio-sim-y := gpio-sim-core.o irq_sim.o\n' >gpio-sim/Kbuild

headers=$PWD/tree/usr/src/linux-headers-$kernel
sed -i "s|^include /usr/src|include $PWD/tree/usr/src|" "$headers/Makefile"
make -s -C "$headers" M="$PWD/gpio-sim" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- CONFIG_DEBUG_INFO_BTF_MODULES= modules

rm -rf "$out"
mkdir -p "$out/boot" "$out/lib/modules"
mv tree/boot/vmlinuz-* "$out/boot/"
mv tree/lib/modules/* "$out/lib/modules/"
mkdir "$out/lib/modules/$kernel/updates"
aarch64-linux-gnu-strip --strip-debug -o "$out/lib/modules/$kernel/updates/gpio-sim.ko" gpio-sim/gpio-sim.ko
rm -rf tree
