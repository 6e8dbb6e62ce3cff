#!/bin/sh
# Tests the crate under tokio: tokio.sh CARGO FOLDER; 77 if tokio cannot be had.
set -eu
cd "$2"
"$1" fetch --quiet --locked || exit 77
"$1" test --quiet --offline --locked
