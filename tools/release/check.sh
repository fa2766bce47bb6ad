#!/usr/bin/env bash
# check.sh [PART]...: checks the release in bin/release, which make release builds. Without arguments all parts:
#
#	bytes     a second release, built in another folder without Go's cache, has the same checksums
#	goinstall go install MODULE@VERSION works from a proxy that has the module
#	package   the Debian package installs, works and leaves nothing, in a clean Debian 12
#	demo      marr demo of the archive, in a Debian 12 with nothing but the Vulkan loader and lavapipe
#
# package and demo need root, debootstrap and a mirror of Debian; the base system is kept in the user's cache folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

release=$PWD/bin/release
cache="${XDG_CACHE_HOME:-$HOME/.cache}/marr"
work=$(mktemp -d)
root=$work/debian

say() { echo "check-release: $*"; }
fail() { say "$*" >&2; exit 1; }
inside() { chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
cleanup() {
	mountpoint -q "$root/proc" && umount "$root/proc"
	chmod -R u+w "$work" && rm -rf "$work"
}
trap cleanup EXIT

# debian PACKAGE...: a new Debian 12 in $root, with packages.
debian() {
	local mirror base=$cache/bookworm
	if [ ! -e "$base/etc/debian_version" ]; then
		mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^bookworm main //p' | head -n 1)
		say "making a Debian 12 in $base"
		command -v debootstrap >/dev/null || apt-get -qq -y --no-install-recommends install debootstrap >/dev/null
		mkdir -p "$cache"
		debootstrap --variant=minbase bookworm "$base.new" "$mirror" >"$work/debootstrap" || fail "debootstrap: $(tail -n 3 "$work/debootstrap")"
		mv "$base.new" "$base"
	fi
	mountpoint -q "$root/proc" && umount "$root/proc"
	rm -rf "$root"
	cp -a "$base" "$root"
	cp /etc/resolv.conf "$root/etc"
	mount -t proc proc "$root/proc"
	inside apt-get -qq update
	[ $# = 0 ] || inside apt-get -qq -y --no-install-recommends install "$@" >/dev/null 2>&1
}

check_bytes() {
	git clone -q "$PWD" "$work/elsewhere"
	git -C "$work/elsewhere" checkout -q --detach "$(git rev-parse HEAD)"
	say "building the release again"
	(cd "$work/elsewhere" && GOCACHE=$work/cache go run ./tools/release --out "$work/second" >/dev/null)
	diff "$release/SHA256SUMS" "$work/second/SHA256SUMS" || fail "two builds of this commit differ"
	say "two builds in two folders are equal: $(wc -l <"$release/SHA256SUMS") files"
}

check_goinstall() {
	go run ./tools/release --proxy "$work/proxy"
	local module version have
	module=$(go list -m)
	version=$(cat "$work/proxy/$module/@v/list")
	# The module cache is new, so that this version of the module does not stay in the user's. Its other modules come from the user's, where they are.
	have=$(go env GOMODCACHE)/cache/download
	(cd "$work" && GOPROXY="file://$work/proxy,file://$have,$(go env GOPROXY)" GONOSUMDB="$module" GOMODCACHE="$work/mod" GOBIN="$work/bin" \
		GOFLAGS=-modcacherw go install "$module/tools/marr@$version" 2>"$work/log") || fail "go install: $(tail -n 5 "$work/log")"
	"$work/bin/marr" --version | grep -qx "marr $version" || fail "the installed program has another version: $("$work/bin/marr" --version)"
	say "go install $module/tools/marr@$version works"
}

check_package() {
	local deb version libc
	debian man-db
	deb=$(echo "$release"/marr_*_amd64.deb)
	version=$(dpkg-deb -f "$deb" Version)
	libc=$(dpkg-deb -f "$deb" Depends | sed 's/.*libc6 (>= \([0-9.]*\)).*/\1/')
	grep -q "glibc $libc" README.md || fail "README.md names another glibc than $libc, which the package needs"
	cp "$deb" "$root/root/marr.deb"
	inside apt-get -qq -y install /root/marr.deb >/dev/null 2>"$work/log" || fail "apt-get install: $(tail -n 3 "$work/log")"
	rm "$root/root/marr.deb"
	[ "$(inside marr --version | sed -n '1s/^marr v\([^,]*\).*/\1/p' | tr - '~')" = "$version" ] || fail "marr --version: $(inside marr --version)"
	inside marr devices | grep -q llvmpipe || fail "marr devices does not list lavapipe, which the package recommends"
	inside man marr | grep -q -e '--labels-per-class' || fail "man marr lacks a flag"
	# shellcheck disable=SC2016 # the words are bash's, inside
	inside bash -c '. /usr/share/bash-completion/completions/marr; COMP_LINE="marr pre" COMP_POINT=8; _marr; echo "${COMPREPLY[*]}"' |
		grep -qx 'predict pretrain\|pretrain predict' || fail "bash does not complete marr pre"
	inside dpkg --verify marr | grep . && fail "files differ from those of the package"
	inside dpkg -L marr >"$work/files"
	inside apt-get -qq -y purge marr >/dev/null 2>&1
	rm -rf "$root/root/.cache" # the user's: kernels that marr and Mesa compiled
	while read -r path; do [ -d "$root$path" ] || [ ! -e "$root$path" ] || fail "the package left $path"; done <"$work/files"
	find "$root" -xdev \( -path "$root/proc" -o -path "$root/var/cache/man" \) -prune -o -iname '*marr*' -print | grep . >"$work/left" && fail "the package left $(head -n 3 "$work/left")"
	say "the package installs, works and leaves nothing: $(basename "$deb")"
}

check_demo() {
	local archive start=$SECONDS
	debian libvulkan1 mesa-vulkan-drivers
	archive=$(echo "$release"/marr-*-linux-amd64.tar.gz)
	tar -C "$root/root" -xzf "$archive"
	mv "$root"/root/marr-* "$root/root/marr"
	inside bash -c 'cd /root/marr && sha256sum --quiet -c SHA256SUMS && ./marr demo' || fail "marr demo failed"
	say "marr demo runs from the archive: $((SECONDS - start)) s with the installation"
}

[ $# -gt 0 ] || set -- bytes goinstall package demo
[ -e "$release/SHA256SUMS" ] || fail "no $release: run make release"
for part in "$@"; do
	case $part in
	bytes | goinstall | package | demo) "check_$part" ;;
	*) fail "part $part: want bytes, goinstall, package or demo" ;;
	esac
done
