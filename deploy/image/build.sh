#!/usr/bin/env bash
# Make an SD card image with fer_pi on it from Debian's packages: write it to a card, plug it in, and the light shows the mood.
set -euo pipefail
umask 022

usage() {
    cat <<'END'
Usage: sudo deploy/image/build.sh [OPTION]...

Make fer-pi-arm64.img for a Raspberry Pi 3, 4, 400 or Zero 2 W from Debian 12 (Bookworm), with fer_pi installed by
deploy/install.sh. Needs neither a Pi nor loop devices. What was fetched is kept for the next time.

  --out FILE         where the image goes  [default: dist/fer-pi-arm64.img]
  --key FILE         a public SSH key that may log in as maker, with sudo; more than one line for more of them
                     [default: nobody may log in, until somebody puts authorized_keys onto the card's boot partition]
  --config FILE      settings for the card, as fer-pi.yaml on its boot partition
  --wifi FILE        a wpa_supplicant.conf for the card
  --wheels DIR       Python packages from there  [default: collected by deploy/wheelhouse.sh]
  --read-only-root   nothing but the boot partition is written to after the first start
  --no-compress      leave out the image's compressed copy, .img.xz
  --cache DIR        what is kept for the next time  [default: ~/.cache/fer-pi-image]
  --fresh            fetch everything anew
  --mirror URL       of Debian  [default: http://deb.debian.org/debian]
  -h, --help         this
END
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_dir=$(cd "$here/../.." && pwd)
out=$source_dir/dist/fer-pi-arm64.img
cache=${XDG_CACHE_HOME:-$HOME/.cache}/fer-pi-image
mirror=http://deb.debian.org/debian
key=
config=
wifi=
wheels=
compress=yes fresh=no
install_options=(--appliance)

BOOT_MB=512  # two kernels with their initrds, twice over
SPARE_MB=300 # free in the root before it grows: room for a first upgrade of fer_pi

step() { printf '==> %s\n' "$*"; }
fail() {
    printf 'build.sh: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '    %s\n' "$line" >&2; done
    exit 1
}
misused() { fail "$1" "deploy/image/build.sh --help lists the options."; }

while [ $# -gt 0 ]; do
    case $1 in
        --out | --key | --config | --wifi | --wheels | --cache | --mirror)
            [ $# -gt 1 ] || misused "$1 wants a value"
            declare "${1#--}=$2"
            shift
            ;;
        --read-only-root) install_options+=("$1") ;;
        --no-compress) compress=no ;;
        --fresh) fresh=yes ;;
        -h | --help) usage && exit 0 ;;
        *) misused "unknown option: $1" ;;
    esac
    shift
done

# ---- What this machine must have

