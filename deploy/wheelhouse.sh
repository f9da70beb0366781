#!/usr/bin/env bash
# Collect all that deploy/install.sh needs from PyPI, and fer_pi itself, for a Pi without network.
set -euo pipefail

usage() {
    cat <<'END'
Usage: deploy/wheelhouse.sh [--to DIR] [bookworm|trixie] [aarch64|x86_64]

Fill DIR [default: deploy/wheelhouse] with the wheels of fer_pi and of what it needs. Copy the folders deploy and systemd to a
machine without network: install.sh finds the wheels in deploy/wheelhouse. One system and one processor take 60 to 100 MB;
without arguments, both systems and both processors, 290 MB.
Runs anywhere where python3 has pip; PYTHON=/path/to/python3 names another one.
END
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
house=$here/wheelhouse
pip=("${PYTHON:-python3}" -m pip --quiet --disable-pip-version-check --no-input)
stacks=()
machines=()

while [ $# -gt 0 ]; do
    case $1 in
        --to)
            [ -n "${2:-}" ] || { usage >&2 && exit 2; }
            house=$2
            shift
            ;;
        bookworm | trixie) stacks+=("$1") ;;
        aarch64 | x86_64) machines+=("$1") ;;
        -h | --help) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
    shift
done
[ ${#stacks[@]} -gt 0 ] || stacks=(bookworm trixie)
[ ${#machines[@]} -gt 0 ] || machines=(aarch64 x86_64)

new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT

echo "==> fer_pi itself"
"${pip[@]}" wheel --no-deps --wheel-dir "$new" "$(dirname "$here")"

for stack in "${stacks[@]}"; do
    if [ "$stack" = bookworm ]; then version=311; else version=313; fi
    # The constraints name all that is installed. Taken one by one, for pip would judge what a package needs by the Python
    # that it runs on itself. colorzero wants setuptools, which a venv of 3.13 no longer has.
    sed -e 's/ *#.*//' -e '/^tflite-runtime/d' -e '/^$/d' "$here/constraints-$stack.txt" >"$new/$stack.txt"
    echo 'setuptools<81' >>"$new/$stack.txt"
    for machine in "${machines[@]}"; do
        echo "==> $stack, $machine"
        platforms=()
        for glibc in 36 35 34 31 28 27 26 24 17; do platforms+=(--platform "manylinux_2_${glibc}_$machine"); done
        "${pip[@]}" download --no-deps --only-binary=:all: --dest "$new" --requirement "$new/$stack.txt" \
            --python-version $version --implementation cp --abi "cp$version" --abi abi3 --abi none \
            "${platforms[@]}" --platform "manylinux2014_$machine"
    done
done

# Only what was fetched now stays, so that nothing old is installed by mistake.
rm -f "$new"/*.txt
mkdir -p "$house"
rm -f "$house"/*.whl
mv "$new"/*.whl "$house"/
echo "==> $(find "$house" -name '*.whl' | wc -l) wheels, $(du -sm "$house" | cut -f1) MB in $house"
