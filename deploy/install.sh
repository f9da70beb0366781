#!/usr/bin/env bash
# Make this machine a fer_pi appliance, bring one up to date, or take it away again. See usage below, or --help.
#
#   /opt/fer-pi              a link to one of the two places below; changing it is one rename, so there is always a whole version
#   /opt/fer-pi.d/a, b       a venv each: the one in use, and room for the next
#   /opt/fer-pi.d/packages   what apt brought for our sake, for --uninstall; likewise groups
set -euo pipefail
umask 022
unset PYTHONPATH PYTHONHOME
export PYTHONNOUSERSITE=1 # what root has in ~/.local the service does not see: pip must neither count on it nor put things there

usage() {
    cat <<'END'
Usage: sudo deploy/install.sh [OPTION]...

Install fer_pi on Raspberry Pi OS (64-bit) or Debian, start it, and start it at every boot. Call it again with a newer copy
to upgrade: the new version is built beside the old and takes over when it works; if it does not, the old one goes on.

  --wheels DIR    take every Python package from DIR, without network  [default: deploy/wheelhouse, where that exists]
  --no-start      install only; neither enable nor start nor restart the service
  --appliance     for a board that nobody looks after: its watchdog starts a system that hangs again, and the journal lives
                  in memory, so that the card is hardly written to; an upgrade keeps both
  --read-only-root
                  nothing but the boot partition is written to after the next start, so that the power may go at any time;
                  fer_pi's state goes onto the boot partition. Only where there is a /boot/firmware
  --writable-root
                  take that back, for an upgrade or a change of the system; holds after the next start
  --accept COMMAND
                  a version counts as one that works only if COMMAND, called while it runs, ends with 0; for upgrades of many
  --python PATH   the Python to use  [default: /usr/bin/python3, which sees apt's picamera2 and lgpio]
  --uninstall     remove all of it: program, service, configuration, state, and the packages that came for its sake
  --keep-config   with --uninstall: leave the configuration
  --root DIR      put every file below DIR and touch neither apt, groups nor systemd: to try it, without being root
  --dry-run       say what would be done, do nothing
  -h, --help      this
END
}

UNITS="fer-pi.service fer-pi-card.service"
UDEV_RULE=60-fer-pi.rules
GROUPS_NEEDED="video render gpio input" # as the unit's SupplementaryGroups
NEEDED_MB=700                           # a venv of at most 250 MB, its wheels while they are unpacked, and some air
PROBATION_S=5                           # after which a version that has been started is one that works

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_dir=$(dirname "$here")
wheels=
root=
python=/usr/bin/python3
start=yes
dry=no
uninstall=no
keep_config=no
appliance=no
read_only=
accept=

step() { printf '==> %s\n' "$*"; }
note() { printf '    %s\n' "$*"; }
fail() {
    printf 'install.sh: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '    %s\n' "$line" >&2; done
    exit 1
}
misused() { fail "$1" "deploy/install.sh --help lists the options."; }

# Do it, or with --dry-run say it.
act() {
    if [ $dry = yes ]; then note "would run: $*"; else "$@"; fi
}

while [ $# -gt 0 ]; do
    case $1 in
        --wheels | --root | --python | --accept)
            [ $# -gt 1 ] || misused "$1 wants a value"
            case $1 in --wheels) wheels=$2 ;; --root) root=$2 ;; --python) python=$2 ;; --accept) accept=$2 ;; esac
            shift
            ;;
        --no-start) start=no ;;
        --appliance) appliance=yes ;;
        --read-only-root) read_only=yes ;;
        --writable-root) read_only=no ;;
        --uninstall) uninstall=yes ;;
        --keep-config) keep_config=yes ;;
        --dry-run) dry=yes ;;
        -h | --help) usage && exit 0 ;;
        *) misused "unknown option: $1" ;;
    esac
    shift
