#!/bin/sh
# Builds the benchmark of Go: build.sh FOLDER
set -eu
out=$1
mkdir -p "$out"
cd "$(dirname "$0")"
export GOTOOLCHAIN=local GOFLAGS=-mod=mod GOPROXY=off
"${GO:-go}" build -o "$out/bench" .
