#!/usr/bin/env bash
# Make the root of a Debian system: amd64 with systemd and sshd, for container.py; arm64 with as little as fer_pi needs, for
# chroot.py. Minutes, 300 MB each; what is there is kept.
#
#   debian_root.sh DIR bookworm|trixie amd64|arm64
set -euo pipefail

dir=$1 suite=$2 processor=$3
# python3-venv and procps are what install.sh takes from apt: with them it can do without network.
packages=python3,python3-venv,procps
if [ "$processor" = amd64 ]; then
    packages+=,systemd,systemd-sysv,udev,dbus,ca-certificates,iproute2,openssh-server,sudo
fi
made_of="$suite $processor $packages"

[ "$(cat "$dir.made-of" 2>/dev/null)" != "$made_of" ] || exit 0
command -v mmdebstrap >/dev/null || {
    echo "debian_root.sh: mmdebstrap is missing: apt-get install mmdebstrap" >&2
    exit 1
}
rm -rf "$dir" "$dir.made-of"
mkdir -p "$(dirname "$dir")"
# Its hooks: the user that Raspberry Pi Imager makes, and nothing of this computer's own name and resolver.
# shellcheck disable=SC2016 # $1 is for the shell of the hook
mmdebstrap --quiet --mode=root --variant=minbase --arch="$processor" --include=$packages \
    --aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io \
    --customize-hook='chroot "$1" useradd --create-home --shell /bin/bash pi' \
    --customize-hook='[ ! -d "$1/etc/sudoers.d" ] || echo "pi ALL=(ALL) NOPASSWD: ALL" >"$1/etc/sudoers.d/pi"' \
    --customize-hook='echo bench >"$1/etc/hostname"; : >"$1/etc/resolv.conf"; echo "127.0.0.1 localhost" >"$1/etc/hosts"' \
    "$suite" "$dir" http://deb.debian.org/debian
echo "$made_of" >"$dir.made-of"
