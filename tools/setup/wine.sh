#!/usr/bin/env bash
# wine.sh                         installs Wine, a C compiler for Windows and a display without a screen, and prepares Wine for Go programs
# wine.sh PROGRAM [ARGUMENT...]   runs a Windows program (go test -exec)
# Wine's Vulkan is the installed driver, such as lavapipe, and needs an X display even for compute: without one vkCreateInstance fails with
# VK_ERROR_INITIALIZATION_FAILED.
set -euo pipefail

dir="${XDG_CACHE_HOME:-$HOME/.cache}/marr/wine"
export WINEPREFIX="$dir/prefix" WINEDEBUG="${WINEDEBUG:--all}"

install() {
	local packages=() root=()
	command -v wine >/dev/null || packages+=(wine wine64)
	command -v Xvfb >/dev/null || packages+=(xvfb)
	command -v x86_64-w64-mingw32-gcc >/dev/null || packages+=(gcc-mingw-w64-x86-64-posix)
	[ ${#packages[@]} -gt 0 ] || return 0
	[ "$(id -u)" = 0 ] || root=(sudo)
	echo "wine: installing ${packages[*]}"
	"${root[@]}" apt-get -qq update
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${packages[@]}" >/dev/null
}

# prepare makes the prefix, and an overlay of Go's sources for the tests: Wine 8 answers the newest way to delete a file, which os.RemoveAll tries
# first, with an error that Go does not know. The overlay sets Go's own switch for older versions of Windows.
prepare() {
	local windows=$WINEPREFIX/drive_c/windows file
	[ -d "$windows" ] || wine wineboot --init >/dev/null 2>&1
	[ -e "$windows/system32/bcryptprimitives.dll" ] || x86_64-w64-mingw32-gcc -O2 -shared -o "$windows/system32/bcryptprimitives.dll" \
		"$(dirname "${BASH_SOURCE[0]}")/bcryptprimitives.c" -ladvapi32
	file=$(go env GOROOT)/src/internal/syscall/windows/at_windows.go
	sed 's/^var TestDeleteatFallback bool/var TestDeleteatFallback = true/' "$file" >"$dir/at_windows.go"
	printf '{"Replace": {"%s": "%s"}}\n' "$file" "$dir/at_windows.go" >"$dir/overlay.json"
}

if [ $# -eq 0 ]; then
	mkdir -p "$dir"
	install
	prepare
	exit
fi
if [ ! -e "$dir/overlay.json" ]; then
	echo "wine: Wine is not prepared: run tools/setup/wine.sh without arguments" >&2
	exit 1
fi
# Programs get a console, without which nothing can send Ctrl-C, only where Wine finds a terminal, and script(1) makes one. Their output goes past it.
# In the POSIX locale Wine refuses names of files that are not ASCII.
run() {
	local command
	printf -v command '%q ' wine "$@"
	SHELL=/bin/bash LC_ALL=C.UTF-8 script -qec "$command >&3 2>&4" /dev/null 3>&1 4>&2 >/dev/null </dev/null
}

if [ -n "${DISPLAY:-}" ]; then
	run "$@"
	exit
fi
number=$(mktemp)
Xvfb -displayfd 3 -screen 0 640x480x24 -nolisten tcp 3>"$number" >/dev/null 2>&1 &
trap 'wineserver -k; kill $!; rm -f "$number"' EXIT
for _ in $(seq 100); do
	[ -s "$number" ] && break
	sleep 0.1
done
DISPLAY=":$(cat "$number")" run "$@"
