#!/usr/bin/env bash
# radv.sh: unpacks RADV (the AMD driver) of Mesa 25.0.7 and its libraries into the user's cache folder. The installed Mesa is not changed. It
# prints two lines: the driver file for VK_DRIVER_FILES and the folder for LD_LIBRARY_PATH. Debian 12 only: the packages are those of
# bookworm-backports, from the configured mirror, and run on the libc of Debian 12. Newer versions of Mesa no longer list a null device.
set -euo pipefail

version=25.0.7
root="${XDG_CACHE_HOME:-$HOME/.cache}/marr/radv-25"
icd="$root/radeon_icd.json"

fail() { echo "radv: $1" >&2; exit 1; }
found() { printf '%s\n%s\n' "$icd" "$(dirname "$(sed -n 's/.*"library_path": "\(.*\)".*/\1/p' "$icd")")"; }

if [ -e "$icd" ]; then
	found
	exit
fi
. /etc/os-release
[ "${ID:-} ${VERSION_CODENAME:-}" = 'debian bookworm' ] || fail "this is ${PRETTY_NAME:-no Debian}: run it on Debian 12"

# Use the mirror of the configured bookworm archive.
mirror=$(apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
	sed -n 's/^Debian bookworm main //p' | head -n 1)
[ -n "$mirror" ] || fail "apt has no mirror of Debian 12: run apt-get update"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists,archives}/partial "$work/files"
key=/usr/share/keyrings/debian-archive-keyring.gpg
for suite in bookworm bookworm-backports; do
	echo "deb [signed-by=$key] $mirror $suite main"
done >"$work/sources.list"

# This does not use apt's own lists, archives and lock, so it needs no root. It downloads RADV and those of its dependencies that are not
# installed or too old.
apt() {
	apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$work/lists" \
		-o Dir::Cache="$work" -o Dir::Cache::Archives="$work/archives" -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Languages=none -o APT::Keep-Downloaded-Packages=1 "$@" >&2
}
apt update
apt -y --no-install-recommends --download-only --reinstall -t bookworm-backports install "mesa-vulkan-drivers=$version-*"
for deb in "$work"/archives/*.deb; do
	dpkg -x "$deb" "$work/files"
done
driver=$(cd "$work/files" && find . -name libvulkan_radeon.so)
[ -n "$driver" ] || fail "mesa-vulkan-drivers $version has no libvulkan_radeon.so"

rm -rf "$root"
mkdir -p "$(dirname "$root")"
mv "$work/files" "$root"
sed 's|"library_path": "[^"]*"|"library_path": "'"$root/${driver#./}"'"|' "$root"/usr/share/vulkan/icd.d/radeon_icd*.json >"$icd.tmp"
mv "$icd.tmp" "$icd"
found
