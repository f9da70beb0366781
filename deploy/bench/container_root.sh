#!/usr/bin/env bash
# Make the root of a Debian amd64 system with systemd and sshd, for container.py: one minute, 350 MB. What is there is kept.
#
#   container_root.sh DIR [bookworm|trixie]
set -euo pipefail

dir=$1
suite=${2:-bookworm}
# python3-venv and procps are what install.sh takes from apt: with them it can do without network.
packages=systemd,systemd-sysv,udev,dbus,procps,python3,python3-venv,ca-certificates,iproute2,openssh-server,sudo
made_of="$suite $packages pi"

[ "$(cat "$dir.made-of" 2>/dev/null)" != "$made_of" ] || exit 0
command -v mmdebstrap >/dev/null || {
    echo "container_root.sh: mmdebstrap is missing: apt-get install mmdebstrap" >&2
    exit 1
}
rm -rf "$dir" "$dir.made-of"
mkdir -p "$(dirname "$dir")"
# Its hooks: the user that Raspberry Pi Imager makes, and nothing of this computer's own name and resolver.
# shellcheck disable=SC2016 # $1 is for the shell of the hook
mmdebstrap --quiet --variant=minbase --include=$packages \
    --customize-hook='chroot "$1" useradd --create-home --shell /bin/bash pi' \
    --customize-hook='echo "pi ALL=(ALL) NOPASSWD: ALL" >"$1/etc/sudoers.d/pi"' \
    --customize-hook='echo bench >"$1/etc/hostname"; : >"$1/etc/resolv.conf"; echo "127.0.0.1 localhost" >"$1/etc/hosts"' \
    "$suite" "$dir" http://deb.debian.org/debian
echo "$made_of" >"$dir.made-of"
