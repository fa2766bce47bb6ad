#!/usr/bin/env bash
# build.sh [DIR]: builds a folder (default: bin/gpucheck) with the command, the tests of the kernels and run.sh, which checks a machine with a GPU.
# That machine needs only the Vulkan loader, glibc and bash.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:-bin/gpucheck}
mkdir -p "$out"
out=$(cd "$out" && pwd)
go build -trimpath -buildvcs=auto -o "$out/marr" ./tools/marr
go test -c -trimpath -o "$out/kernels.test" ./kernels
rm -rf "${out:?}/testdata"
cp -r kernels/testdata "$out/testdata" # the tests run in this folder
cp tools/gpucheck/run.sh "$out/run.sh"
echo "gpucheck: $out: copy this folder to the machine and run $(basename "$out")/run.sh OUT"
