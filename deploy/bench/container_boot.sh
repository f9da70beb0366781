#!/usr/bin/env bash
# Become PID 1 of a container, its systemd; container.py calls it, in namespaces of its own, and holds on to it.
#
#   container_boot.sh NAME LOWER UPPER WORK FILES     LOWER: the layers below, as overlayfs has them, the topmost first
#                                                     FILES: a folder of this computer, to be read at /mnt/bench
set -euo pipefail
name=$1 lower=$2 upper=$3 work=$4 files=$5

# Of the machine around it the container sees the kernel and nothing else: its own /proc, /sys (for reading), /dev and cgroups.
root=$work/root
mkdir -p "$root"
mount -t overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work/overlay" overlay "$root"
cd "$root"
mkdir -p mnt/bench
mount --bind "$files" mnt/bench
mount -o remount,bind,ro mnt/bench
mount -t proc -o nosuid,nodev,noexec proc proc
for fixed in proc/sys proc/sysrq-trigger; do
    [ ! -e "$fixed" ] || { mount --bind "$fixed" "$fixed" && mount -o remount,bind,ro "$fixed"; }
done
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755,nosuid tmpfs dev
while read -r node major minor; do mknod -m 666 "dev/$node" c "$major" "$minor"; done <<'END'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
END
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for n in 0 1 2; do ln -s "fd/$n" "dev/$(echo stdin stdout stderr | cut -d' ' -f$((n + 1)))"; done
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run

hostname "$name"
mkdir -p run/host
pivot_root . run/host
# It cannot set the clock, load modules or touch the hardware: those are this computer's.
# shellcheck disable=SC2016
exec chroot . /bin/sh -c 'umount -l /run/host && rmdir /run/host && exec "$@"' sh \
    setpriv --bounding-set=-sys_time,-sys_module,-sys_rawio,-sys_boot,-syslog,-mac_admin,-mac_override \
    env -i container=fer-pi-bench PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --show-status=0
