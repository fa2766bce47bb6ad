#!/usr/bin/env bash
# setup.sh [check]: installs the missing system packages for building and running, on Debian and its derivatives, and prints their names. It
# changes nothing if nothing is missing. With "check" it also installs those of make check.
set -euo pipefail

case "${1:-}" in
'' | check) ;;
*) echo "setup: argument $1: unknown: the only argument is check" >&2; exit 2 ;;
esac

# any PATTERN...: a file matches one of the patterns. JSON files in the folders of vulkan_json describe drivers (ICDs) and layers.
any() { compgen -G "$1" >/dev/null || { shift && [ $# -gt 0 ] && any "$@"; }; }
vulkan_json() { any "/usr/share/vulkan/$1" "/usr/local/share/vulkan/$1" "/etc/vulkan/$1" "${XDG_DATA_HOME:-$HOME/.local/share}/vulkan/$1"; }

has_loader() { any '/usr/lib/*/libvulkan.so.1' '/usr/lib*/libvulkan.so.1' '/usr/local/lib/libvulkan.so.1' '/lib/*/libvulkan.so.1'; }
has_turbo() { echo '#include <stdio.h>
#include <turbojpeg.h>' | gcc -E -x c - >/dev/null 2>&1; }
has_pandas() { python3 -c 'import pandas' 2>/dev/null || /usr/bin/python3 -c 'import pandas' 2>/dev/null; }
has_layer() { vulkan_json 'explicit_layer.d/*khronos_validation*.json'; }

# A driver is present if the user named one, if lavapipe is installed, or if the machine has a GPU and any driver.
has_driver() {
	[ -n "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] && return
	vulkan_json 'icd.d/lvp_icd*.json' && return
	any '/dev/dri/renderD*' '/dev/nvidia[0-9]*' && vulkan_json 'icd.d/*.json'
}

packages=()
command -v gcc >/dev/null || packages+=(gcc libc6-dev)
has_loader || packages+=(libvulkan1)
has_driver || packages+=(mesa-vulkan-drivers)
if [ "${1:-}" = check ]; then
	has_layer || packages+=(vulkan-validationlayers)
	has_turbo || packages+=(libturbojpeg0-dev)
	command -v mpirun >/dev/null || packages+=(openmpi-bin)
	has_pandas || packages+=(python3-pandas)
	command -v chromium >/dev/null || packages+=(chromium)
fi
if ! command -v go >/dev/null; then
	echo "setup: go: not found: install Go 1.26 or later (https://go.dev/dl) and put it on PATH" >&2
	exit 1
fi
[ ${#packages[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "setup: missing: ${packages[*]} (names of Debian packages), and this system has no apt-get: install the equivalent packages" >&2
	exit 1
fi
root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "setup: missing: ${packages[*]}, and this user is not root and has no sudo: run as root: apt-get install ${packages[*]}" >&2
		exit 1
	fi
	root=(sudo)
fi
echo "setup: installing ${packages[*]}"
if ! { "${root[@]}" apt-get -qq update &&
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${packages[@]}" >/dev/null; }; then
	echo "setup: apt-get could not install ${packages[*]}: see the message above" >&2
	exit 1
fi