check_tools() {
    local tool package missing=()
    while read -r tool package; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || missing+=("$package")
    done <<'END'
mmdebstrap mmdebstrap
unshare util-linux
sfdisk fdisk
mke2fs e2fsprogs
mkfs.vfat dosfstools
mcopy mtools
xz xz-utils
END
    if [ "$(uname -m)" != aarch64 ]; then
        command -v qemu-aarch64-static >/dev/null || missing+=(qemu-user-static)
    fi
    [ ${#missing[@]} -eq 0 ] || fail "programs are missing" "sudo apt-get install ${missing[*]}"
    [ "$(id -u)" = 0 ] || fail "this must be run as root, to own the files of the image" "sudo $0"
    for file in "$key" "$config" "$wifi"; do
        [ -z "$file" ] || [ -f "$file" ] || fail "$file: there is no such file"
    done
    [ -z "$key" ] || ! grep -q 'PRIVATE KEY' "$key" || fail "$key is a private key; never put that onto a card" "Name the .pub beside it."
}

# Programs of the other processor run here as if they were ours.
check_binfmt() {
    local misc=/proc/sys/fs/binfmt_misc
    [ "$(uname -m)" != aarch64 ] || return 0
    mountpoint -q $misc || mount -t binfmt_misc binfmt_misc $misc || fail "programs for arm64 cannot be run: no $misc" \
        "sudo modprobe binfmt_misc"
    [ -e $misc/qemu-aarch64 ] || cat /usr/lib/binfmt.d/qemu-aarch64.conf >$misc/register ||
        fail "programs for arm64 cannot be run: qemu-aarch64 is not registered" "sudo systemctl restart systemd-binfmt"
}

# ---- The system, from Debian's packages; the slow part, and the same every time

packages() { sed 's/#.*//' "$here/packages.txt" | tr -s ' \n' ',' | sed 's/^,//; s/,$//'; }
sources() { sed "s|MIRROR-security|${mirror%/debian}/debian-security|; s|MIRROR|$mirror|" "$here/sources.list"; }

make_base() {
    local part files=() # of ours that the packages look at while they are installed
    for part in apt default initramfs-tools; do files+=("$here/root/etc/$part"); done
    base=$cache/base-$({ packages && sources && tar -C "$here/root/etc" --mtime=@0 --sort=name -c "${files[@]##*/}"; } |
        sha256sum | cut -c-16).tar
    [ $fresh = no ] || rm -f "$base"
    if [ -f "$base" ]; then
        step "The system: as kept in $base"
        return
    fi
    step "The system, from $mirror: some minutes"
    mkdir -p "$cache"
    rm -f "$cache"/base-*
    # The initrd is made once, at the end: each time takes minutes with an emulated processor.
    sources | INITRD=No mmdebstrap --quiet --arch=arm64 --variant=apt --mode=root --format=tar --include="$(packages)" \
        --aptopt='Acquire::Languages "none"' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --setup-hook="cd \"\$1\" && mkdir -p etc/dpkg/dpkg.cfg.d boot/firmware" \
        --setup-hook="cp -r $(printf "'%s' " "${files[@]}")\"\$1/etc/\"" \
        --dpkgopt=force-confold \
        --setup-hook="echo update_initramfs=no >\"\$1/etc/initramfs-tools/update-initramfs.conf\"" \
        --customize-hook="echo update_initramfs=yes >\"\$1/etc/initramfs-tools/update-initramfs.conf\"" \
        --customize-hook="chroot \"\$1\" update-initramfs -c -k all && ls \"\$1\"/boot/firmware/initrd.img-*" \
        --setup-hook="echo force-unsafe-io >\"\$1/etc/dpkg/dpkg.cfg.d/fast\"" --customize-hook="rm \"\$1/etc/dpkg/dpkg.cfg.d/fast\"" \
        bookworm "$base.part" - || fail "the system could not be made" "See above. No network? Another mirror: --mirror URL"
    mv "$base.part" "$base"
}

# ---- fer_pi in it

collect_wheels() {
    if [ -n "$wheels" ]; then
        wheels=$(cd "$wheels" 2>/dev/null && pwd) || fail "--wheels: there is no such folder"
        return
    fi
    step "The Python packages"
    wheels=$cache/wheels
    "$source_dir/deploy/wheelhouse.sh" --to "$wheels" bookworm aarch64
}

# What follows is done in the new system, by its own programs; without network, so that nothing but the wheels is used.
inside() { unshare --mount --net --fork --pid --mount-proc="$stage/proc" chroot "$stage" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"; }

furnish() {
    step "fer_pi in it"
    rm -rf "$stage"
    mkdir -p "$stage"
    tar -C "$stage" --numeric-owner --xattrs -xf "$base"
    cp -r --no-preserve=ownership "$here/root/." "$stage/"
    chmod 440 "$stage/etc/sudoers.d/maker"
    echo fer-pi >"$stage/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 fer-pi\n::1 localhost\n' >"$stage/etc/hosts"
    inside useradd --create-home --shell /bin/bash --password '*' --groups video,sudo maker

    mkdir -p "$stage/root/fer-pi"
    cp -r "$source_dir/systemd" "$stage/root/fer-pi/"
    mkdir "$stage/root/fer-pi/deploy"
    cp -r "$source_dir"/deploy/{install.sh,60-fer-pi.rules,appliance} "$source_dir"/deploy/constraints-*.txt "$stage/root/fer-pi/deploy/"
    cp -r "$wheels" "$stage/root/fer-pi/deploy/wheelhouse"
    inside /root/fer-pi/deploy/install.sh "${install_options[@]}"
    inside systemctl --quiet enable fer-pi.service grow-root.service systemd-networkd.service \
        systemd-resolved.service systemd-timesyncd.service
    inside systemctl --quiet disable wpa_supplicant.service e2scrub_reap.service systemd-networkd-wait-online.service
    inside systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer dpkg-db-backup.timer
    inside apt-get clean
    # At the first start the root still grows, and the board makes its SSH key; grow-root puts this in place then.
    [ ! -e "$stage/etc/overlayroot.local.conf" ] || mv "$stage"/etc/overlayroot.local.conf{,.next}

    # What each board must make for itself, and what only the build needed.
    rm -rf "$stage"/etc/ssh/ssh_host_* "$stage/root/fer-pi" "$stage"/var/lib/apt/lists/* "$stage"/var/log/* "$stage"/var/cache/apt/*.bin "$stage"/tmp/*
    : >"$stage/etc/machine-id"
    rm -f "$stage/var/lib/dbus/machine-id" "$stage/var/lib/systemd/random-seed" "$stage/etc/resolv.conf"
    ln -s ../run/systemd/resolve/stub-resolv.conf "$stage/etc/resolv.conf"
}

# ---- The two partitions

pack() {
    local boot=$work/boot.img root=$work/root.img root_mb
    step "The image, $out"
    mkdir "$work/firmware"
    mv "$stage"/boot/firmware/* "$work/firmware/"
    [ -z "$key" ] || cp "$key" "$work/firmware/authorized_keys"
    [ -z "$config" ] || cp "$config" "$work/firmware/fer-pi.yaml"
    [ -z "$wifi" ] || cp "$wifi" "$work/firmware/wpa_supplicant.conf"
    cp "$here/card.txt" "$work/firmware/README.txt"

    truncate -s ${BOOT_MB}M "$boot"
    mkfs.vfat -F 32 -n FERPI-BOOT "$boot" >/dev/null
    mcopy -Q -s -i "$boot" "$work"/firmware/* ::/
    root_mb=$(($(du -sm --apparent-size "$stage" | cut -f1) * 11 / 10 + SPARE_MB))
    truncate -s ${root_mb}M "$root"
    mke2fs -q -t ext4 -b 4096 -L FERPI-ROOT -d "$stage" "$root"

    rm -f "$out.part"
    truncate -s $((1 + BOOT_MB + root_mb))M "$out.part"
    sfdisk --quiet "$out.part" <<END
label: dos
start=1MiB, size=${BOOT_MB}MiB, type=c, bootable
start=$((1 + BOOT_MB))MiB, type=83
END
    dd if="$boot" of="$out.part" bs=1M seek=1 conv=notrunc,sparse status=none
    dd if="$root" of="$out.part" bs=1M seek=$((1 + BOOT_MB)) conv=notrunc,sparse status=none
    mv "$out.part" "$out"
    local made=("$(basename "$out")")
    if [ $compress = yes ]; then
        step "Compressed, $out.xz"
        xz --keep --force --threads=0 -3 "$out"
        made+=("$(basename "$out").xz")
    fi
    (cd "$(dirname "$out")" && sha256sum "${made[@]}" >"$out.sha256")
}

# As one function, so that this file may be edited while it is at work.
build() {
    check_tools
    check_binfmt
    mkdir -p "$(dirname "$out")" "$cache"
    out=$(cd "$(dirname "$out")" && pwd)/$(basename "$out")
    work=$(mktemp -d "$cache/work.XXXXXX")
    stage=$work/root
    trap 'rm -rf "$work"' EXIT
    make_base
    collect_wheels
    furnish
    pack
    step "Done: $(du -h --apparent-size "$out" | cut -f1)$([ $compress = no ] || echo ", compressed $(du -h "$out.xz" | cut -f1)")"
    exit
}

build