done
[ $keep_config = no ] || [ $uninstall = yes ] || misused "--keep-config goes with --uninstall (an upgrade always keeps it)"
case $root in
    "" | /*) root=${root%/} ;;
    *) misused "--root $root: wants an absolute path" ;;
esac

opt=$root/opt
link=$opt/fer-pi
store=$opt/fer-pi.d
etc=$root/etc/fer-pi
units=$root/etc/systemd/system
rules=$root/etc/udev/rules.d
command=$root/usr/local/bin/fer-pi
watchdog=$root/etc/systemd/system.conf.d/60-fer-pi.conf # after Raspberry Pi OS's own, 40-...
journal=$root/etc/systemd/journald.conf.d/60-fer-pi.conf
overlay=$root/etc/overlayroot.local.conf
card=$root/boot/firmware
STATE_UNIT=fer-pi-state.service
STATE_MB=16 # the least that takes a journal

# ---- What this machine is

systemd_runs() { [ -z "$root" ] && [ -d /run/systemd/system ]; }
service_active() { systemd_runs && systemctl --quiet is-active fer-pi.service; }

# Whether the service runs out of the venv $1.
runs_from() {
    systemd_runs && grep -qsz "^$1/" "/proc/$(systemctl show --property=MainPID --value fer-pi.service)/cmdline"
}

# Where overlayroot is at work, what is written now is gone after the next start.
root_forgets() { [ -z "$root" ] && mountpoint -q /media/root-ro; }

check_machine() {
    if [ -z "$root" ]; then
        ! root_forgets || fail "the root is read-only: nothing that is written now would outlast the next start" \
            "sudo $0 --writable-root && sudo reboot    then call this again"
        [ "$(id -u)" = 0 ] || [ $dry = yes ] || fail "this must be run as root" "sudo $0"
        { command -v dpkg && command -v apt-get; } >/dev/null ||
            fail "this is neither Raspberry Pi OS nor Debian" "Elsewhere: python3 -m venv VENV && VENV/bin/pip install $source_dir"
        case $(dpkg --print-architecture) in
            arm64 | amd64) ;;
            *) fail "this system is $(dpkg --print-architecture); fer_pi needs a 64-bit one (arm64 or amd64)" \
                "Write \"Raspberry Pi OS (64-bit)\" onto the card with Raspberry Pi Imager: Pi 3, 4, 5 and Zero 2 W can run it." ;;
        esac
    fi
}

# Sets `version` (as 3.11) and `constraints`.
check_python() {
    if [ ! -x "$python" ]; then
        [ "$root$python" = /usr/bin/python3 ] || fail "--python $python: there is no such program"
        add_packages needed python3
        [ -x "$python" ] || { [ $dry = yes ] && version=unknown && constraints=unknown && return; }
    fi
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || fail "$python does not run" \
        "Repair it with: apt-get install --reinstall python3-minimal"
    case $version in
        3.11) constraints=$here/constraints-bookworm.txt ;;
        3.12 | 3.13) constraints=$here/constraints-trixie.txt ;;
        *) fail "$python is Python $version; fer_pi is made for 3.11 (Bookworm) and 3.13 (Trixie)" \
            "Use Raspberry Pi OS or Debian Bookworm or Trixie, or name another one: --python /path/to/python3.11" ;;
    esac
    [ "$("$python" -c 'import struct; print(struct.calcsize("P"))')" = 8 ] ||
        fail "$python is a 32-bit program; fer_pi needs a 64-bit system" \
            "Write \"Raspberry Pi OS (64-bit)\" onto the card with Raspberry Pi Imager."
    [ -f "$constraints" ] || fail "$constraints is missing" "Copy the folder deploy/ as a whole."
}

# Sets `what`, what pip is to install, and `pip_from`, where from.
check_source() {
    local beside
    if [ -z "$wheels" ] && [ -d "$here/wheelhouse" ]; then wheels=$here/wheelhouse; fi
    if [ -n "$wheels" ]; then
        wheels=$(cd "$wheels" 2>/dev/null && pwd) || fail "--wheels $wheels: there is no such folder"
        what=$(newest "$wheels"/fer_pi-*.whl) || fail "$wheels holds no wheel of fer_pi" \
            "Fill it, where there is network, with: deploy/wheelhouse.sh"
        pip_from=(--no-index --find-links "$wheels")
        if [ -d "$source_dir/fer_pi" ] && [ -n "$(find "$source_dir/fer_pi" -name '*.py' -newer "$what" -print -quit)" ]; then
            note "$(basename "$what") is older than the sources beside it; deploy/wheelhouse.sh makes a new one"
        fi
    elif beside=$(newest "$source_dir"/fer_pi-*.whl); then
        what=$beside
        pip_from=()
    elif [ -f "$source_dir/pyproject.toml" ]; then
        what=$source_dir
        pip_from=()
    else
        fail "there is nothing to install beside $here" "Call it from a checkout, an unpacked sdist, or a folder with fer_pi-*.whl."
    fi
    for unit in $UNITS; do
        [ -f "$source_dir/systemd/$unit" ] || fail "$source_dir/systemd/$unit is missing" "Copy the folder systemd/ beside deploy/."
    done
}

newest() {
    local found=
    for path in "$@"; do
        if [ -f "$path" ] && { [ -z "$found" ] || [ "$path" -nt "$found" ]; }; then found=$path; fi
    done
    [ -n "$found" ] && printf '%s\n' "$found"
}

check_room() {
    local there=$opt free_mb
    while [ ! -d "$there" ]; do there=$(dirname "$there"); done
    free_mb=$(($(df -Pk "$there" | awk 'NR == 2 {print $4}') / 1024))
    [ "$free_mb" -ge $NEEDED_MB ] || fail "only $free_mb MB are free in $there; $NEEDED_MB are needed" \
        "Make room (apt-get clean; journalctl --vacuum-size=20M) or use a larger card."
}

# ---- What comes from apt, and the groups

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
installed_packages() { dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u; }
offered() { [ -n "$(apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([^(]\)/\1/p')" ]; }

# add_packages needed|wanted NAME...: what is not there yet, and is to be had.
add_packages() {
    local kind=$1 name missing=() before
    shift
    for name in "$@"; do installed "$name" || missing+=("$name"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ $dry = yes ]; then
        note "would run: apt-get install --no-install-recommends ${missing[*]}  (those that this system offers)"
        return
    fi
    # Lists are fetched when there are none, or for what cannot be had with those that there are.
    if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -print -quit)" ] ||
        { [ "$kind" = needed ] && ! offered "${missing[0]}"; }; then
        note "fetching the lists of packages"
        apt-get -qq update || note "they could not be fetched; going on with what there is"
    fi
    local offers=()
    for name in "${missing[@]}"; do
        if offered "$name"; then offers+=("$name"); else note "$name is not among this system's packages"; fi
    done
    if [ ${#offers[@]} -gt 0 ]; then
        note "installing ${offers[*]}"
        before=$(installed_packages)
        if DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${offers[@]}" </dev/null >/dev/null; then
            mkdir -p "$store"
            comm -13 <(echo "$before") <(installed_packages) >>"$store/packages"
        elif [ "$kind" = needed ]; then
            fail "apt could not install ${offers[*]}" "See above; then try: apt-get update && apt-get install ${offers[*]}"
        else
            note "apt could not install them; going on without"
        fi
    fi
    if [ "$kind" = needed ]; then
        for name in "${missing[@]}"; do
            installed "$name" || fail "$name is needed and cannot be had" "With network: apt-get update && apt-get install $name"
        done
    fi
}

add_system_parts() {
    step "Parts that come from apt: python3-venv, procps; picamera2 and lgpio, where there are such"
    if [ -n "$root" ]; then
        note "left alone (--root)"
    else
        if [ "$python" = /usr/bin/python3 ]; then add_packages needed python3-venv; fi
        add_packages wanted procps python3-lgpio python3-picamera2
        [ "$read_only" != yes ] || add_packages needed overlayroot e2fsprogs
    fi
    "$python" -c 'import venv, ensurepip' 2>/dev/null || [ $dry = yes ] ||
        fail "$python cannot make a venv" "apt-get install python3-venv, or the like for that Python"
}

add_groups() {
    local group
    step "Groups that may use camera, screen and pins: $GROUPS_NEEDED"
    [ -z "$root" ] || { note "left alone (--root)" && return; }
    for group in $GROUPS_NEEDED; do
        getent group "$group" >/dev/null && continue
        note "$group is new here"
        act groupadd --system "$group"
        [ $dry = yes ] || { mkdir -p "$store" && echo "$group" >>"$store/groups"; }
    done
}

# ---- The program

# What decides whether there is anything to do: what is installed, with what, for which Python.
fingerprint() {
    {
        echo "$version"
        cat "$constraints"
        if [ -d "$what" ]; then
            cd "$what" && find fer_pi models config.yaml pyproject.toml -type f ! -path '*/__pycache__/*' -print0 |
                LC_ALL=C sort -z | xargs -0 sha256sum
        else
            sha256sum <"$what"
        fi
    } | sha256sum | cut -d' ' -f1
}

slot_in_use() { [ -L "$link" ] && basename "$(readlink "$link")"; }
other_slot() { if [ "$1" = a ]; then echo b; else echo a; fi; }

up_to_date() {
    [ "$(cat "$link/fingerprint" 2>/dev/null)" = "$(fingerprint)" ] && "$link/bin/fer-pi" --version >/dev/null 2>&1
}

new_slot=
old_slot=
# However this ends, what is half done goes away.
clean_up() {
    local status=$?
    if [ $status != 0 ] && [ -n "$new_slot" ]; then
        rm -rf "${store:?}/$new_slot" "$store/next"
        if [ -d "$store/by-hand" ] && [ ! -e "$link" ]; then mv "$store/by-hand" "$link"; fi
        if [ -e "$link" ]; then
            echo "    $("$link/bin/fer-pi" --version 2>/dev/null || echo "The old version") is still in place, as it was." >&2
        else
            rmdir --ignore-fail-on-non-empty "$store"
            echo "    Nothing was installed." >&2
        fi
    fi
}

build() {
    local venv
    old_slot=$(slot_in_use || true)
    venv=$store/$(other_slot "$old_slot")
    # After an upgrade with --no-start it is the one before that still runs.
    ! runs_from "$venv" || fail "the service still runs the version before, out of $venv, where the new one is to go" \
        "Restart the service first: sudo systemctl restart fer-pi"
    new_slot=$(basename "$venv")
    step "The program, in $venv, from $what$([ ${#pip_from[@]} = 0 ] || echo ", without network")"
    if [ $dry = yes ]; then
        note "would run: $python -m venv --system-site-packages $venv"
        note "would run: $venv/bin/pip install --no-compile --constraint $constraints ${pip_from[*]} $what"
        return
    fi
    rm -rf "$venv"
    mkdir -p "$venv/tmp"
    "$python" -m venv --system-site-packages "$venv" || fail "the venv could not be made" "See above; apt-get install python3-venv"
    # Its temporary files go onto the card: /tmp may be a small disk in memory.
    TMPDIR=$venv/tmp "$venv/bin/python" -m pip --quiet --disable-pip-version-check --no-input --no-cache-dir install \
        --no-compile --constraint "$constraints" "${pip_from[@]}" "$what" || fail "pip could not install fer_pi from $what" \
        "No network? Collect the wheels where there is one, with deploy/wheelhouse.sh, and copy deploy/wheelhouse here." \
        "A broken wheel? Delete it, or build it again."
    # Debian 12 has no python3-lgpio, and Python 3.11 is the last with a wheel.
    if [ "$version" = 3.11 ] && ! "$venv/bin/python" -c 'import lgpio' 2>/dev/null; then
        TMPDIR=$venv/tmp "$venv/bin/python" -m pip --quiet --disable-pip-version-check --no-input --no-cache-dir install \
            --no-compile --only-binary=:all: --constraint "$constraints" "${pip_from[@]}" lgpio ||
            note "lgpio could not be had: lights on the pins will not work, all else will"
    fi
    rm -rf "$venv/tmp"
    mkdir "$venv/units"
    for unit in $UNITS; do cp "$source_dir/systemd/$unit" "$venv/units/"; done
    cp "$here/$UDEV_RULE" "$venv/units/"
    fingerprint >"$venv/fingerprint"
}

# The service may not write beside its program: what has no bytecode now is compiled again at each of its starts. All that was
# installed would take 40 MB; the trial below leaves that of the other packages that a start needs.
compile_program() {
    local name found=()
    for name in fer_pi gpiozero colorzero rich lgpio.py; do
        found+=("$1"/lib/python3*/site-packages/"$name")
    done
    "$1/bin/python" -m compileall -q "${found[@]}" >/dev/null || true # not each of them is always there
}

