#!/usr/bin/env bash
# sid.sh glslc [ARGUMENT...]     runs the shader compiler of Debian sid, which knows cooperative matrices
# sid.sh PROGRAM [ARGUMENT...]   runs a program of this system with the libraries of Debian sid: its lavapipe has cooperative matrices (go test -exec)
# tools/setup/implementations.sh makes the folder of sid. MARR_SID names another that has mesa-vulkan-drivers, libvulkan1 and glslc.
set -euo pipefail

sid="${MARR_SID:-${XDG_CACHE_HOME:-$HOME/.cache}/marr/sid}"
icd="$sid/usr/share/vulkan/icd.d/lvp_icd.json"
loader=$(compgen -G "$sid/lib*/ld-linux-*.so.*" | head -n 1) || true
libraries=$(compgen -G "$sid/usr/lib/*-linux-gnu" | head -n 1) || true
if [ $# -eq 0 ] || [ -z "$loader" ] || [ ! -e "$icd" ] || [ ! -e "$sid/usr/bin/glslc" ]; then
	echo "sid: usage: sid.sh PROGRAM [ARGUMENT...]; it needs Debian sid in $sid: run tools/setup/implementations.sh as root, or set MARR_SID" >&2
	exit 1
fi
program=$1
shift
[ "$program" = glslc ] && program="$sid/usr/bin/glslc"
# Vectors of 512 bits crash with matrices.
VK_DRIVER_FILES="$icd" VK_ICD_FILENAMES="$icd" LP_NATIVE_VECTOR_WIDTH=256 exec "$loader" --library-path "$libraries" "$program" "$@"
