#!/bin/sh
# Builds the host and the runner of Rust: build.sh FOLDER
set -eu
out=$1
mkdir -p "$out"
cd "$(dirname "$0")"
CARGO_TARGET_DIR=$out/target "${CARGO:-cargo}" build --quiet --release \
    --offline --locked
cp "$out/target/release/host" "$out/target/release/runner" "$out/"