# Runs the new program before anybody depends on it.
try_out() {
    local venv=$store/$new_slot said
    step "A trial of the new program"
    [ $dry = no ] || { note "would run: fer-pi --version; fer-pi check" && return; }
    compile_program "$venv"
    said=$("$venv/bin/fer-pi" --version 2>&1) || fail "the new fer-pi does not run: ${said##*$'\n'}"
    note "$said"
    said=$("$venv/bin/fer-pi" --quiet check --config "$(shipped_config "$venv")" 2>&1) ||
        fail "the new fer-pi does not work on this machine: ${said##*$'\n'}" "fer-pi's own settings were used, so this is no mistake of yours."
    if [ -f "$etc/config.yaml" ] && ! said=$("$venv/bin/fer-pi" --quiet check --config "$etc/config.yaml" 2>&1); then
        note "$said"
        if [ -n "$old_slot" ] && "$link/bin/fer-pi" --quiet check --config "$etc/config.yaml" >/dev/null 2>&1; then
            fail "the new version does not accept $etc/config.yaml, the old one does" \
                "Change the lines above; the new default can be seen in $source_dir/config.yaml. Then call this again."
        fi
        note "$etc/config.yaml has mistakes: mend it, then: systemctl reload fer-pi"
    fi
}

shipped_config() { find "$1"/lib/python*/site-packages/fer_pi/config.yaml; }

