#!/usr/bin/env bash
# Make the root folder of a Raspberry Pi, without a kernel: Debian 12 for arm64, as lean as it can be.
#
# usage: rootfs.sh OUT
set -euo pipefail

out=$1
mirror=${MIRROR:-http://deb.debian.org/debian}
packages=(
    systemd systemd-sysv dbus udev kmod procps iproute2 python3 python3-venv # what the appliance stands on
    e2fsprogs busybox-static                                                 # what the bench itself needs in there
)

rm -rf "$out" "$out.part"
mmdebstrap --quiet --mode=root --arch=arm64 --variant=minbase --include="$(IFS=, && echo "${packages[*]}")" \
    --aptopt='Acquire::Languages "none"' \
    --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    bookworm "$out.part" \
    "deb $mirror bookworm main" \
    "deb $mirror bookworm-updates main"
mv "$out.part" "$out"
