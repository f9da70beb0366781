#!/usr/bin/env bash
# What the base install takes on disk: usage: measure_size.sh PYTHON WHEEL
#
# Each stack's wheels for a PC (x86_64) and a Pi (aarch64) are unpacked into an empty folder, as `pip install --no-compile`
# with that stack's constraints does, and counted with `du`. setuptools is left out, as every tool of its kind: colorzero
# names it and does not use it. Ends with 1 if an install that has a limit is over it.
set -euo pipefail

python=$1
wheel=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
LIMIT_MB=250

printf '%-28s %6s   %s\n' "base install" MB "its largest"
status=0
for stack in "bookworm 3.11" "trixie 3.13"; do
    read -r name version <<<"$stack"
    for machine in x86_64 aarch64; do
        platforms=(--platform "linux_$machine")
        for glibc in 17 27 28 31 34; do platforms+=(--platform "manylinux_2_${glibc}_$machine"); done
        platforms+=(--platform "manylinux2014_$machine")
        site=$folder/$name-$machine
        "$python" -m pip --quiet --disable-pip-version-check install --no-compile --target "$site" --only-binary=:all: \
            "${platforms[@]}" --implementation cp --python-version "$version" \
            --constraint "$here/constraints-$name.txt" "$wheel"
        find "$site" -name __pycache__ -prune -exec rm -rf {} +
        rm -rf "$site"/setuptools* "$site"/_distutils_hack "$site"/pkg_resources "$site"/distutils-precedence.pth
        size=$(du -sm "$site" | cut -f1)
        largest=$(du -sm "$site"/* | sort -rn | head -6 | while read -r mb path; do printf '%s %s, ' "$(basename "$path")" "$mb"; done)
        printf '%-28s %6d   %s\n' "$name, Python $version, $machine" "$size" "${largest%, }"
        if [ "$size" -ge $LIMIT_MB ]; then
            echo "    over $LIMIT_MB MB"
            status=1
        fi
    done
done
exit $status