# Lets /opt/fer-pi be version $1, in one step that a power cut cannot split; and its units with it.
switch_to() {
    local version_dir=$store/$1
    sync -f "$version_dir"
    ln -sfn "fer-pi.d/$1" "$store/next"
    mv -fT "$store/next" "$link"
    sync -f "$opt"
    put_units "$version_dir"
}

put_units() {
    for unit in $UNITS; do put "$1/units/$unit" "$units/$unit"; done
    put "$1/units/$UDEV_RULE" "$rules/$UDEV_RULE"
}

# A file with the content of $1 at $2, whole at every moment; nothing happens if it is there already.
put() {
    cmp -s "$1" "$2" && return
    mkdir -p "$(dirname "$2")"
    install -m 644 "$1" "$2.part" && mv -f "$2.part" "$2"
}

take_over() {
    step "/opt/fer-pi, the units and $command"
    if [ $dry = yes ]; then
        note "would let $link be $store/$new_slot, write $units/{${UNITS// /,}}, $rules/$UDEV_RULE, and link $command"
        return
    fi
    if [ -d "$link" ] && [ ! -L "$link" ]; then
        note "$link was a venv made by hand; it is replaced"
        rm -rf "$store/by-hand"
        mv "$link" "$store/by-hand"
    fi
    switch_to "$new_slot"
    # From here the new version is the one that counts.
    finished_slot=$new_slot
    new_slot=
}

