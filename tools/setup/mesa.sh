#!/usr/bin/env bash
# mesa.sh: puts the Vulkan drivers of Mesa 25.0.7 for AMD, Intel, Adreno, Mali and V3D, and what makes them believe that their GPU is there, into the
# user's cache folder, and prints that folder. They compile shaders and run nothing. The installed Mesa is not changed. Debian 12 only.
#
#	amd.json intel.json adreno.json mali.json v3d.json   driver files for VK_DRIVER_FILES
#	lib packages                                         folders of libraries for LD_LIBRARY_PATH; lib*_noop_drm_shim.so for LD_PRELOAD
#	rdna4                                                the folder of rdna4.sh
#
# AMD's and Intel's drivers are those of radv.sh. The others and the shims ("noop drm shims": a preloaded library that answers for the kernel's graphics
# driver) are built from Debian's source of the same version, with tools that are unpacked into a temporary folder: a quarter of an hour on two cores.
set -euo pipefail

version=25.0.7
root="${XDG_CACHE_HOME:-$HOME/.cache}/marr/mesa-25"

fail() { echo "mesa: $1" >&2; exit 1; }
here=$(dirname "${BASH_SOURCE[0]}")
found() {
	if [ ! -e "$root/rdna4" ]; then
		newer=$("$here/rdna4.sh")
		ln -sfn "$newer" "$root/rdna4"
	fi
	echo "$root"
}

if [ -e "$root/v3d.json" ]; then
	found
	exit
fi
command -v g++ >/dev/null || fail "g++ is missing: install it (apt-get install g++)"
drivers=$("$here/radv.sh")
libraries=$(tail -n 1 <<<"$drivers")

# Use the mirror of the configured bookworm archive.
mirror=$(apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
	sed -n 's/^Debian bookworm main //p' | head -n 1)
[ -n "$mirror" ] || fail "apt has no mirror of Debian 12: run apt-get update"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists,archives}/partial "$work"/{tools,source,made/lib}
key=/usr/share/keyrings/debian-archive-keyring.gpg
for suite in bookworm bookworm-backports; do
	echo "deb [signed-by=$key] $mirror $suite main"
done >"$work/sources.list"
echo "deb-src [signed-by=$key] $mirror bookworm-backports main" >>"$work/sources.list"

# This does not use apt's own lists, archives and lock, so it needs no root.
apt() {
	apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$work/lists" \
		-o Dir::Cache="$work" -o Dir::Cache::Archives="$work/archives" -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Languages=none -o APT::Keep-Downloaded-Packages=1 "$@" >&2
}
apt update
apt -y --no-install-recommends --download-only --reinstall -t bookworm-backports install meson ninja-build pkg-config python3-mako python3-markupsafe \
	python3-yaml python3-packaging flex bison m4 glslang-tools libdrm-dev libdrm2 libexpat1-dev libexpat1 zlib1g-dev zlib1g
for deb in "$work"/archives/*.deb; do
	dpkg -x "$deb" "$work/tools"
done
revision=$(apt-cache -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work" -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=- \
	madison mesa | sed -n "s/.* \($version-[^ ]*\) .*/\1/p" | head -n 1)
# Only the source is needed. Its packaging may be gone from the mirror, and its messages would mislead.
(cd "$work/source" && apt --download-only source "mesa=$revision") 2>/dev/null || true
[ -e "$work/source/mesa_$version.orig.tar.xz" ] || fail "the source of Mesa $version is not on $mirror"
tar -C "$work/source" --strip-components=1 -xf "$work/source/mesa_$version.orig.tar.xz"

# The shim for V3D answers as that of a Raspberry Pi 4, without what the Vulkan driver needs: make it a Raspberry Pi 5 (V3D 7.1).
sed -i -e 's/case DRM_V3D_PARAM_SUPPORTS_PERFMON:/case DRM_V3D_PARAM_SUPPORTS_MULTISYNC_EXT: case DRM_V3D_PARAM_SUPPORTS_CPU_QUEUE:/' \
	-e 's/0x04443356/0x07443356/; s/0x81001422/0x81001421/' "$work/source/src/broadcom/drm-shim/v3d_noop.c"
usr="$work/tools/usr"
built=(broadcom/vulkan/libvulkan_broadcom.so freedreno/vulkan/libvulkan_freedreno.so panfrost/vulkan/libvulkan_panfrost.so
	intel/tools/libintel_noop_drm_shim.so broadcom/drm-shim/libv3d_noop_drm_shim.so freedreno/drm-shim/libfreedreno_noop_drm_shim.so
	panfrost/drm-shim/libpanfrost_noop_drm_shim.so)
(
	export PATH="$usr/bin:/usr/bin:/bin" PYTHONPATH="$usr/lib/python3/dist-packages" BISON_PKGDATADIR="$usr/share/bison" M4="$usr/bin/m4"
	export PKG_CONFIG_LIBDIR="$usr/lib/$(gcc -print-multiarch)/pkgconfig:$usr/share/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$work/tools"
	cd "$work/source" && meson setup build --buildtype=release -Doptimization=1 -Dplatforms= -Dvulkan-drivers=broadcom,freedreno,panfrost \
		-Dfreedreno-kmds=msm -Dtools=drm-shim,intel -Dgallium-drivers= -Dvideo-codecs= -Dllvm=disabled -Dglx=disabled -Degl=disabled \
		-Dgbm=disabled -Dopengl=false -Dgles1=disabled -Dgles2=disabled -Dbuild-tests=false --wrap-mode=nofallback &&
		nice -n 19 ninja -C build "${built[@]/#/src/}"
) >"$work/log" 2>&1 || fail "Mesa $version does not build: $(tail -n 20 "$work/log")"

for f in "${built[@]}"; do
	strip -o "$work/made/lib/${f##*/}" "$work/source/build/src/$f"
done
ln -s "$libraries" "$work/made/packages"
driver() {
	printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s/libvulkan_%s.so", "api_version": "1.3.0"}}\n' "$2" "$3" >"$work/made/$1.json"
}
driver amd "$libraries" radeon
driver intel "$libraries" intel
driver adreno "$root/lib" freedreno
driver mali "$root/lib" panfrost
driver v3d "$root/lib" broadcom
rm -rf "$root"
mkdir -p "$(dirname "$root")"
mv "$work/made" "$root"
found
