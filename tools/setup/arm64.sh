#!/usr/bin/env bash
# arm64.sh                         installs qemu and a C compiler for arm64, and unpacks what programs for arm64 need into the user's cache folder: Debian
#                                  12's libc, Vulkan loader and lavapipe, and ONNX Runtime from npm
# arm64.sh PROGRAM [ARGUMENT...]   runs a program for Linux on arm64 under qemu (go test -exec)
# A program that starts itself needs binfmt_misc, through which the kernel runs programs of another processor. Root registers qemu there.
# Paths: if a file is in the unpacked folder, qemu opens it instead of the system's file of the same path.
set -euo pipefail

root="${XDG_CACHE_HOME:-$HOME/.cache}/marr/arm64"

install() {
	local packages=() sudo=()
	command -v aarch64-linux-gnu-gcc >/dev/null || packages+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
	command -v qemu-aarch64-static >/dev/null || packages+=(qemu-user-static)
	[ ${#packages[@]} -gt 0 ] || return 0
	[ "$(id -u)" = 0 ] || sudo=(sudo)
	echo "arm64: installing ${packages[*]}"
	"${sudo[@]}" apt-get -qq update
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${packages[@]}" >/dev/null
}

# register makes the kernel run programs for arm64 with qemu, if root may.
register() {
	local binfmt=/proc/sys/fs/binfmt_misc
	[ "$(id -u)" = 0 ] && [ -e /usr/lib/binfmt.d/qemu-aarch64.conf ] || return 0
	[ -e $binfmt/register ] || mount -t binfmt_misc none $binfmt 2>/dev/null || return 0
	[ -e $binfmt/qemu-aarch64 ] || cat /usr/lib/binfmt.d/qemu-aarch64.conf >$binfmt/register 2>/dev/null || true
}

# unpack makes $1 from Debian's packages for arm64. It uses neither apt's own lists nor its lock, so it needs no root.
unpack() {
	local work=$1/apt deb
	mkdir -p "$work"/lists/partial "$work"/cache/archives/partial
	: >"$work/status"
	cat >"$work/apt.conf" <<-EOF
		APT::Architecture "arm64"; APT::Architectures { "arm64"; }; APT::Install-Recommends "false"; APT::Sandbox::User "$(id -un)";
		Dir::State "$work"; Dir::State::status "$work/status"; Dir::Cache "$work/cache"; Dir::Etc::sourcelist "$work/sources.list";
		Dir::Etc::sourceparts "-"; Acquire::Languages "none";
	EOF
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" >"$work/sources.list"
	APT_CONFIG="$work/apt.conf" apt-get -qq update
	APT_CONFIG="$work/apt.conf" apt-get -qq -y --download-only install mesa-vulkan-drivers libvulkan1 libstdc++6 >/dev/null
	for deb in "$work"/cache/archives/*.deb; do
		dpkg -x "$deb" "$1"
	done
	rm -rf "$work"
}

# ONNX Runtime reads the features of the processor here, and crashes on those of another one.
cpuinfo() {
	printf 'processor\t: 0\nFeatures\t: fp asimd aes pmull sha1 sha2 crc32 cpuid\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\n'
	printf 'CPU part\t: 0xd08\nCPU revision\t: 3\n'
}

if [ $# -eq 0 ]; then
	install
	register
	[ -e "$root/proc/cpuinfo" ] && exit
	mirror=$(apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian bookworm main //p' | head -n 1)
	[ -n "$mirror" ] || { echo "arm64: apt has no mirror of Debian 12: run apt-get update" >&2; exit 1; }
	echo "arm64: unpacking Debian's packages for arm64 into $root"
	rm -rf "$root"
	mkdir -p "$root/proc"
	unpack "$root"
	"$(dirname "${BASH_SOURCE[0]}")/ort.sh" arm64 "$root/ort"
	cpuinfo >"$root/proc/cpuinfo"
	exit
fi
if [ ! -e "$root/proc/cpuinfo" ]; then
	echo "arm64: nothing is unpacked in $root: run tools/setup/arm64.sh without arguments" >&2
	exit 1
fi
driver=/usr/share/vulkan/icd.d/lvp_icd.aarch64.json
export QEMU_LD_PREFIX="$root" VK_DRIVER_FILES="$driver" VK_ICD_FILENAMES="$driver" MARR_ORT_LIB="$root/ort/libonnxruntime.so.1"
exec qemu-aarch64-static "$@"
