#!/bin/sh
# Builds the package and makes its host and its runner: build.sh FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
python=${PYTHON:-/usr/bin/python3}
mkdir -p "$1"
out=$(cd "$1" && pwd)

# The library is a part of what decides whether anything has changed.
state=$({ cat "$root"/bindings/python/*.py "$root"/bindings/python/wws/*; \
    pkg-config --cflags --libs wws; "$python" -VV; } | cksum)
if [ "$state" != "$(cat "$out/state" 2>/dev/null || true)" ]; then
    rm -rf "$out/package" "$out/state"
    cp -r "$root/bindings/python" "$out/package"
    (cd "$out/package" && "$python" build_lib.py >"$out/log" 2>&1) || {
        cat "$out/log" >&2
        exit 1
    }
    echo "$state" >"$out/state"
fi

for program in host runner; do
    cat >"$out/$program" <<END
#!/bin/sh
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH='$out/package' \\
    exec '$python' '$here/$program.py' "\$@"
END
    chmod +x "$out/$program"
done
