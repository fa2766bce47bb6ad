#!/usr/bin/env bash
# implementations.sh: the Vulkan implementations on CPUs that can be had on Debian 12, for tools/conformance. It unpacks what is missing into the user's cache
# folder and prints a line for each: name, root folder, environment variables, separated by tabs. The installed Mesa is not changed.
# The newest Mesa needs the libc of Debian sid: a chroot, which only root can make (debootstrap). MARR_SID names one that exists.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/marr"
note() { echo "implementations: $1" >&2; }

installed=$(dpkg-query -W -f '${Version}' mesa-vulkan-drivers | sed 's/-.*//')
for bits in 128 256 512; do
	printf 'lavapipe %s, %s bits\t/\tVK_DRIVER_FILES=%s LP_NATIVE_VECTOR_WIDTH=%s\n' "$installed" "$bits" /usr/share/vulkan/icd.d/lvp_icd*.json "$bits"
done

# Mesa 25 comes with RADV.
{ read -r _; read -r libraries; } < <(./radv.sh)
sed 's|"library_path": "[^"]*"|"library_path": "'"$libraries"'/libvulkan_lvp.so"|' "$cache"/radv-25/usr/share/vulkan/icd.d/lvp_icd*.json >"$cache/radv-25/lvp_icd.json"
printf 'lavapipe 25.0.7\t/\tVK_DRIVER_FILES=%s LD_LIBRARY_PATH=%s\n' "$cache/radv-25/lvp_icd.json" "$libraries"

# Mesa of sid
sid="${MARR_SID:-$cache/sid}"
if [ ! -e "$sid/usr/share/vulkan/icd.d/lvp_icd.json" ] && [ "$(id -u)" = 0 ] && command -v debootstrap >/dev/null; then
	note "making a chroot of Debian sid in $sid"
	mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^bookworm main //p' | head -n 1)
	debootstrap --variant=minbase sid "$sid" "$mirror" >&2
	chroot "$sid" apt-get -qq -o Acquire::Check-Valid-Until=false update >&2
	chroot "$sid" apt-get -qq install -y --no-install-recommends mesa-vulkan-drivers libvulkan1 glslc >&2
fi
if [ -e "$sid/usr/share/vulkan/icd.d/lvp_icd.json" ]; then
	version=$(chroot "$sid" dpkg-query -W -f '${Version}' mesa-vulkan-drivers | sed 's/-.*//')
	environment='VK_DRIVER_FILES=/usr/share/vulkan/icd.d/lvp_icd.json LP_NATIVE_VECTOR_WIDTH=256'
	printf 'lavapipe %s\t%s\t%s\n' "$version" "$sid" "$environment"
	printf 'lavapipe %s, matrix units\t%s\t%s MARR_KERNELS=coop\n' "$version" "$sid" "$environment"
else
	note "no Debian sid: run this as root with debootstrap installed, or set MARR_SID to a chroot with mesa-vulkan-drivers and libvulkan1"
fi

# SwiftShader is a part of Chromium.
swift="$cache/swiftshader"
if [ ! -e "$swift/version" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	(cd "$work" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download chromium-common >&2 && dpkg -x chromium-common_*.deb files)
	rm -rf "$swift"
	mkdir -p "$swift"
	cp "$(find "$work/files" -name libvk_swiftshader.so)" "$swift"
	sed 's|"library_path": "[^"]*"|"library_path": "'"$swift"'/libvk_swiftshader.so"|' "$(find "$work/files" -name vk_swiftshader_icd.json)" >"$swift/icd.tmp"
	mv "$swift/icd.tmp" "$swift/vk_swiftshader_icd.json"
	dpkg-deb -f "$work"/chromium-common_*.deb Version | sed 's/-.*//' >"$swift/version"
fi
printf 'SwiftShader of Chromium %s\t/\tVK_DRIVER_FILES=%s\n' "$(cat "$swift/version")" "$swift/vk_swiftshader_icd.json"