finished_slot=

add_command() {
    mkdir -p "$(dirname "$command")"
    if [ -e "$command" ] && [ ! -L "$command" ]; then
        note "$command is a program of somebody else: left alone; ours is $link/bin/fer-pi"
    elif [ "$(readlink "$command" 2>/dev/null)" != "$link/bin/fer-pi" ]; then
        ln -sfn "$link/bin/fer-pi" "$command"
    fi
}

# The configuration belongs to whoever runs the appliance: it is written once, and never again.
add_config() {
    local default
    step "The configuration, $etc/config.yaml"
    [ $dry = no ] || { note "would be written if it is not there; else a new default goes beside it, as config.yaml.new" && return; }
    default=$(shipped_config "$link")
    mkdir -p "$etc"
    if [ ! -e "$etc/config.yaml" ]; then
        put "$default" "$etc/config.yaml"
        # The first start of all can then light the LED at once, and has something to fall back on.
        install -d -m 700 "$root/var/lib/private"
        install -d "$root/var/lib/private/fer-pi"
        "$link/bin/fer-pi" --quiet check --remember "$root/var/lib/private/fer-pi" --config "$etc/config.yaml" >/dev/null ||
            note "they will be kept once they have run well"
    elif cmp -s "$default" "$etc/config.yaml"; then
        rm -f "$etc/config.yaml.new"
    elif ! cmp -s "$default" "$etc/config.yaml.new"; then
        put "$default" "$etc/config.yaml.new"
        note "yours is kept; the new default is beside it, as config.yaml.new"
    else
        note "yours is kept"
    fi
}

