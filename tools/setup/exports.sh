#!/usr/bin/env bash
# exports.sh: installs the programs that make exports loads files in, on Debian: OpenCV, PyTorch and torchvision from Debian, and packages of Node.js from npm in
# the user's cache folder, whose name it prints. What cannot be installed is a row of the table that says so.
set -euo pipefail

dest="${XDG_CACHE_HOME:-$HOME/.cache}/marr/exports"
missing=()
has() { /usr/bin/python3 -c "import $1" 2>/dev/null; }
has cv2 || missing+=(python3-opencv)
has torchvision || missing+=(python3-torch python3-torchvision)
command -v npm >/dev/null || missing+=(nodejs npm)
if [ ${#missing[@]} -gt 0 ]; then
	echo "exports: installing ${missing[*]}" >&2
	{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}"; } >&2 ||
		echo "exports: apt-get could not install ${missing[*]}: their rows will say so" >&2
fi
packages=(onnxruntime-web@1.30.0 @techstark/opencv-js@5.0.0-release.1)
if [ "$(cat "$dest/packages" 2>/dev/null)" != "${packages[*]}" ]; then
	mkdir -p "$dest"
	if timeout 300 npm install --prefix "$dest" --ignore-scripts --no-audit --no-fund --loglevel=error "${packages[@]}" >&2; then
		echo "${packages[*]}" >"$dest/packages"
	else
		echo "exports: npm could not install ${packages[*]}: their rows will say so" >&2
	fi
fi
echo "$dest"
