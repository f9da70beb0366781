#!/usr/bin/env bash
# Boot an SD card image on an emulated board, without a Pi, and tell how long it takes to the first light.
set -euo pipefail

usage() {
    cat <<'END'
Usage: deploy/image/try.sh [OPTION]... [IMAGE]

Boot a copy of IMAGE [default: dist/fer-pi-arm64.img] on QEMU's Raspberry Pi 3B, or on its plain arm64 machine, until fer_pi
says that it is ready, and once more to see that it does so again. The serial console goes to IMAGE.log.

  --board BOARD   raspi3b: the card and the pins of a Pi, but no watchdog; a minute and a half
                  virt: the card behind another driver; half as long  [default: raspi3b]
  --times N       how often it is booted  [default: 2; the first start makes the root grow]
  --seconds N     how long a start may take  [default: 400]
  --keep          leave the copy, IMAGE.tried, as it is after the last start
  -h, --help      this
END
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
image=
board=raspi3b
times=2
seconds=400
keep=no

fail() {
    printf 'try.sh: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '    %s\n' "$line" >&2; done
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
        --board | --times | --seconds)
            [ $# -gt 1 ] || fail "$1 wants a value"
            declare "${1#--}=$2"
            shift
            ;;
        --keep) keep=yes ;;
        -h | --help) usage && exit 0 ;;
        -*) fail "unknown option: $1" "deploy/image/try.sh --help lists the options." ;;
        *) image=$1 ;;
    esac
    shift
done
image=${image:-$(dirname "$(dirname "$here")")/dist/fer-pi-arm64.img}
[ -f "$image" ] || fail "$image: there is no such image" "sudo deploy/image/build.sh makes one."
case $board in raspi3b | virt) ;; *) fail "--board $board: raspi3b or virt" ;; esac
for tool in qemu-system-aarch64 mcopy fdtput; do
    command -v $tool >/dev/null || fail "$tool is missing" "sudo apt-get install qemu-system-arm mtools device-tree-compiler"
done

work=$(mktemp -d)
emulator=
trap '[ -z "$emulator" ] || kill "$emulator" 2>/dev/null || true; rm -rf "$work"; [ $keep = yes ] || rm -f "$image.tried"' EXIT

# What the board's own firmware would do: take kernel, initrd and command line from the boot partition.
from_card() { mcopy -n -i "$image@@1M" "::$1" "$2"; }
from_card config.txt "$work/config"
from_card cmdline.txt "$work/cmdline"
from_card "$(sed -n 's/^kernel=//p' "$work/config")" "$work/kernel"
from_card "$(sed -n 's/^initramfs \([^ ]*\).*/\1/p' "$work/config")" "$work/initrd"
# shown on the console as well: what the services say
cmdline="$(cat "$work/cmdline") systemd.show_status=1 systemd.journald.forward_to_console=1"
cp --sparse=always "$image" "$image.tried"
truncate --size=4G "$image.tried" # a card of that size: an emulated one must be a power of two
if [ "$board" = raspi3b ]; then
    cmdline="$cmdline systemd.watchdog_sec=0" # QEMU takes the setting of the watchdog for its running out
    from_card bcm2837-rpi-3-b.dtb "$work/dtb"
    # which board this is: the firmware writes it there, and gpiozero looks for it
    fdtput -c "$work/dtb" /system
    fdtput -t x "$work/dtb" /system linux,revision a02082
    machine=(-M raspi3b -dtb "$work/dtb" -drive "file=$image.tried,if=sd,format=raw" -serial null -serial "file:$work/console")
else
    cmdline=${cmdline//ttyS1,115200/ttyAMA0}
    machine=(-M "virt,gic-version=2" -cpu cortex-a72 -smp 2 -m 1024 -device "virtio-blk-device,drive=card"
        -drive "if=none,id=card,file=$image.tried,format=raw" -serial "file:$work/console" -device i6300esb)
fi

: >"$image.log"
for start in $(seq "$times"); do
    : >"$work/console"
    began=$(date +%s)
    qemu-system-aarch64 "${machine[@]}" -accel tcg,thread=multi -kernel "$work/kernel" -initrd "$work/initrd" -append "$cmdline" \
        -display none -monitor none -nic none -no-reboot &
    emulator=$!
    ready=
    while [ -z "$ready" ]; do
        [ $(($(date +%s) - began)) -lt "$seconds" ] || break
        kill -0 "$emulator" 2>/dev/null || break
        if grep -aq 'Started.*fer-pi\.service' "$work/console"; then ready=$(($(date +%s) - began)); fi
        sleep 1
    done
    [ -z "$ready" ] || sleep 15 # what it goes on to do at the first start
    kill "$emulator" 2>/dev/null || true
    wait "$emulator" 2>/dev/null || true
    emulator=
    { echo "=== start $start, $board" && tr -d '\r' <"$work/console"; } >>"$image.log"
    [ -n "$ready" ] || fail "start $start: fer_pi was not ready within $seconds s, or the board stopped" "See $image.log"
    printf 'start %s: ready %s s after power on, %s s of it from the kernel on\n' "$start" "$ready" \
        "$(sed -n 's/^[^[]*\[ *\([0-9.]*\)\].*Started.*fer-pi\.service.*/\1/p' "$work/console" | head -1)"
done
