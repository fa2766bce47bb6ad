#!/usr/bin/env bash
# build.sh [SYSTEM-ARCHITECTURE]...: builds the command for other systems as bin/marr-SYSTEM-ARCHITECTURE: linux-amd64, linux-arm64, windows-amd64,
# darwin-arm64 and darwin-amd64; without arguments all of them. tools/setup/cross.sh installs the compilers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
mkdir -p bin

zig="${XDG_CACHE_HOME:-$HOME/.cache}/marr/zig-0.11.0"

# stub FILE INSTALL-NAME [SYMBOL...]: a library for the linker, which has names alone. The real one is on the machine that runs the program.
stub() {
	local file=$1 name=$2
	shift 2
	mkdir -p "$(dirname "$file")"
	printf -- "--- !tapi-tbd\ntbd-version: 4\ntargets: [ arm64-macos, x86_64-macos ]\ninstall-name: '%s'\nexports:\n" "$name" >"$file"
	printf -- "  - targets: [ arm64-macos, x86_64-macos ]\n    symbols: [ %s ]\n...\n" "$(printf "'_%s', " "${@:-none}" | sed 's/, $//')" >>"$file"
}

# macos_stubs DIR: the frameworks that Go's packages import, with those symbols, and what vulkan-go names and nothing here calls.
macos_stubs() {
	local f symbols
	for f in CoreFoundation Security Cocoa IOKit IOSurface QuartzCore Metal; do
		symbols=$(sed -n "s|^//go:cgo_import_dynamic [^ ]* \([^ ]*\) \".*/$f\"|\1|p" "$(go env GOROOT)"/src/crypto/x509/internal/macos/*.go)
		# shellcheck disable=SC2086 # one argument for each symbol
		stub "$1/$f.framework/$f.tbd" "/System/Library/Frameworks/$f.framework/Versions/A/$f" $symbols
	done
	stub "$1/libMoltenVK.tbd" @rpath/libMoltenVK.dylib
}

# build TARGET CC [NAME=VALUE]...
build() {
	local target=$1 cc=$2 suffix='' strip='-s -w'
	shift 2
	[ "${target%-*}" = darwin ] && strip=-w # Zig's linker has no -x
	[ "${target%-*}" = windows ] && suffix=.exe
	env CGO_ENABLED=1 GOOS="${target%-*}" GOARCH="${target#*-}" CC="$cc" "$@" \
		go build -trimpath -buildvcs=auto -ldflags="$strip" -o "bin/marr-$target$suffix" ./tools/marr
	echo "cross: bin/marr-$target$suffix"
}

build_macos() {
	if [ ! -x "$zig/zig" ]; then
		echo "cross: $1: left out: no Zig in $zig: run tools/setup/cross.sh" >&2
		return
	fi
	local stubs=$zig/stubs triple=aarch64-macos
	[ "$1" = darwin-amd64 ] && triple=x86_64-macos
	macos_stubs "$stubs"
	build "$1" "$zig/zig cc -target $triple -w -L$stubs -F$stubs -Wl,-dead_strip_dylibs" ZIG_GLOBAL_CACHE_DIR="$zig/cache" ZIG_LOCAL_CACHE_DIR="$zig/cache"
}

[ $# -gt 0 ] || set -- linux-amd64 linux-arm64 windows-amd64 darwin-arm64 darwin-amd64
for target in "$@"; do
	case $target in
	linux-amd64) build "$target" gcc ;;
	linux-arm64) build "$target" aarch64-linux-gnu-gcc ;;
	windows-amd64) build "$target" x86_64-w64-mingw32-gcc ;;
	darwin-*) build_macos "$target" ;;
	*) echo "cross: $target: unknown: one of linux-amd64, linux-arm64, windows-amd64, darwin-arm64, darwin-amd64" >&2; exit 2 ;;
	esac
done