# ---- For a board that nobody looks after

add_appliance_parts() {
    step "The board's watchdog, and a journal in memory"
    [ $dry = no ] || { note "would write $watchdog and $journal" && return; }
    if cmp -s "$here/appliance/watchdog.conf" "$watchdog" && cmp -s "$here/appliance/journal.conf" "$journal"; then
        note "as they should be"
        return
    fi
    put "$here/appliance/watchdog.conf" "$watchdog"
    put "$here/appliance/journal.conf" "$journal"
    reread_system_settings
}

reread_system_settings() {
    if systemd_runs && [ $start = yes ]; then
        act systemctl daemon-reexec
        act systemctl restart systemd-journald.service
    else
        note "that holds after the next start"
    fi
}

# The root is left as it is until the next start; the state of fer_pi moves now, so that nothing of it is lost.
add_read_only_root() {
    local state=$root/var/lib/private/fer-pi empty='' ran=no
    step "The root read-only, from the next start on; the state in $card/fer-pi.state"
    [ $dry = no ] || { note "would write $overlay, $units/$STATE_UNIT and $card/fer-pi.state" && return; }
    if service_active; then ran=yes && systemctl stop fer-pi.service; fi
    if [ ! -e "$card/fer-pi.state" ]; then
        [ -d "$state" ] || { empty=$(mktemp -d) && state=$empty; }
        if ! make_state_file "$state"; then
            rm -f "$card/fer-pi.state.part"
            [ -z "$empty" ] || rmdir "$empty"
            [ $ran = no ] || start_again
            fail "$card/fer-pi.state could not be made" "Is there room? df -h $card"
        fi
        [ -z "$empty" ] || rmdir "$empty"
    fi
    put "$here/appliance/$STATE_UNIT" "$units/$STATE_UNIT"
    mkdir -p "$units/fer-pi.service.wants"
    ln -sfn "../$STATE_UNIT" "$units/fer-pi.service.wants/$STATE_UNIT"
    put "$here/appliance/overlayroot.conf" "$overlay"
    if systemd_runs; then systemctl daemon-reload; fi
    if [ $start = no ] && [ $ran = yes ]; then start_again; fi # else start_service does it
    note "the configuration can then be changed on the card, $card/fer-pi.yaml; all else after --writable-root"
}

start_again() {
    { systemctl daemon-reload && systemctl start fer-pi.service; } || note "fer_pi does not start again; why: journalctl -u fer-pi"
}

# A filesystem with what is in $1. Every block of the file is written, for one with holes would need the FAT later.
make_state_file() {
    local part=$card/fer-pi.state.part
    dd if=/dev/zero of="$part" bs=1M count=$STATE_MB status=none &&
        /sbin/mke2fs -q -F -t ext4 -m 0 -L FERPI-STATE -d "$1" "$part" && sync -f "$part" && mv "$part" "$card/fer-pi.state"
}

# Before anything is changed: whether there is a place for the state.
check_card() {
    [ "$read_only" = yes ] || return 0
    [ -d "$card" ] || fail "--read-only-root: there is no $card, where fer_pi's state could be kept" \
        "This is for a Raspberry Pi; elsewhere set up overlayroot by hand, with /var/lib/private/fer-pi on a partition."
    ! systemd_runs || mountpoint -q "$card" || fail "--read-only-root: $card is not the boot partition" "sudo mount $card"
    [ ! -e "$overlay" ] || our_overlay "$overlay" ||
        fail "$overlay is there already, and not ours" "Move it away if you mean it."
}

# Whether the file $1 is one that --read-only-root has written: told by its first line, for Ansible brings this script alone.
our_overlay() { grep -qs "^# Written by fer_pi's install.sh --read-only-root" "$1"; }

