#!/usr/bin/env bash
# What the base install takes on disk, and 1 as exit status if that is too much: measure_size.sh WHEEL PYTHON...
#
# For each Python, 3.11 (Bookworm) or 3.13 (Trixie), and for a Pi (aarch64) and a PC (x86_64), the wheels are put into an empty
# folder, as `pip install --no-compile` with the constraints of that stack does it, and counted with `du`, in MB of 2^20 bytes.
# setuptools is not counted: colorzero names it and does without.
set -euo pipefail

LIMIT_MB=250
UNLIMITED="trixie x86_64" # a PC with OpenCV 5 (150 MB), NumPy 2 (60) and LiteRT 2 (30); the Pi's own wheels are smaller

wheel=$(realpath "$1")
shift
here=$(dirname "$(realpath "$0")")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

status=0
for python in "$@"; do
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if [ "$version" = 3.11 ]; then stack=bookworm; else stack=trixie; fi
    "$python" -m venv "$folder/$stack"
    for machine in aarch64 x86_64; do
        platforms=()
        for glibc in 34 31 28 27 17; do platforms+=(--platform "manylinux_2_${glibc}_$machine"); done # as pip prefers them
        site=$folder/$stack-$machine
        "$folder/$stack/bin/python" -m pip --quiet --disable-pip-version-check install --no-compile --only-binary=:all: \
            --target "$site" "${platforms[@]}" --platform "manylinux2014_$machine" --constraint "$here/constraints-$stack.txt" "$wheel"
        find "$site" -name __pycache__ -prune -exec rm -rf {} +
        rm -rf "$site"/setuptools* "$site"/pkg_resources "$site"/_distutils_hack
        size=$(du -sm "$site" | cut -f1)
        printf '%3d MB  %s, %s:' "$size" "$stack" "$machine"
        du -sm "$site"/* | sort -rn | head -7 | while read -r mb path; do printf ' %s %s' "$(basename "$path")" "$mb"; done
        echo
        if [ "$size" -ge $LIMIT_MB ] && [ "$stack $machine" != "$UNLIMITED" ]; then
            echo "        over the limit of $LIMIT_MB MB"
            status=1
        fi
    done
done
exit $status
