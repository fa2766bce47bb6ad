#!/usr/bin/env bash
# rdna4.sh: puts a newer RADV (the AMD driver), which compiles products of matrices for RDNA 4, its libraries and what makes it believe that a GPU is there,
# into the user's cache folder, and prints that folder. It compiles shaders and runs nothing. The installed Mesa is not changed. Debian 12 only.
#
#	amd.json    driver file for VK_DRIVER_FILES
#	packages    folder of libraries for LD_LIBRARY_PATH, with a newer libc: programs are started by ld.so beside it
#	lib         libamdgpu_noop_drm_shim.so for LD_PRELOAD, with AMDGPU_GPU_ID=gfx1201
#
# Driver and libraries are packages of Debian 13 and its backports. The shim (a preloaded library that answers for the kernel's graphics driver) is built
# from the source of Mesa 25.0.7, which mesa.sh uses too.
set -euo pipefail

version=25.0.7
root="${XDG_CACHE_HOME:-$HOME/.cache}/marr/rdna4"

fail() { echo "rdna4: $1" >&2; exit 1; }
if [ -e "$root/amd.json" ]; then
	echo "$root"
	exit
fi
command -v gcc >/dev/null || fail "gcc is missing: install it (apt-get install gcc)"

# Use the mirror of the configured bookworm archive.
mirror=$(apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
	sed -n 's/^Debian bookworm main //p' | head -n 1)
[ -n "$mirror" ] || fail "apt has no mirror of Debian 12: run apt-get update"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists,archives}/partial "$work"/{source,made/lib}
key=/usr/share/keyrings/debian-archive-keyring.gpg
for suite in trixie trixie-backports; do
	echo "deb [signed-by=$key] $mirror $suite main"
done >"$work/sources.list"
echo "deb-src [signed-by=$key] $mirror bookworm-backports main" >>"$work/sources.list"
: >"$work/status" # no package is installed, so that all libraries are downloaded

# This does not use apt's own lists, archives and lock, so it needs no root.
apt() {
	apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$work/lists" \
		-o Dir::State::Status="$work/status" -o Dir::Cache="$work" -o Dir::Cache::Archives="$work/archives" -o Debug::NoLocking=1 \
		-o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o APT::Keep-Downloaded-Packages=1 "$@" >&2
}
apt update
apt -y --no-install-recommends --download-only -t trixie-backports install mesa-vulkan-drivers libvulkan1 libdrm-dev
for deb in "$work"/archives/*.deb; do
	dpkg -x "$deb" "$work/made/files"
done
# Only the source is needed. Its packaging may be gone from the mirror, and its messages would mislead.
(cd "$work/source" && apt --download-only source mesa) 2>/dev/null || true
[ -e "$work/source/mesa_$version.orig.tar.xz" ] || fail "the source of Mesa $version is not on $mirror"
tar -C "$work/source" --strip-components=1 -xf "$work/source/mesa_$version.orig.tar.xz" --wildcards \
	'*/include/*' '*/src/amd/common/*' '*/src/amd/drm-shim/*' '*/src/c11/*' '*/src/drm-shim/*' '*/src/util/*'

# The shim knows no GPU of RDNA 4, and answers as an older kernel than the driver needs. Make its gfx1150 (RDNA 3.5) a gfx1201.
sed -i -e 's/version_minor = 49/version_minor = 60/' "$work/source/src/amd/drm-shim/amdgpu_noop_drm_shim.c"
sed -i -e '/"gfx1150"/,$ { s/gfx1150/gfx1201/; s/CHIP_GFX1150/CHIP_GFX1201/; s/hw_ip_version_major = 11/hw_ip_version_major = 12/' \
	-e 's/0xb0500/0xc0001/; s/0x150e/0x7550/; s/external_rev = 0x11/external_rev = 0x51/; s/FAMILY_GC_11_5_0/FAMILY_GC_12_0_0/ }' \
	"$work/source/src/amd/drm-shim/amdgpu_devices.c"
usr="$work/made/files/usr"
has=()
for name in PTHREAD STRUCT_TIMESPEC PROGRAM_INVOCATION_NAME ENDIAN_H MEMFD_CREATE TIMESPEC_GET SECURE_GETENV REALLOCARRAY __BUILTIN_{CLZ,CTZ,FFS,FFSLL,POPCOUNT} \
	__BUILTIN_{UNREACHABLE,EXPECT} FUNC_ATTRIBUTE_{FORMAT,MALLOC,UNUSED,PACKED}; do
	has+=("-DHAVE_$name")
done
(
	cd "$work/source/src" && gcc -shared -fPIC -O1 -fvisibility=hidden -w -D_GNU_SOURCE -DNDEBUG -DUTIL_ARCH_LITTLE_ENDIAN=1 -DUTIL_ARCH_BIG_ENDIAN=0 "${has[@]}" \
		-I../include -I. -Iamd -Iamd/drm-shim -I"$usr/include" -I"$usr/include/libdrm" amd/drm-shim/amdgpu_{noop_drm_shim,devices}.c drm-shim/{device,drm_shim}.c \
		util/{anon_file,blob,futex,half_float,hash_table,log,memstream,mesa-blake3,mesa-sha1,os_file,os_misc,os_time,ralloc,rb_tree,set,simple_mtx,vma}.c \
		util/u_{call_once,cpu_detect,debug,math,printf,process,thread}.c -ldl -lpthread -lm -Wl,--gc-sections,--no-undefined -o "$work/made/lib/libamdgpu_noop_drm_shim.so"
) >"$work/log" 2>&1 || fail "the shim of Mesa $version does not build: $(tail -n 20 "$work/log")"

driver=$(cd "$work/made" && find files -name libvulkan_radeon.so)
loader=$(cd "$work/made" && find files -name 'ld-linux-*.so.*' | head -n 1)
[ -n "$driver" ] && [ -n "$loader" ] || fail "the packages of $mirror have no libvulkan_radeon.so or no loader"
ln -s "$(dirname "$driver")" "$work/made/packages"
ln -s "$loader" "$work/made/ld.so"
printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.4.0"}}\n' "$root/$driver" >"$work/made/amd.json"
rm -rf "$root"
mkdir -p "$(dirname "$root")"
mv "$work/made" "$root"
echo "$root"
