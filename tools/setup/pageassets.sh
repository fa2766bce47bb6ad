#!/usr/bin/env bash
# pageassets.sh: renews the libraries of the report's page from npm, with their licenses, in these versions. A package whose content differs from its
# checksum is refused.
set -euo pipefail

assets=$(cd "$(dirname "$0")/../../ssl/report/page/assets" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# renew PACKAGE VERSION SHA512 FOLDER FILE...: copies files of an npm package into a folder of the assets.
renew() {
	local package=$1 version=$2 sum=$3 folder=$4
	shift 4
	(cd "$tmp" && npm pack --silent "$package@$version" >/dev/null)
	echo "$sum  $tmp/$package-$version.tgz" | sha512sum --check --quiet || { echo "pageassets: $package $version: its content has changed" >&2; exit 1; }
	mkdir -p "$tmp/$package" "$assets/$folder"
	tar -xzf "$tmp/$package-$version.tgz" -C "$tmp/$package" --strip-components=1
	for file in "$@"; do install -m 644 "$tmp/$package/$file" "$assets/$folder/"; done
	echo "$package $version: $assets/$folder"
}

renew uplot 1.6.32 2883159c6ebccefbb95d751b0b82d010f9e1c0ec41b8bc96d401eda66e882935c89a46cb824332fa369b8cb8122cc6ac36e186cd09bf7a9ded3a4c93c6989023 \
	uplot LICENSE dist/uPlot.iife.min.js dist/uPlot.min.css
renew umap-js 1.4.0 c71a6f885f7050ee8dc6bc7e0b9f12a0381e6be8763e755a44f2837a55afd07a2d998e817967a1d2400f268ba67ea524cd4be8c06b187cc6e7b162346fd768f8 \
	umap LICENSE lib/umap-js.min.js
