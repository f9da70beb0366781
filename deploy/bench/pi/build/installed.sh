#!/usr/bin/env bash
# Copy a root folder and install fer_pi there as on a Pi without network: with deploy/install.sh, from a folder with wheels.
#
# usage: installed.sh BASE KERNEL PACKAGE OUT
set -euo pipefail
# What is mounted below is so for this script alone, and gone with it, however it ends.
[ "${ALONE:-}" = yes ] || ALONE=yes exec unshare --mount "$0" "$@"

base=$1
kernel=$2
package=$3
out=$4
here=$(cd "$(dirname "$0")" && pwd)

rm -rf "$out" "$out.part"
cp -a --reflink=auto "$base" "$out.part"

echo fer-pi >"$out.part/etc/hostname"
echo '127.0.0.1 localhost fer-pi' >"$out.part/etc/hosts"
echo '/dev/vda / ext4 defaults 0 1' >"$out.part/etc/fstab"
echo uninitialized >"$out.part/etc/machine-id"
mkdir -p "$out.part/boot/firmware"
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer getty@tty1.service; do
    ln -sf /dev/null "$out.part/etc/systemd/system/$unit"
done

install -m 755 "$here/guest/bench-agent" "$out.part/usr/local/sbin/"
install -m 644 "$here"/guest/*.service "$out.part/etc/systemd/system/"
install -m 644 "$here/guest/bench-agent.rules" "$out.part/etc/udev/rules.d/99-bench-agent.rules"
aarch64-linux-gnu-gcc -O2 -static -o "$out.part/usr/local/bin/led-log" "$here/guest/led_log.c"
cp -a --reflink=auto "$kernel/lib/modules" "$out.part/lib/"

mkdir -p "$out.part/mnt/fer-pi"
mount -t proc proc "$out.part/proc"
mount --bind "$package" "$out.part/mnt/fer-pi"
chroot "$out.part" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 /bin/bash -ec "
    depmod $(basename "$kernel"/lib/modules/*)
    systemctl --quiet enable led-log.service
    unshare --net /mnt/fer-pi/deploy/install.sh --no-start --appliance
    systemctl --quiet enable fer-pi.service"
umount "$out.part/proc" "$out.part/mnt/fer-pi"
rmdir "$out.part/mnt/fer-pi"
mv "$out.part" "$out"
