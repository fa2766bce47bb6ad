#!/usr/bin/env bash
# fused.sh PACKAGE...: fails and lists the lines of Go packages for which the compiler makes fused multiply-adds on arm64, see package kernels/exact.
set -euo pipefail

code=$(mktemp)
trap 'rm -f "$code"' EXIT
if ! GOOS=linux GOARCH=arm64 CGO_ENABLED=1 CC=aarch64-linux-gnu-gcc go build -gcflags=-S "$@" >"$code" 2>&1; then
	tail -n 20 "$code" >&2
	exit 1
fi
lines=$(sed -nE 's/.*\(([^()]+:[0-9]+)\)\tFN?M(ADD|SUB)[SD]\t.*/\1/p' "$code" | sort -u)
[ -z "$lines" ] && exit
echo 'fused: convert these products, as in float64(x*y) + z (package kernels/exact):' >&2
echo "$lines" >&2
exit 1
