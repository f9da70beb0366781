#!/usr/bin/env bash
# Run a command in a root whose layers are only read: what it writes goes to UPPER. chroot.py calls it, in a mount namespace
# and a PID namespace of its own, so that nothing of it stays.
#
#   chroot_run.sh LOWER UPPER WORK FILES COMMAND     FILES: a folder of this computer, to be read at /mnt/bench
set -euo pipefail
lower=$1 upper=$2 work=$3 files=$4 command=$5

root=$work/root
mkdir -p "$root"
mount -t overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work/overlay" overlay "$root"
cd "$root"
mkdir -p mnt/bench
mount --bind "$files" mnt/bench
mount -o remount,bind,ro mnt/bench
mount -t proc -o nosuid,nodev,noexec proc proc
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs tmp
mount -t tmpfs -o mode=755,nosuid tmpfs dev
while read -r node major minor; do mknod -m 666 "dev/$node" c "$major" "$minor"; done <<'END'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
END
mkdir dev/shm
ln -s /proc/self/fd dev/fd
exec chroot . /bin/bash -c "$command"
