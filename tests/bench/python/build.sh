#!/bin/sh
# Builds the benchmark of Python: build.sh FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
python=${PYTHON:-/usr/bin/python3}
mkdir -p "$1"
out=$(cd "$1" && pwd)
sh "$root/tests/bindings/python/build.sh" "$out"
cat >"$out/bench" <<END
#!/bin/sh
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH='$out/package' \\
    exec '$python' '$here/bench.py' "\$@"
END
chmod +x "$out/bench"
