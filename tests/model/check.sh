#!/bin/sh
# Shows that a search of the model of pendings finds each of the mistakes which
# the model can make on purpose; as it is, search.cmake searches it.
#   check.sh <folder to work in>, with SPIN and CC in the environment
set -eu

model=$(cd "$(dirname "$0")" && pwd)/pending.pml
mkdir -p "$1"
cd "$1"

# Prints what pan says of the model with a macro defined.  The mistakes are
# wrong ends, not endless ways, and none is deep.
search()
{
    "${SPIN:-spin}" -a -D"$1" "$model" >&2
    "${CC:-cc}" -O1 -w -DSAFETY -DMEMLIM=2048 -o pan pan.c
    ./pan -m10000
}

mistakes=$(sed -n 's/^#ifn*def //p' "$model" | sort -u)
test -n "$mistakes"
for mistake in $mistakes; do
    search "$mistake" >found
    if ! grep -q 'errors: 1' found; then
        echo "not found: $mistake"
        cat found
        exit 1
    fi
    echo "found: $mistake: $(sed -n 's/^pan:1: //p' found)"
done