writable_root() {
    local below=$root
    [ -n "$root" ] || [ "$(id -u)" = 0 ] || [ $dry = yes ] || fail "this must be run as root" "sudo $0 --writable-root"
    step "The root writable again, from the next start on"
    if root_forgets; then
        below=/media/root-ro
        act mount -o remount,rw "$below"
    fi
    if our_overlay "$below/etc/overlayroot.local.conf"; then
        act rm -f "$below/etc/overlayroot.local.conf"
    elif grep -qs overlayroot=tmpfs /proc/cmdline; then
        note "it was not made read-only by this, but by cmdline.txt: sudo raspi-config, Performance Options, Overlay File System"
    fi
    ! root_forgets || act mount -o remount,ro "$below" || note "$below stays writable until then"
    note "sudo reboot; later again: $0 --read-only-root"
}

# Started, and after a while still the same process, for what falls over after its first picture is not to stay; and accepted.
keeps_running() {
    local process
    systemctl restart fer-pi.service || return
    process=$(systemctl show --property=MainPID --value fer-pi.service)
    sleep $PROBATION_S
    service_active && [ "$(systemctl show --property=MainPID --value fer-pi.service)" = "$process" ] || return
    [ -z "$accept" ] || bash -c "$accept"
}

# Enabled and running the version just installed; if that does not come up, the one before it again.
start_service() {
    local changed=$1
    step "The service"
    if ! systemd_runs; then
        note "systemd does not run here: neither enabled nor started"
        return
    fi
    if [ $start = no ]; then
        note "left alone (--no-start); later: systemctl enable --now fer-pi, or restart"
        return
    fi
    [ $dry = no ] || { note "would be enabled, and restarted if anything has changed" && return; }
    systemctl daemon-reload
    { udevadm control --reload && udevadm trigger --subsystem-match=gpio; } || note "udev was not told of its new rule"
    systemctl --quiet enable fer-pi.service
    if [ "$changed" = no ] && service_active && ! runs_from "$store/$(other_slot "$(slot_in_use)")"; then
        note "runs"
    elif keeps_running; then
        note "runs"
    elif [ "$changed" = yes ] && [ -n "$old_slot" ]; then
        switch_to "$old_slot"
        rm -f /var/lib/private/fer-pi/attempts # it was not the configuration that brought it down
        systemctl daemon-reload
        systemctl restart fer-pi.service || true
        rm -rf "${store:?}/$finished_slot"
        fail "the new version does not do; the old one is back" "Why: journalctl -u fer-pi --since -5min"
    else
        fail "fer_pi is installed but does not keep running" "Why: journalctl -u fer-pi --since -5min; fer-pi doctor"
    fi
}

# The old version stays only where it is still running.
remove_old() {
    if [ $dry = yes ] || { [ $start = no ] && service_active; }; then return; fi
    case $(slot_in_use) in
        a) rm -rf "$store/b" "$store/by-hand" ;;
        b) rm -rf "$store/a" "$store/by-hand" ;;
    esac
}

install_all() {
    local changed=yes
    check_machine
    check_card
    check_python
    check_source
    if [ $dry = no ]; then
        mkdir -p "$opt" || fail "$opt cannot be written" "Run as root: sudo $0"
        exec 9<"$opt"
        flock -n 9 || fail "another install.sh is at work" "Wait until it is done."
    fi
    add_system_parts
    add_groups
    if up_to_date; then
        step "The program is up to date: $("$link/bin/fer-pi" --version)"
        changed=no
        if [ $dry = no ]; then
            for unit in $UNITS $UDEV_RULE; do
                local from=$source_dir/systemd/$unit
                [ "$unit" = $UDEV_RULE ] && from=$here/$unit
                cmp -s "$from" "$link/units/$unit" || { put "$from" "$link/units/$unit" && changed=units; }
            done
            put_units "$link"
        fi
    else
        check_room
        trap clean_up EXIT
        build
        try_out
        take_over
    fi
    [ $dry = yes ] || add_command
    add_config
    [ $appliance = no ] || add_appliance_parts
    [ "$read_only" != yes ] || add_read_only_root
    start_service "$changed"
    remove_old
    step "Done$([ $dry = no ] || echo ": nothing was touched")"
    [ $dry = yes ] || note "fer-pi status tells how it is, fer-pi doctor what is wrong, $etc/config.yaml what it does."
}

