#!/usr/bin/env bash
# ort.sh [ARCHITECTURE FOLDER]: installs the library of ONNX Runtime from the npm package onnxruntime-node into the user's cache folder, or that for
# x64 or arm64 into a folder. Tests verify exported files with it. Without npm or a network it prints that this verification will not run, and succeeds.
set -euo pipefail

version=1.30.0
dest="${2:-${XDG_CACHE_HOME:-$HOME/.cache}/marr/ort}"

skip() {
	echo "ort: $1: exports will not be verified with ONNX Runtime"
	exit 0
}

[ -f "$dest/libonnxruntime.so.1" ] && [ "$(cat "$dest/version" 2>/dev/null)" = "$version" ] && exit 0
case "$(uname -s)-${1:-$(uname -m)}" in
Linux-x86_64 | Linux-x64) arch=x64 ;;
Linux-aarch64 | Linux-arm64) arch=arm64 ;;
*) skip "no library for $(uname -s) $(uname -m)" ;;
esac
command -v npm >/dev/null || skip "npm is not installed"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
echo "ort: installing ONNX Runtime $version from npm into $dest"
# --ignore-scripts: the install script of the package downloads CUDA libraries, which are not needed.
timeout 300 npm install --prefix "$tmp" --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retries=1 --fetch-timeout=60000 \
	"onnxruntime-node@$version" >"$tmp/log" 2>&1 || skip "npm install failed ($(grep -m1 . "$tmp/log" || echo 'no message'))"
lib="$tmp/node_modules/onnxruntime-node/bin/napi-v6/linux/$arch/libonnxruntime.so.1"
[ -f "$lib" ] || skip "the npm package has no libonnxruntime.so.1 for $arch"

mkdir -p "$dest"
cp "$lib" "$dest/libonnxruntime.so.1.new"
mv "$dest/libonnxruntime.so.1.new" "$dest/libonnxruntime.so.1"
echo "$version" >"$dest/version"
