#!/bin/sh
# Builds the benchmark of Rust: build.sh FOLDER
set -eu
out=$1
mkdir -p "$out"
cd "$(dirname "$0")"
CARGO_TARGET_DIR=$out/target "${CARGO:-cargo}" build --quiet --release \
    --offline --locked
cp "$out/target/release/bench" "$out/target/release/crossings" "$out/"
