#!/bin/sh
# Searches the model of pendings in full, and shows that the search finds each
# of the mistakes which the model can make on purpose.
#   check.sh <folder to work in>, with SPIN and CC in the environment
set -eu

model=$(cd "$(dirname "$0")" && pwd)/pending.pml
mkdir -p "$1"
cd "$1"

# Prints what pan says of the model with a macro defined, or as it is.
search()
{
    "${SPIN:-spin}" -a ${1:+-D$1} "$model" >&2
    "${CC:-cc}" -O1 -w -DMEMLIM=2048 -o pan pan.c
    ./pan -m1000000
}

complete()
{
    grep -q 'errors: 0' "$1" && ! grep -q 'not completed' "$1"
}

search >found
complete found || { cat found; exit 1; }

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
