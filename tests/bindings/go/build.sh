#!/bin/sh
# Builds the host and the runner of Go: build.sh FOLDER
set -eu
out=$1
mkdir -p "$out"
cd "$(dirname "$0")"
export GOTOOLCHAIN=local GOFLAGS=-mod=mod GOPROXY=off
"${GO:-go}" build -o "$out/" ./host ./runner
