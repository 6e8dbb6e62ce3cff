#!/bin/sh
# Tests the package of Go: check.sh GO plain|strict|asan FOLDER
#
# Strict is with the race detector and with all that the toolchain can check of
# pointers that go to C; asan is for a library under the address sanitizer, whose
# leaks are looked for elsewhere: a process of Go ends with everything in use.
set -eu
go=$1 how=$2
suite=$(cd "$(dirname "$0")" && pwd)
cd "$3"
export GOTOOLCHAIN=local GOFLAGS=-mod=mod GOPROXY=off
if [ "$how" = strict ]; then
    case $("$go" env GOVERSION) in
    go1.19* | go1.20*) export GODEBUG=cgocheck=2 ;;
    *) export GOEXPERIMENT=cgocheck2 ;;
    esac
    exec "$go" test -count=1 -race .
fi
if [ "$how" = asan ]; then
    export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
    exec "$go" test -count=1 -asan .
fi
for folder in . "$suite" "$suite/../../bench/go"; do
    unformatted=$("$("$go" env GOROOT)/bin/gofmt" -l "$folder")
    if [ "$unformatted" ]; then
        echo "gofmt would change $unformatted"
        exit 1
    fi
    (cd "$folder" && "$go" vet ./...)
done
exec "$go" test -count=1 .
