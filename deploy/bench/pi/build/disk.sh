#!/usr/bin/env bash
# Make what QEMU boots of a root folder and its kernel: vmlinuz, initrd.gz and root.ext4. Mounts nothing, and needs no loop
# device.
#
# usage: disk.sh ROOT KERNEL OUT
set -euo pipefail

root=$1
kernel=$2
out=$3
here=$(cd "$(dirname "$0")" && pwd)
version=$(basename "$root"/lib/modules/*)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$out" "$work"/{bin,dev,proc,sys,mnt,modules}
cp "$kernel"/boot/vmlinuz-* "$out/vmlinuz"
cp "$root/bin/busybox" "$work/bin/"
for name in sh mount umount insmod sleep switch_root; do ln -s busybox "$work/bin/$name"; done
install -m 755 "$here/guest/init" "$work/init"
# gpio-sim too: a Pi's pins are there before anything else is.
chroot "$root" modprobe --set-version "$version" --all --show-depends virtio_pci virtio_blk ext4 crc32c_generic gpio-sim |
    sed -n 's/^insmod //p' | awk '!seen[$1]++ {print $1}' | while read -r path; do
    name=$(basename "$path")
    case $name in
        *.xz) xz -dc "$root$path" >"$work/modules/${name%.xz}" ;;
        *) cp "$root$path" "$work/modules/$name" ;;
    esac
    echo "${name%.xz}" >>"$work/modules/order"
done
(cd "$work" && find . | cpio --quiet -o -H newc | gzip -1) >"$out/initrd.gz"

rm -f "$out/root.ext4"
mke2fs -q -t ext4 -L root -d "$root" "$out/root.ext4" 3G
