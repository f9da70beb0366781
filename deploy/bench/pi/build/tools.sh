#!/usr/bin/env bash
# Install what it takes to build and to boot the virtual Pi, on Debian or Ubuntu, as root.
set -euo pipefail

packages=(
    mmdebstrap arch-test qemu-user-static                                   # the root folder
    gcc-aarch64-linux-gnu libc6-dev-arm64-cross make bc flex bison xz-utils # its kernel's modules
    device-tree-compiler cpio e2fsprogs
    qemu-system-arm qemu-utils # the machine
)
[ "$(id -u)" = 0 ] || { echo "tools.sh: must be run as root: sudo $0" >&2 && exit 1; }
missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0
apt-get -qq update
apt-get -qq -y --no-install-recommends install "${missing[@]}" </dev/null >/dev/null