# ---- And away again

# What is not ours and would go with the packages named.
others_going() {
    comm -23 <(apt-get -s purge "$@" | sed -n 's/^\(Purg\|Remv\) \([^ :]*\).*/\2/p' | sort -u) <(sort -u "$store/packages")
}

# The packages that came for our sake, but for those that somebody else has come to need.
remove_packages() {
    local name ours=()
    [ -s "$store/packages" ] || return 0
    while read -r name; do if installed "$name"; then ours+=("$name"); fi; done < <(sort -u "$store/packages")
    [ ${#ours[@]} -gt 0 ] || return 0
    if [ -n "$(others_going "${ours[@]}")" ]; then
        local free=()
        for name in "${ours[@]}"; do
            if [ -z "$(others_going "$name")" ]; then free+=("$name"); else note "kept, for another package needs it: $name"; fi
        done
        ours=("${free[@]}")
    fi
    [ ${#ours[@]} -gt 0 ] || return 0
    note "removing packages: ${ours[*]}"
    act env DEBIAN_FRONTEND=noninteractive apt-get -qq -y purge "${ours[@]}" >/dev/null ||
        note "apt could not; by hand: apt-get purge ${ours[*]}"
}

remove_if_empty() {
    local folder
    for folder in "$@"; do [ ! -d "$folder" ] || act rmdir --ignore-fail-on-non-empty "$folder"; done
}

uninstall_all() {
    local unit group
    [ -n "$root" ] || [ "$(id -u)" = 0 ] || [ $dry = yes ] || fail "this must be run as root" "sudo $0 --uninstall"
    ! root_forgets || fail "the root is read-only: all would be back after the next start" \
        "sudo $0 --writable-root && sudo reboot    then call this again"
    step "The service: stopped and removed"
    if systemd_runs && [ -e "$units/fer-pi.service" ]; then act systemctl disable --now fer-pi.service fer-pi-card.service; fi
    for unit in $UNITS; do act rm -f "$units/$unit" "$units/multi-user.target.wants/$unit"; done
    act rm -f "$rules/$UDEV_RULE"
    if [ -e "$units/$STATE_UNIT" ]; then
        if systemd_runs; then act systemctl stop $STATE_UNIT && { systemctl --quiet reset-failed $STATE_UNIT 2>/dev/null || true; }; fi
        act rm -f "$units/$STATE_UNIT" "$units/fer-pi.service.wants/$STATE_UNIT"
        remove_if_empty "$units/fer-pi.service.wants"
    fi
    if systemd_runs; then act systemctl daemon-reload; fi
    if [ -e "$watchdog" ] || [ -e "$journal" ]; then
        act rm -f "$watchdog" "$journal"
        remove_if_empty "$(dirname "$watchdog")" "$(dirname "$journal")"
        reread_system_settings
    fi
    if our_overlay "$overlay"; then act rm -f "$overlay"; fi

    step "The program"
    if [ "$(readlink "$command" 2>/dev/null)" = "$link/bin/fer-pi" ]; then act rm -f "$command"; fi
    if [ -z "$root" ]; then
        remove_packages
        if [ -s "$store/groups" ]; then
            while read -r group; do act groupdel "$group" || note "the group $group stays"; done <"$store/groups"
        fi
    fi
    act rm -rf "$link" "$store"

    step "What it kept: state, logs, what it wrote onto the card"
    for folder in lib log cache; do act rm -rf "$root/var/$folder/fer-pi" "$root/var/$folder/private/fer-pi"; done
    act rm -rf "$root/run/fer-pi"
    act rm -f "$card/fer-pi.yaml.errors.txt" "$card/fer-pi.state" "$card/fer-pi.state.part"

    if [ $keep_config = yes ]; then
        step "The configuration stays: $etc"
    else
        step "The configuration"
        act rm -rf "$etc" "$units/fer-pi.service.d" "$units/fer-pi-card.service.d"
        act rm -f "$card/fer-pi.yaml"
    fi
    step "Done$([ $dry = no ] || echo ": nothing was touched")"
}

if [ $uninstall = yes ]; then
    uninstall_all
elif [ "$read_only" = no ]; then
    writable_root
else
    install_all
fi
